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

/// The lock is held only to take a connection or to put one back, and not while a socket is looked at. A
/// forked child has a pool of its own: it must not use its parent's connections.
#[derive(Default)]
pub(super) struct Pool {
    idle: PerProcess<Mutex<Vec<Idle>>>,
    /// Most calls look only at this, without the lock.
    is_used: AtomicBool,
}

struct Idle {
    connection: Box<Connection>,
    to: To,
    since: Instant,
}

/// The server that a connection leads to. It decides the way there, too, such as a proxy.
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

    /// Closes the connections that were idle for too long.
    pub fn tidy(&self) {
        if self.is_used.load(Relaxed) {
            let _old: Vec<Idle> = self.idle(|all| all.drain(..too_old(all)).collect());
        }
    }

    /// Takes the connection that was used last, if it is still good.
    pub fn take(&self, uri: &Uri) -> Option<Box<Connection>> {
        self.take_idle(uri).map(|idle| idle.connection)
    }

    /// Whether there is a connection that is still good.
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
        // Closed after the lock is released.
        let _old: Vec<Idle> = self.idle(|all| {
            all.push(new);
            all.drain(..too_old(all).max(all.len().saturating_sub(MAX_IDLE))).collect()
        });
    }
}

fn too_old(all: &[Idle]) -> usize {
    all.iter().take_while(|idle| idle.since.elapsed() >= MAX_IDLE_TIME).count()
}
