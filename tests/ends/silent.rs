//! A server that comes to a certain point of each conversation and then says nothing more. It tells the
//! test when it got there, and when the client left.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

/// How far the server reads before it speaks.
#[derive(Clone, Copy)]
pub enum Until {
    Bytes(usize),
    EmptyLine,
}

/// One step: the server reads so far, and then says this.
pub type Step = (Until, &'static [u8]);

/// What the server does after the last step.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It reads, and says nothing.
    Reads,
    /// It does not even read, until [`Silent::read_on`].
    ReadsNothing,
    /// It says a byte at a time.
    Drips,
}

pub struct Silent {
    pub address: SocketAddr,
    reached: Receiver<()>,
    left: Receiver<()>,
    reads_on: Arc<AtomicBool>,
}

impl Silent {
    pub fn after(steps: &'static [Step], then: Then) -> Silent {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (reach, reached) = channel();
        let (leave, left) = channel();
        let reads_on = Arc::<AtomicBool>::default();
        let reads = reads_on.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (reach, leave, reads) = (reach.clone(), leave.clone(), reads.clone());
                thread::spawn(move || {
                    let _ = converse(stream, steps, then, &reach, &reads);
                    // The test may be over.
                    let _ = leave.send(());
                });
            }
        });
        Silent { address, reached, left, reads_on }
    }

    /// Returns when so many conversations have come to the point.
    pub fn wait_for(&self, conversations: usize) {
        for _ in 0..conversations {
            self.reached.recv_timeout(PATIENCE).expect("the call comes to this point");
        }
    }

    /// Whether the client of a conversation leaves in time.
    pub fn is_left(&self) -> bool {
        self.left.recv_timeout(PATIENCE).is_ok()
    }

    pub fn read_on(&self) {
        self.reads_on.store(true, Ordering::SeqCst);
    }
}

const PATIENCE: Duration = Duration::from_secs(30);

/// Ends when the client has left.
fn converse(
    mut stream: TcpStream,
    steps: &[Step],
    then: Then,
    reach: &Sender<()>,
    reads_on: &AtomicBool,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    for (until, reply) in steps {
        read(&mut stream, *until)?;
        stream.write_all(reply)?;
    }
    let _ = reach.send(());
    while then == Then::ReadsNothing && !reads_on.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(10));
    }
    if then == Then::Drips {
        stream.set_read_timeout(Some(Duration::from_millis(50)))?;
    }
    let mut buffer = [0; 64 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(why) if matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                stream.write_all(b" ")?;
            }
            Err(why) => return Err(why),
        }
    }
}

fn read(stream: &mut TcpStream, until: Until) -> std::io::Result<()> {
    let mut all = Vec::new();
    let is_enough = |all: &[u8]| match until {
        Until::Bytes(count) => all.len() >= count,
        Until::EmptyLine => all.ends_with(b"\r\n\r\n"),
    };
    while !is_enough(&all) {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        all.push(byte[0]);
    }
    Ok(())
}
