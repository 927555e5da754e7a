//! What only the end of a call changes for others. Threads that end no call take no notice of each
//! other here.

use std::sync::atomic::Ordering;

use crate::schedule::{self, Object, Step};

fn touch<T>(of: &T) {
    schedule::step(Step::Touch, Object::OfCancel(std::ptr::from_ref(of).addr()));
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

    pub fn fetch_or(&self, value: u64, order: Ordering) -> u64 {
        touch(self);
        self.0.fetch_or(value, order)
    }
}
