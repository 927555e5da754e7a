//! A connection that is opened during a renewal, for the API request that waits for that renewal.

use std::time::{Duration, Instant};

use ureq::http::Uri;

use super::connection::Connection;
use super::dial::Dial;
use super::pool::{MAX_IDLE_TIME, To};
use super::tls::Stream;
use crate::call::Beside;
use crate::os::{Interest, fork_count};
use crate::sync::now;

/// A server may close a connection that has waited for longer. A request that cannot be repeated does not
/// use it.
const MAX_WAIT: Duration = Duration::from_secs(2);

pub(super) struct Ahead {
    to: To,
    stage: Stage,
    /// When the last step was made. No step is made while the program's callback runs.
    stepped: Instant,
    /// A child that is forked meanwhile must not use the connection.
    forks: u32,
}

enum Stage {
    Dialling(Dial),
    Open { stream: Stream, since: Instant },
    Failed,
}

/// A connection that a request can use.
pub(super) enum Begun {
    Dialling(Dial),
    Open(Box<Connection>),
}

impl Ahead {
    pub fn new(uri: &Uri, dial: Dial) -> Ahead {
        Ahead { to: To::of(uri), stage: Stage::Dialling(dial), stepped: now(), forks: fork_count() }
    }

    /// None: it leads to another server, has failed, or is too old for this request.
    pub fn for_request(self, uri: &Uri, can_be_repeated: bool) -> Option<Begun> {
        if !self.to.is(uri) || self.forks != fork_count() {
            return None;
        }
        let max_wait = if can_be_repeated { MAX_IDLE_TIME } else { MAX_WAIT };
        match self.stage {
            // The server may have given up a handshake that has stopped.
            Stage::Dialling(_) if self.stepped.elapsed() > MAX_WAIT => None,
            Stage::Dialling(dial) => Some(Begun::Dialling(dial)),
            Stage::Open { since, .. } if since.elapsed() > max_wait => None,
            Stage::Open { mut stream, .. } => {
                stream.is_quiet().then(|| Begun::Open(Connection::new(stream)))
            }
            // The request dials again, and reports the error if that fails, too.
            Stage::Failed => None,
        }
    }
}

impl Beside for Ahead {
    fn step(&mut self, now: Instant) {
        self.stepped = now;
        if self.forks != fork_count() {
            self.stage = Stage::Failed;
        }
        let Stage::Dialling(dial) = &mut self.stage else { return };
        match dial.step(now) {
            Ok(None) => {}
            Ok(Some(stream)) => self.stage = Stage::Open { stream, since: now },
            Err(_) => self.stage = Stage::Failed,
        }
    }

    fn interests(&self) -> Vec<Interest<'_>> {
        match &self.stage {
            Stage::Dialling(dial) => dial.interests(),
            Stage::Open { .. } | Stage::Failed => vec![],
        }
    }

    fn next_at(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Dialling(dial) => dial.next_at(),
            Stage::Open { .. } | Stage::Failed => None,
        }
    }
}
