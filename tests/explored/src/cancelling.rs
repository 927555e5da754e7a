//! What only a cancel changes for others. Threads that do not cancel take no notice of each other here:
//! they add to a collection and take their own out again, in whatever order.

use std::sync::LockResult;
use std::sync::MutexGuard;
use std::sync::atomic::Ordering;

use crate::schedule::{self, Object, Step};

fn touch<T>(of: &T) {
    schedule::step(Step::Touch, Object::OfCancel(std::ptr::from_ref(of).addr()));
}

#[derive(Default)]
pub struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    /// Nobody stops while holding one, so nobody waits for one.
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        touch(self);
        self.0.lock()
    }
}

#[derive(Default)]
pub struct AtomicU64(std::sync::atomic::AtomicU64);

impl AtomicU64 {
    pub fn load(&self, order: Ordering) -> u64 {
        touch(self);
        self.0.load(order)
    }

    pub fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
        touch(self);
        self.0.fetch_add(value, order)
    }
}
