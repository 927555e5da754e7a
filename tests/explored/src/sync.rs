//! Locks and events with the names and the shape of those that they stand for.

use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, PoisonError};
use std::time::Duration;

use crate::clock;
use crate::schedule::{self, Object, Step};

#[derive(Default)]
pub struct Mutex<T>(std::sync::Mutex<T>);

pub struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    inner: Option<std::sync::MutexGuard<'a, T>>,
    scheduled: bool,
}

impl<T> Mutex<T> {
    pub fn new(value: T) -> Mutex<T> {
        Mutex(std::sync::Mutex::new(value))
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Never poisoned: the library looks past that everywhere.
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        let address = self.address();
        let scheduled = schedule::step(Step::Lock(address), Object::Lock(address));
        let inner = Some(self.0.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(MutexGuard { mutex: self, inner, scheduled })
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.inner.as_deref().expect("it is held until it is dropped")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.inner.as_deref_mut().expect("it is held until it is dropped")
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        drop(self.inner.take());
        if self.scheduled {
            schedule::unlocked(self.mutex.address());
        }
    }
}

/// What wakes one thread. A notification that comes too early is kept for the next wait.
#[derive(Default)]
pub struct Event(
    /// So that two of them never have the same address.
    u8,
);

impl Event {
    fn address(&self) -> usize {
        std::ptr::from_ref(&self.0).addr()
    }

    pub fn notify(&self) {
        schedule::step(Step::Notify(self.address()), Object::Event(self.address()));
    }

    /// A thread that is being explored waits no time, whatever the clock says: the schedule decides
    /// whether its time is over. False: this thread is not explored, and has not waited.
    pub fn wait(&self, time: Duration) -> bool {
        let event = self.address();
        schedule::step(Step::Begin(event), Object::Event(event));
        if !schedule::step(Step::Wait { event, time }, Object::Event(event)) {
            return false;
        }
        if schedule::waited_in_vain() {
            clock::pass(time);
        }
        true
    }
}
