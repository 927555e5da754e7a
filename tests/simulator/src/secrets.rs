//! Every secret that passed through: a test searches what its program printed for them.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

#[derive(Debug, Default)]
pub(crate) struct Secrets(Mutex<HashSet<String>>);

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
