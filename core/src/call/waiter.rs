//! Threads that wait inside a call, and how they are woken.
//!
//! Each call that has to wait takes a [`Slot`] of its application. The slot holds what wakes the call. A
//! signal handler goes through all slots without a lock: slots are added and never removed.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use once_cell::race::OnceBox;
use once_cell::sync::OnceCell;

use super::beside::Beside;
use super::cancellation::Handle;
use crate::os::{Interest, PerProcess, fork_count};
use crate::sync::{self, Wake};

/// How long a thread sleeps if no other thread can wake it, because the process has no descriptor left. Then
/// it looks by itself.
const UNWOKEN: Duration = Duration::from_millis(50);

/// The slots of the first row; each further row has twice as many.
const FIRST_ROW: usize = 4;

/// All threads of an application that wait, or that waited once.
#[derive(Default)]
pub(super) struct Waiting(PerProcess<Row>);

struct Row {
    slots: Vec<Arc<Slot>>,
    next: OnceBox<Row>,
}

impl Default for Row {
    fn default() -> Row {
        Row::of(FIRST_ROW)
    }
}

impl Row {
    fn of(slots: usize) -> Row {
        Row { slots: (0..slots).map(|_| Arc::default()).collect(), next: OnceBox::new() }
    }
}

#[derive(Default)]
struct Slot {
    is_taken: AtomicBool,
    /// The handle whose call has taken it.
    owner: AtomicUsize,
    wake: OnceBox<Wake>,
}

impl Slot {
    fn take(&self, owner: usize) -> bool {
        let is_mine = !self.is_taken.load(SeqCst) && !self.is_taken.swap(true, SeqCst);
        if is_mine {
            self.owner.store(owner, SeqCst);
            // If there is no descriptor left, the next call tries again.
            let _ = self.wake.get_or_try_init(|| Wake::new().map(Box::new));
        }
        is_mine
    }

    fn wake(&self) {
        if let Some(wake) = self.wake.get() {
            wake.wake();
        }
    }
}

impl Waiting {
    /// Wakes the threads in calls of this handle, or all. Async-signal-safe.
    pub fn wake(&self, owner: Option<usize>) {
        // The program stores the end before this. A call makes its slot before it looks for the end. With a
        // fence on both sides, either the slot is seen here or the end is seen there.
        fence(SeqCst);
        let mut row = self.0.get();
        while let Some(one) = row {
            for slot in &one.slots {
                let its_owner = slot.owner.load(SeqCst);
                if its_owner != 0 && owner.is_none_or(|owner| owner == its_owner) {
                    slot.wake();
                }
            }
            row = one.next.get();
        }
    }

    fn take(&self, owner: usize) -> Arc<Slot> {
        let mut row = self.0.get_or_default();
        loop {
            if let Some(slot) = row.slots.iter().find(|slot| slot.take(owner)) {
                return slot.clone();
            }
            row = row.next.get_or_init(|| Box::new(Row::of(2 * row.slots.len())));
        }
    }
}

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
        match self.slot().and_then(|slot| slot.wake.get()) {
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
            slot.owner.store(0, SeqCst);
            slot.is_taken.store(false, SeqCst);
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
