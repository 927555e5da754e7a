//! Locks with the names and the shape of those that they stand for.

use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, OnceLock, PoisonError};
use std::time::Duration;

use crate::clock;
use crate::schedule::{self, Object, Step};

#[derive(Default)]
pub struct Mutex<T>(std::sync::Mutex<T>);

pub struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    /// None: it was let in without the lock, by a planted mistake.
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

    /// A lock around nothing guards a wake-up and what is set before it.
    fn object(&self) -> Object {
        if size_of::<T>() == 0 { Object::Bell } else { Object::Lock(self.address()) }
    }

    /// Never poisoned: the library looks past that everywhere.
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        let scheduled = schedule::step(Step::Lock(self.address()), self.object());
        Ok(self.held(scheduled))
    }

    fn held(&self, scheduled: bool) -> MutexGuard<'_, T> {
        let unguarded = scheduled && size_of::<T>() == 0 && schedule::rings_without_lock();
        let inner = (!unguarded).then(|| self.0.lock().unwrap_or_else(PoisonError::into_inner));
        MutexGuard { mutex: self, inner, scheduled }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.inner.as_deref().expect("a lock around nothing is not looked into")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.inner.as_deref_mut().expect("a lock around nothing is not looked into")
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

#[derive(Default)]
pub struct Condvar(std::sync::Condvar);

impl Condvar {
    pub fn notify_all(&self) {
        if schedule::step(Step::Notify(std::ptr::from_ref(self).addr()), Object::Bell) {
            return;
        }
        self.0.notify_all();
    }

    /// A thread that is being explored waits no time, whatever the clock says: the schedule decides
    /// whether its time is over.
    pub fn wait_timeout<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        time: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, ())> {
        if guard.scheduled {
            let (condvar, mutex) = (std::ptr::from_ref(self).addr(), guard.mutex);
            // Let go of together with the beginning of the wait, which is no unlock of its own.
            drop(guard.inner.take());
            guard.scheduled = false;
            drop(guard);
            schedule::step(Step::Wait { condvar, mutex: mutex.address(), time }, Object::Bell);
            if schedule::waited_in_vain() {
                clock::pass(time);
            }
            return Ok((mutex.held(true), ()));
        }
        if let Some(inner) = guard.inner.take() {
            let woken = self.0.wait_timeout(inner, time).unwrap_or_else(PoisonError::into_inner);
            guard.inner = Some(woken.0);
        }
        Ok((guard, ()))
    }
}

/// Read only with the lock of its bell held, so that reading is no step of its own.
pub struct OnceCell<T>(OnceLock<T>);

impl<T> OnceCell<T> {
    #[allow(clippy::new_without_default)] // the one that it stands for is made with new(), too
    pub fn new() -> OnceCell<T> {
        OnceCell(OnceLock::new())
    }

    pub fn get(&self) -> Option<&T> {
        self.0.get()
    }

    pub fn set(&self, value: T) -> Result<(), T> {
        schedule::step(Step::Set, Object::Bell);
        self.0.set(value)
    }
}
