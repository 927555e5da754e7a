//! How many requests of each class came, and how many were being answered at once.
//!
//! A request is in flight from the moment it has been read until its answer begins to leave, so
//! that a client which waits for each answer is never seen with two.

use crate::fault::Target;
use crate::request::Request;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};

/// What a request is, as far as faults and counters care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Authorize,
    Exchange,
    Refresh,
    Revoke,
    Introspect,
    Api,
    /// Anything else, e.g. the consent form or an unknown path. Only [`Target::Any`] covers it.
    Other,
}

impl Class {
    /// The class of a request to a token endpoint.
    pub(crate) fn of_grant(request: &Request) -> Self {
        match request.form().get("grant_type") {
            Some("authorization_code") => Self::Exchange,
            Some("refresh_token") => Self::Refresh,
            _ => Self::Other,
        }
    }
}

impl Target {
    pub(crate) fn covers(&self, class: Class, path: &str) -> bool {
        match self {
            Self::Any => true,
            Self::ApiPath(prefix) => class == Class::Api && path.starts_with(prefix.as_str()),
            _ => self.class() == Some(class),
        }
    }

    fn class(&self) -> Option<Class> {
        match self {
            Self::Authorize => Some(Class::Authorize),
            Self::Exchange => Some(Class::Exchange),
            Self::Refresh => Some(Class::Refresh),
            Self::Revoke => Some(Class::Revoke),
            Self::Introspect => Some(Class::Introspect),
            Self::Api | Self::ApiPath(_) => Some(Class::Api),
            Self::Any => None,
        }
    }
}

#[derive(Debug, Default)]
struct Counter {
    received: AtomicU64,
    in_flight: AtomicU64,
    most_in_flight: AtomicU64,
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    classes: [Counter; 7],
    any: Counter,
    api_paths: Mutex<HashMap<String, u64>>,
    connections: AtomicU64,
    full_handshakes: AtomicU64,
    resumed_handshakes: AtomicU64,
    offers_of_early_data: AtomicU64,
    /// How many requests each connection brought to a token endpoint.
    token_connections: Mutex<BTreeMap<u64, u64>>,
}

/// The TLS handshakes that came to their end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handshakes {
    /// With certificates and signatures.
    pub full: u64,
    /// Of a session that an earlier connection had.
    pub resumed: u64,
    /// Those of both kinds whose client offered early data (0-RTT), which can be replayed.
    pub early_data_offered: u64,
}

/// A request in flight, until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlight<'a>([&'a Counter; 2]);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        for counter in self.0 {
            counter.in_flight.fetch_sub(1, SeqCst);
        }
    }
}

impl Counts {
    pub(crate) fn connection(&self) {
        self.connections.fetch_add(1, SeqCst);
    }

    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(SeqCst)
    }

    /// Counts a TLS handshake that is done.
    pub(crate) fn handshake(&self, is_resumed: bool, offers_early_data: bool) {
        let count = if is_resumed { &self.resumed_handshakes } else { &self.full_handshakes };
        count.fetch_add(1, SeqCst);
        self.offers_of_early_data.fetch_add(u64::from(offers_early_data), SeqCst);
    }

    pub(crate) fn handshakes(&self) -> Handshakes {
        Handshakes {
            full: self.full_handshakes.load(SeqCst),
            resumed: self.resumed_handshakes.load(SeqCst),
            early_data_offered: self.offers_of_early_data.load(SeqCst),
        }
    }

    /// Counts a request on this connection, if it is one to a token endpoint.
    pub(crate) fn on_connection(&self, id: u64, class: Class) {
        if matches!(class, Class::Exchange | Class::Refresh) {
            let mut all = self.token_connections.lock().unwrap_or_else(PoisonError::into_inner);
            *all.entry(id).or_default() += 1;
        }
    }

    pub(crate) fn token_connections(&self) -> Vec<u64> {
        let all = self.token_connections.lock().unwrap_or_else(PoisonError::into_inner);
        all.values().copied().collect()
    }

    /// Counts a request of which nothing was read.
    pub(crate) fn unread(&self) {
        self.any.received.fetch_add(1, SeqCst);
    }

    pub(crate) fn enter(&self, class: Class, path: &str) -> InFlight<'_> {
        if class == Class::Api {
            let mut paths = self.api_paths.lock().unwrap_or_else(PoisonError::into_inner);
            match paths.get_mut(path) {
                Some(count) => *count += 1,
                None => {
                    paths.insert(path.to_owned(), 1);
                }
            }
        }
        let counters = [&self.classes[class as usize], &self.any];
        for counter in counters {
            counter.received.fetch_add(1, SeqCst);
            let now = counter.in_flight.fetch_add(1, SeqCst) + 1;
            counter.most_in_flight.fetch_max(now, SeqCst);
        }
        InFlight(counters)
    }

    pub(crate) fn requests(&self, target: &Target) -> u64 {
        if let Target::ApiPath(prefix) = target {
            let paths = self.api_paths.lock().unwrap_or_else(PoisonError::into_inner);
            return paths.iter().filter(|(p, _)| p.starts_with(prefix)).map(|(_, n)| n).sum();
        }
        self.counter(target).received.load(SeqCst)
    }

    pub(crate) fn max_in_flight(&self, target: &Target) -> u64 {
        self.counter(target).most_in_flight.load(SeqCst)
    }

    pub(crate) fn api_paths(&self) -> Vec<(String, u64)> {
        let paths = self.api_paths.lock().unwrap_or_else(PoisonError::into_inner);
        let mut paths: Vec<_> = paths.iter().map(|(path, n)| (path.clone(), *n)).collect();
        paths.sort();
        paths
    }

    /// Back to zero; what is in flight goes on being in flight.
    pub(crate) fn reset(&self) {
        for count in [
            &self.connections,
            &self.full_handshakes,
            &self.resumed_handshakes,
            &self.offers_of_early_data,
        ] {
            count.store(0, SeqCst);
        }
        self.token_connections.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.api_paths.lock().unwrap_or_else(PoisonError::into_inner).clear();
        for counter in self.classes.iter().chain([&self.any]) {
            counter.received.store(0, SeqCst);
            counter.most_in_flight.store(counter.in_flight.load(SeqCst), SeqCst);
        }
    }

    fn counter(&self, target: &Target) -> &Counter {
        target.class().map_or(&self.any, |class| &self.classes[class as usize])
    }
}
