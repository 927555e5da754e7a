//! A renewal or saving under way: who flies it, and how the others wait for what it brings.

use std::sync::Arc;

use crate::call::Bell;
use crate::call::Deadline;
use crate::error::{Error, Result};
use crate::os::fork_count;
use crate::sync::OnceCell;
use crate::token::Token;

/// A renewal or saving under way.
pub(super) struct Flight {
    thread: usize,
    /// A forked child inherits the note of a flight whose thread it does not have.
    forks: u32,
    /// It is to renew, not only to save.
    renews: bool,
    landed: Arc<Bell>,
    outcome: OnceCell<Outcome>,
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
            landed: Arc::default(),
            outcome: OnceCell::new(),
        })
    }

    /// Waits until it has landed.
    pub(super) fn wait(&self, deadline: &Deadline) -> Result<&Outcome> {
        self.landed.wait(deadline, || self.outcome.get().is_some());
        self.outcome
            .get()
            .ok_or_else(|| Error::timeout("while another thread was renewing this client's token"))
    }

    pub(super) fn land(&self, outcome: Outcome) {
        let _ = self.outcome.set(outcome);
        self.landed.ring();
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
