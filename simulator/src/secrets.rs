//! Every secret that passed through: a test searches what its program printed for them.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

type Known = Arc<Mutex<HashSet<String>>>;

/// Those of every simulator that this process has started, also of those that have stopped.
static EVERY: Mutex<Vec<Known>> = Mutex::new(Vec::new());

#[derive(Debug)]
pub(crate) struct Secrets(Known);

/// What [`Simulator::secrets`](crate::Simulator::secrets) says of every simulator that this
/// process has started, in no order: for a search when the process ends.
pub fn all_secrets() -> Vec<String> {
    let every = EVERY.lock().unwrap_or_else(PoisonError::into_inner);
    let known = every.iter().map(|known| known.lock().unwrap_or_else(PoisonError::into_inner));
    known.flat_map(|known| known.iter().cloned().collect::<Vec<_>>()).collect()
}

impl Default for Secrets {
    fn default() -> Self {
        let known = Known::default();
        EVERY.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&known));
        Self(known)
    }
}

impl Secrets {
    pub(crate) fn note(&self, secret: &str) {
        if secret.is_empty() {
            return;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(secret) {
            known.insert(secret.to_owned());
        }
    }

    pub(crate) fn all(&self) -> Vec<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<String> = known.iter().cloned().collect();
        all.sort();
        all
    }
}
