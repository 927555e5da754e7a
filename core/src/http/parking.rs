//! Parked renewals: their calls ended before the responses came. Each stays with its login for a while, and the
//! next call reads the response.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::cut::Cut;
use crate::os::PerProcess;

/// The most parked renewals of an application: each has a socket. The oldest one makes room.
const MAX_PARKED: usize = 8;

/// The most parked renewals of one login: one that is late, and one that was sent because the first was late.
const MAX_OF_LOGIN: usize = 2;

/// How long a response is still expected after its request was sent.
const MAX_AGE: Duration = Duration::from_secs(30);

/// The parked renewals of an application. No timer closes old ones: the next call of the application does. A
/// forked child has none of its parent's.
#[derive(Default)]
pub(crate) struct Parking {
    parked: PerProcess<Mutex<Vec<Parked>>>,
    /// Most calls look only at this, without the lock.
    is_used: AtomicBool,
    hasher: RandomState,
}

struct Parked {
    login: usize,
    refresh_token: u64,
    cut: Cut,
}

impl Parked {
    fn is_of(&self, login: usize, refresh_token: u64) -> bool {
        let is_new = self.cut.since_sent() < MAX_AGE;
        self.login == login && self.refresh_token == refresh_token && is_new
    }
}

impl Parking {
    /// Connections that `look` takes out are closed after the lock is released.
    fn parked<T>(&self, look: impl FnOnce(&mut Vec<Parked>) -> T) -> T {
        let mut all = self.parked.get_or_default().lock().unwrap_or_else(PoisonError::into_inner);
        let found = look(&mut all);
        self.is_used.store(!all.is_empty(), Relaxed);
        found
    }

    fn is_empty(&self) -> bool {
        !self.is_used.load(Relaxed)
    }

    pub fn put(&self, login: usize, refresh_token: &str, cut: Cut) {
        let new = Parked { login, refresh_token: self.hasher.hash_one(refresh_token), cut };
        let _old: Vec<Parked> = self.parked(|all| {
            // Keep the oldest of a login: its response is the nearest.
            let mut of_login = 0;
            let mut old: Vec<_> = all
                .extract_if(.., |parked| {
                    of_login += usize::from(parked.login == login);
                    parked.login == login && of_login >= MAX_OF_LOGIN
                })
                .collect();
            all.push(new);
            // By age: a renewal that is parked once more is as old as its request.
            all.sort_by_key(|parked| parked.cut.sent_at);
            old.extend(all.drain(..all.len().saturating_sub(MAX_PARKED)));
            old
        });
    }

    /// Whether this login has a parked renewal with this refresh token.
    pub fn has(&self, login: usize, refresh_token: &str) -> bool {
        self.any(login, refresh_token, |_| true)
    }

    pub fn has_two(&self, login: usize, refresh_token: &str) -> bool {
        let refresh_token = self.hasher.hash_one(refresh_token);
        let is_it = |parked: &&Parked| parked.is_of(login, refresh_token);
        !self.is_empty() && self.parked(|all| all.iter().filter(is_it).count() > 1)
    }

    /// Whether it has a parked renewal that was sent before this time.
    pub fn has_older(&self, login: usize, refresh_token: &str, than: Instant) -> bool {
        self.any(login, refresh_token, |cut| cut.sent_at < than)
    }

    /// Whether a response has come for this login.
    pub fn has_response(&self, login: usize, refresh_token: &str) -> bool {
        self.any(login, refresh_token, Cut::has_response)
    }

    fn any(&self, login: usize, refresh_token: &str, which: impl Fn(&Cut) -> bool) -> bool {
        if self.is_empty() {
            return false;
        }
        let refresh_token = self.hasher.hash_one(refresh_token);
        self.parked(|all| {
            all.iter().any(|parked| parked.is_of(login, refresh_token) && which(&parked.cut))
        })
    }

    /// Takes a parked renewal of this login: one whose response has come, or else the last one.
    pub fn take(&self, login: usize, refresh_token: &str) -> Option<Cut> {
        if self.is_empty() {
            return None;
        }
        let refresh_token = self.hasher.hash_one(refresh_token);
        self.parked(|all| {
            let is_it = |parked: &Parked| parked.is_of(login, refresh_token);
            let has_response = |parked: &Parked| is_it(parked) && parked.cut.has_response();
            let at = all.iter().position(has_response).or_else(|| all.iter().rposition(is_it))?;
            Some(all.remove(at).cut)
        })
    }

    /// Closes the parked renewals of this login.
    pub fn forget(&self, login: usize) {
        self.remove(|parked| parked.login == login);
    }

    /// Closes the parked renewals that are too old.
    pub(super) fn tidy(&self) {
        self.remove(|parked| parked.cut.since_sent() >= MAX_AGE);
    }

    fn remove(&self, which: impl Fn(&Parked) -> bool) -> Vec<Parked> {
        match self.is_empty() {
            true => vec![],
            false => self.parked(|all| all.extract_if(.., |parked| which(parked)).collect()),
        }
    }
}
