//! How an answer leaves, whole or not.

use crate::answer::Answer;
use crate::stream::Stream;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

/// How long a stalled connection is kept open for a client that does not leave.
const STALL: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) enum Delivery {
    /// The answer, and the connection goes on.
    Whole(Answer),
    /// These bytes, then the connection closes; none: it just closes.
    ThenClose(Vec<u8>),
    /// A reset in place of an answer.
    Reset,
    /// These bytes, and then nothing while the connection stays open.
    ThenStall(Vec<u8>),
    /// The answer byte by byte, with a pause before each.
    Drip(Answer, Duration),
    /// `start`, then `again` and `again` until the client leaves.
    Endless { start: Vec<u8>, again: Vec<u8> },
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    GoOn,
    Close,
    Reset,
}

impl Delivery {
    /// The status the client can see; 0 if there is none.
    pub(crate) fn status(&self) -> u16 {
        let seen = |bytes: &[u8]| -> Option<u16> {
            let digits = bytes.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
            std::str::from_utf8(digits).ok()?.parse().ok()
        };
        match self {
            Self::Whole(answer) | Self::Drip(answer, _) => answer.status,
            Self::ThenClose(bytes) | Self::ThenStall(bytes) => seen(bytes).unwrap_or(0),
            Self::Endless { start, .. } => seen(start).unwrap_or(0),
            Self::Reset => 0,
        }
    }

    /// Sends it. `last`: the client closes after this answer; `head_only`: it asked with HEAD.
    pub(crate) fn send(
        self,
        stream: &mut Stream,
        last: bool,
        head_only: bool,
    ) -> io::Result<Afterwards> {
        let afterwards = if last { Afterwards::Close } else { Afterwards::GoOn };
        match self {
            Self::Whole(answer) => {
                stream.write_all(&answer.encode(last, head_only))?;
                stream.flush()?;
                Ok(afterwards)
            }
            Self::ThenClose(bytes) => {
                stream.write_all(&bytes)?;
                stream.flush()?;
                Ok(Afterwards::Close)
            }
            Self::Reset => Ok(Afterwards::Reset),
            Self::ThenStall(bytes) => {
                stream.write_all(&bytes)?;
                stream.flush()?;
                wait_until_the_client_leaves(stream)?;
                Ok(Afterwards::Close)
            }
            Self::Drip(answer, pause) => {
                for byte in answer.encode(last, head_only) {
                    std::thread::sleep(pause);
                    stream.write_all(&[byte])?;
                    stream.flush()?;
                }
                Ok(afterwards)
            }
            Self::Endless { start, again } => {
                stream.write_all(&start)?;
                loop {
                    // Ends with an error when the client, or the simulator, closes.
                    stream.write_all(&again)?;
                    stream.flush()?;
                }
            }
        }
    }
}

fn wait_until_the_client_leaves(stream: &mut Stream) -> io::Result<()> {
    let until = Instant::now() + STALL;
    let mut tcp = stream.tcp();
    let mut ignored = [0; 1024];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        tcp.set_read_timeout(Some(left))?;
        if tcp.read(&mut ignored)? == 0 {
            return Ok(());
        }
    }
}
