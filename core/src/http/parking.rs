//! Renewals whose calls ended before their responses had come. They stay with their logins for a while:
//! the next call reads the response where the last one stopped.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::exchange::Cut;
use crate::os::PerProcess;

/// The most that an application keeps: each has a socket. The oldest makes room.
const MAX_PARKED: usize = 8;

/// The most of one login: one whose response may be about to come, and one that was sent because it did not.
const MAX_OF_LOGIN: usize = 2;

/// How long a response is still expected after its request was sent.
const MAX_AGE: Duration = Duration::from_secs(30);

/// No timer closes what is too old: the next call of the application does. A forked child has none of its
/// parent's.
#[derive(Default)]
pub(crate) struct Parking {
    parked: PerProcess<Mutex<Vec<Parked>>>,
    /// What most calls look at, without the lock.
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
    /// What `look` takes out is dropped, and so closed, when the lock is free again.
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
            // The oldest of a login is nearest to its response.
            let mut of_login = 0;
            let mut old: Vec<_> = all
                .extract_if(.., |parked| {
                    of_login += usize::from(parked.login == login);
                    parked.login == login && of_login >= MAX_OF_LOGIN
                })
                .collect();
            all.push(new);
            // By age: a renewal that is cut once more is as old as its request.
            all.sort_by_key(|parked| parked.cut.sent_at);
            old.extend(all.drain(..all.len().saturating_sub(MAX_PARKED)));
            old
        });
    }

    /// Whether this login has one that was sent with this refresh token.
    pub fn has(&self, login: usize, refresh_token: &str) -> bool {
        self.any(login, refresh_token, |_| true)
    }

    pub fn has_two(&self, login: usize, refresh_token: &str) -> bool {
        let refresh_token = self.hasher.hash_one(refresh_token);
        let is_it = |parked: &&Parked| parked.is_of(login, refresh_token);
        !self.is_empty() && self.parked(|all| all.iter().filter(is_it).count() > 1)
    }

    /// Whether it has one that was sent before this time.
    pub fn has_older(&self, login: usize, refresh_token: &str, than: Instant) -> bool {
        self.any(login, refresh_token, |cut| cut.sent_at < than)
    }

    /// Whether something has come for this login.
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

    /// One of this login: where something has come, or else the last one.
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

    /// Closes those of this login.
    pub fn forget(&self, login: usize) {
        self.remove(|parked| parked.login == login);
    }

    /// Closes what is too old.
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
