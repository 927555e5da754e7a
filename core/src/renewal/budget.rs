//! How many requests to the token endpoint one call may send.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// The most requests to the token endpoint that one call of the library sends.
pub(super) const MAX_ATTEMPTS: u32 = 4;

/// How many requests to the token endpoint one call of the library may still send.
pub(crate) struct Budget {
    left: AtomicU32,
    /// This call has tried to ask, whether it was sent or not.
    is_touched: AtomicBool,
}

impl Budget {
    pub fn new() -> Budget {
        Budget::of(MAX_ATTEMPTS)
    }

    pub(super) fn of(attempts: u32) -> Budget {
        Budget { left: AtomicU32::new(attempts), is_touched: AtomicBool::new(false) }
    }

    /// One attempt of this budget, or none.
    pub(super) fn one(&self) -> Budget {
        Budget::of(u32::from(self.take()))
    }

    pub(super) fn is_touched(&self) -> bool {
        self.is_touched.load(Relaxed)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.left.load(Relaxed) == 0
    }

    pub(super) fn take(&self) -> bool {
        self.is_touched.store(true, Relaxed);
        self.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// A request that was not sent does not count.
    pub(super) fn give_back(&self) {
        self.left.fetch_add(1, Relaxed);
    }
}
