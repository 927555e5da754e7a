//! Single flight: a renewal or a save that one thread leads. The others join it, and wait until it finishes.

use std::sync::{Arc, PoisonError};

use super::goal::Goal;
use crate::call::{Deadline, Waker};
use crate::error::{Error, Result};
use crate::os::{fork_count, this_thread};
use crate::sync::{Mutex, MutexGuard};
use crate::token::Token;

/// A renewal or a save that a thread leads.
pub(super) struct SingleFlight {
    thread: usize,
    /// A forked child inherits the note of a flight whose thread it does not have.
    forks: u32,
    /// It is to renew, not only to save.
    renews: bool,
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    /// None: it has not finished.
    outcome: Option<Arc<Outcome>>,
    /// The calls that wait for it.
    waiting: Vec<Waker>,
}

/// What a flight brought.
pub(super) struct Outcome {
    pub token: Result<Arc<Token>>,
    /// The store was offered a token.
    pub offered: bool,
    /// The calls that waited for it may take it. If not, it was short of time or attempts, or its call was
    /// cancelled, or it asked nobody: another call may have more of both.
    pub is_for_all: bool,
}

impl SingleFlight {
    pub(super) fn begin(renews: bool) -> Arc<SingleFlight> {
        Arc::new(SingleFlight {
            thread: this_thread(),
            forks: fork_count(),
            renews,
            progress: Mutex::new(Progress::default()),
        })
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it has finished.
    pub(super) fn wait(&self, deadline: &Deadline) -> Result<Arc<Outcome>> {
        let mut progress = self.progress();
        deadline.waker().join(&mut progress.waiting);
        loop {
            if let Some(outcome) = &progress.outcome {
                return Ok(outcome.clone());
            }
            drop(progress);
            let waited = deadline.wait(&[], None);
            progress = self.progress();
            if waited.is_err() && progress.outcome.is_none() {
                let what = "while another thread was renewing this client's token";
                return Err(Error::timeout(what));
            }
        }
    }

    pub(super) fn finish(&self, outcome: Outcome) {
        let waiting = {
            let mut progress = self.progress();
            progress.outcome = Some(Arc::new(outcome));
            std::mem::take(&mut progress.waiting)
        };
        waiting.iter().for_each(Waker::wake);
    }

    /// What it brought for a call that waited for it with this goal. None: the call decides again.
    pub(super) fn brought(
        &self,
        goal: Goal,
        outcome: &Outcome,
        current: &Arc<Token>,
    ) -> Option<Result<Arc<Token>>> {
        match goal {
            // It was offered a moment ago; once is enough.
            Goal::Save if outcome.offered => Some(Ok(current.clone())),
            Goal::Renew(_) if outcome.is_for_all && self.renews => Some(outcome.token.clone()),
            _ => None,
        }
    }

    pub(super) fn is_of_this_process(&self) -> bool {
        self.forks == fork_count()
    }

    pub(super) fn renews(&self) -> bool {
        self.renews
    }

    pub(super) fn is_led_by_this_thread(&self) -> bool {
        self.thread == this_thread() && self.is_of_this_process()
    }
}
