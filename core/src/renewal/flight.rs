//! A renewal or saving under way: who flies it, and how the others wait for what it brings.

use std::sync::{Arc, PoisonError};

use crate::call::{Deadline, Waker};
use crate::error::{Error, Result};
use crate::os::fork_count;
use crate::sync::{Mutex, MutexGuard};
use crate::token::Token;

/// A renewal or saving under way.
pub(super) struct Flight {
    thread: usize,
    /// A forked child inherits the note of a flight whose thread it does not have.
    forks: u32,
    /// It is to renew, not only to save.
    renews: bool,
    landing: Mutex<Landing>,
}

#[derive(Default)]
struct Landing {
    /// None: it is still under way.
    outcome: Option<Arc<Outcome>>,
    /// The calls that wait for it.
    waiting: Vec<Waker>,
}

/// What a flight brought, for those who waited for it.
pub(super) struct Outcome {
    pub(super) token: Result<Arc<Token>>,
    /// The store was handed a token.
    pub(super) offered: bool,
    /// It failed for want of time or attempts, or because its call was cancelled: another call may
    /// have more of both.
    pub(super) fell_short: bool,
    /// It asked nobody: another process had found out that the refresh token was not used.
    pub(super) was_needless: bool,
}

impl Flight {
    pub(super) fn begin(renews: bool) -> Arc<Flight> {
        Arc::new(Flight {
            thread: this_thread(),
            forks: fork_count(),
            renews,
            landing: Mutex::new(Landing::default()),
        })
    }

    fn landing(&self) -> MutexGuard<'_, Landing> {
        self.landing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it has landed.
    pub(super) fn wait(&self, deadline: &Deadline) -> Result<Arc<Outcome>> {
        let mut landing = self.landing();
        deadline.waker().join(&mut landing.waiting);
        loop {
            if let Some(outcome) = &landing.outcome {
                return Ok(outcome.clone());
            }
            drop(landing);
            let waited = deadline.wait(&[], None);
            landing = self.landing();
            if waited.is_err() && landing.outcome.is_none() {
                let what = "while another thread was renewing this client's token";
                return Err(Error::timeout(what));
            }
        }
    }

    pub(super) fn land(&self, outcome: Outcome) {
        let waiting = {
            let mut landing = self.landing();
            landing.outcome = Some(Arc::new(outcome));
            std::mem::take(&mut landing.waiting)
        };
        waiting.iter().for_each(Waker::wake);
    }

    pub(super) fn is_of_this_process(&self) -> bool {
        self.forks == fork_count()
    }

    pub(super) fn renews(&self) -> bool {
        self.renews
    }

    pub(super) fn is_mine(&self) -> bool {
        self.thread == this_thread() && self.is_of_this_process()
    }
}

/// Different for each running thread, without the handle that std would make for a foreign one.
pub(crate) fn this_thread() -> usize {
    thread_local!(static HERE: u8 = const { 0 });
    HERE.with(|here| std::ptr::from_ref(here).addr())
}
