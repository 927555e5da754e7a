//! The waiting of one call, and how another thread wakes it.

use std::io;
use std::sync::atomic::{Ordering::SeqCst, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use once_cell::sync::OnceCell;

use super::beside::Beside;
use super::cancellation::Handle;
use super::slots::Slot;
use crate::os::{Interest, fork_count};
use crate::sync;

/// How long a thread sleeps if no other thread can wake it, because the process has no descriptor left. Then
/// it looks by itself.
const UNWOKEN: Duration = Duration::from_millis(50);

/// The waiting of one call. Its first wait takes a slot.
pub(super) struct Waiter {
    handle: Arc<Handle>,
    slot: OnceCell<Arc<Slot>>,
    forks: u32,
    /// When a call with grace noticed that it was ended.
    pub ended_at: OnceCell<Instant>,
    /// Work that advances while it waits. Only the call's own thread looks at it.
    beside: Mutex<Option<Box<dyn Beside>>>,
}

impl Waiter {
    pub fn of(handle: &Arc<Handle>) -> Arc<Waiter> {
        let (handle, forks) = (handle.clone(), fork_count());
        Arc::new(Waiter {
            handle,
            slot: OnceCell::new(),
            forks,
            ended_at: OnceCell::new(),
            beside: Mutex::new(None),
        })
    }

    /// None in a child that was forked inside this call: the slot's descriptor belongs to the parent.
    fn slot(&self) -> Option<&Arc<Slot>> {
        let take = || self.handle.calls.waiting.take(self.handle.id());
        (self.forks == fork_count()).then(|| self.slot.get_or_init(take))
    }

    /// Makes sure that no later end of the call is missed. The caller checks after this whether it was ended.
    pub fn can_be_woken(&self) {
        self.slot();
        fence(SeqCst);
    }

    /// Waits until a socket is ready, until it is woken, or for so long. The caller checks which it was.
    pub fn wait(&self, interests: &[Interest], time: Duration) -> io::Result<()> {
        match self.slot().and_then(|slot| slot.waker()) {
            Some(wake) => sync::wait(Some(wake), interests, time),
            None => sync::wait(None, interests, time.min(UNWOKEN)),
        }
    }

    pub fn beside(&self) -> MutexGuard<'_, Option<Box<dyn Beside>>> {
        self.beside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For another thread, to wake this one.
    pub fn waker(&self) -> Waker {
        Waker(self.slot().map(Arc::downgrade).unwrap_or_default())
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.get() {
            slot.give_back();
        }
    }
}

/// Wakes a call that waits. If that call has ended since, another call may be woken in vain. If its
/// application was freed, nothing is woken.
#[derive(Clone)]
pub(crate) struct Waker(Weak<Slot>);

impl Waker {
    /// Adds it to a list of calls to wake. A call that has stopped waiting stays on the list, but the list has
    /// at most one entry for each slot.
    pub fn join(self, list: &mut Vec<Waker>) {
        if !list.iter().any(|other| other.0.ptr_eq(&self.0)) {
            list.push(self);
        }
    }

    pub fn wake(&self) {
        if let Some(slot) = self.0.upgrade() {
            slot.wake();
        }
    }
}
