//! Connections that are kept open for the next request.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ureq::http::Uri;
use ureq::http::uri::Authority;

use super::connection::Connection;
use crate::os::PerProcess;

/// Idle connections kept: enough for a program of 64 threads on one app.
const MAX_IDLE: usize = 64;

/// A connection that was idle for longer is closed: servers close theirs, too.
pub(super) const MAX_IDLE_TIME: Duration = Duration::from_secs(15);

/// The lock is held only to take a connection or to put one back; nobody looks at a socket meanwhile.
/// A forked child has a pool of its own: the connections of its parent are its parent's.
#[derive(Default)]
pub(super) struct Pool {
    idle: PerProcess<Mutex<Vec<Idle>>>,
    /// What most calls look at, without the lock.
    is_used: AtomicBool,
}

struct Idle {
    connection: Box<Connection>,
    to: To,
    since: Instant,
}

/// Whom a connection leads to. The way there, as through a proxy, follows from that.
pub(super) struct To {
    is_tls: bool,
    authority: Option<Authority>,
}

impl To {
    pub fn of(uri: &Uri) -> To {
        let is_tls = uri.scheme_str() == Some("https");
        To { is_tls, authority: uri.authority().cloned() }
    }

    pub fn is(&self, uri: &Uri) -> bool {
        let is_tls = uri.scheme_str() == Some("https");
        self.is_tls == is_tls && self.authority.as_ref() == uri.authority()
    }
}

impl Pool {
    fn idle<T>(&self, look: impl FnOnce(&mut Vec<Idle>) -> T) -> T {
        let mut idle = self.idle.get_or_default().lock().unwrap_or_else(PoisonError::into_inner);
        let found = look(&mut idle);
        self.is_used.store(!idle.is_empty(), Relaxed);
        found
    }

    /// Closes those that were idle for too long.
    pub fn tidy(&self) {
        if self.is_used.load(Relaxed) {
            let _old: Vec<Idle> = self.idle(|all| all.drain(..too_old(all)).collect());
        }
    }

    /// The one that was used last, if it is still good.
    pub fn take(&self, uri: &Uri) -> Option<Box<Connection>> {
        self.take_idle(uri).map(|idle| idle.connection)
    }

    /// Whether there is one that is still good.
    pub fn has(&self, uri: &Uri) -> bool {
        self.take_idle(uri).map(|idle| self.put_idle(idle)).is_some()
    }

    fn take_idle(&self, uri: &Uri) -> Option<Idle> {
        loop {
            let mut idle = self.idle(|all| {
                let at = all.iter().rposition(|idle| idle.to.is(uri))?;
                Some(all.remove(at))
            })?;
            if idle.since.elapsed() < MAX_IDLE_TIME && idle.connection.begin() {
                return Some(idle);
            }
        }
    }

    pub fn put(&self, to: To, connection: Box<Connection>) {
        self.put_idle(Idle { connection, to, since: Instant::now() });
    }

    fn put_idle(&self, new: Idle) {
        // Closed when the lock is free again.
        let _old: Vec<Idle> = self.idle(|all| {
            all.push(new);
            all.drain(..too_old(all).max(all.len().saturating_sub(MAX_IDLE))).collect()
        });
    }
}

fn too_old(all: &[Idle]) -> usize {
    all.iter().take_while(|idle| idle.since.elapsed() >= MAX_IDLE_TIME).count()
}
