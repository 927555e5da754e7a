//! The threads of an application that wait inside a call.
//!
//! Each call that has to wait takes a [`Slot`] of its application. The slot holds what wakes the call. A
//! signal handler goes through all slots without a lock: slots are added and never removed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst, fence};

use once_cell::race::OnceBox;

use crate::os::PerProcess;
use crate::sync::Wake;

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
pub(super) struct Slot {
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

    pub fn give_back(&self) {
        self.owner.store(0, SeqCst);
        self.is_taken.store(false, SeqCst);
    }

    /// None: the process had no descriptor left.
    pub fn waker(&self) -> Option<&Wake> {
        self.wake.get()
    }

    pub fn wake(&self) {
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

    pub fn take(&self, owner: usize) -> Arc<Slot> {
        let mut row = self.0.get_or_default();
        loop {
            if let Some(slot) = row.slots.iter().find(|slot| slot.take(owner)) {
                return slot.clone();
            }
            row = row.next.get_or_init(|| Box::new(Row::of(2 * row.slots.len())));
        }
    }
}
