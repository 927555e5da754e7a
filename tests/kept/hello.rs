//! What a ClientHello offers (RFC 8446 section 4.1.2).

const SESSION_TICKET: u16 = 35;
const PRE_SHARED_KEY: u16 = 41;
const EARLY_DATA: u16 = 42;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// The length of the session id that TLS 1.2 resumes by.
    pub session_id: usize,
    /// The types of its extensions, and how long each is.
    extensions: Vec<(u16, usize)>,
}

impl Hello {
    /// Reads the first message of a connection. `None` if that is no whole ClientHello.
    pub fn parse(bytes: &[u8]) -> Option<Hello> {
        let mut rest = bytes;
        // The record's header, then the message's.
        let [22, ..] = take(&mut rest, 5)? else { return None };
        let [1, length @ ..] = take(&mut rest, 4)? else { return None };
        let length = length.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte));
        let mut rest = rest.get(..length)?;
        take(&mut rest, 2 + 32)?; // version and random
        let session_id = counted(&mut rest, 1)?.len();
        counted(&mut rest, 2)?; // cipher suites
        counted(&mut rest, 1)?; // compression methods
        let mut all = counted(&mut rest, 2)?;
        let mut extensions = Vec::new();
        while !all.is_empty() {
            let kind = take(&mut all, 2)?;
            let kind = u16::from_be_bytes([kind[0], kind[1]]);
            extensions.push((kind, counted(&mut all, 2)?.len()));
        }
        Some(Hello { session_id, extensions })
    }

    fn length_of(&self, wanted: u16) -> Option<usize> {
        self.extensions.iter().find(|(kind, _)| *kind == wanted).map(|(_, length)| *length)
    }

    pub fn offers_early_data(&self) -> bool {
        self.length_of(EARLY_DATA).is_some()
    }

    /// Whether it asks to resume a session of TLS 1.3.
    pub fn offers_a_session(&self) -> bool {
        self.length_of(PRE_SHARED_KEY).is_some()
    }

    /// Whether it brings a ticket of TLS 1.2.
    pub fn brings_a_ticket(&self) -> bool {
        self.length_of(SESSION_TICKET).is_some_and(|length| length > 0)
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, more) = rest.split_at_checked(length)?;
    *rest = more;
    Some(taken)
}

/// So many bytes as the first `width` bytes say.
fn counted<'a>(rest: &mut &'a [u8], width: usize) -> Option<&'a [u8]> {
    let length = take(rest, width)?.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte));
    take(rest, length)
}
