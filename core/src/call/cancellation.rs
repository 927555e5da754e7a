//! Ending calls: all calls of one handle, all calls of an application, or only the calls that run now. Each
//! function is async-signal-safe: it changes an atomic and wakes threads, without a lock.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use super::slots::Waiting;
use crate::sync::cancelling::AtomicU64;

/// All calls of an application, on all its handles and clients.
#[derive(Default)]
pub(crate) struct Calls {
    /// How often calls were cancelled. A call that began under another count has ended. The highest bit: the
    /// application was shut down.
    count: AtomicU64,
    pub(super) waiting: Waiting,
}

const SHUT_DOWN: u64 = 1 << 63;

impl Calls {
    /// Ends every call that runs now.
    pub fn cancel(&self) {
        self.count.fetch_add(1, SeqCst);
        self.waiting.wake(None);
    }

    /// Ends every call that runs now, and every later one.
    pub fn shut_down(&self) {
        self.count.fetch_or(SHUT_DOWN, SeqCst);
        self.waiting.wake(None);
    }
}

/// The part of a program's handle that can end its calls.
pub struct Handle {
    pub(super) calls: Arc<Calls>,
    /// Not 0: the program has aborted it.
    ended: AtomicU64,
}

impl Handle {
    pub(crate) fn new(calls: &Arc<Calls>) -> Arc<Handle> {
        Arc::new(Handle { calls: calls.clone(), ended: AtomicU64::default() })
    }

    /// Another handle of the same application.
    pub fn another(&self) -> Arc<Handle> {
        Handle::new(&self.calls)
    }

    /// Ends the calls that run with this handle, and every later one.
    pub fn abort(&self) {
        self.ended.fetch_or(1, SeqCst);
        self.calls.waiting.wake(Some(self.id()));
    }

    pub(super) fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

/// What can end one call.
#[derive(Clone)]
pub(super) struct Ends {
    handle: Arc<Handle>,
    count: u64,
}

impl Ends {
    pub fn of(handle: &Arc<Handle>) -> Ends {
        Ends { handle: handle.clone(), count: handle.calls.count.load(SeqCst) }
    }

    /// The program has ended its handle, or the application.
    pub fn is_final(&self) -> bool {
        self.handle.calls.count.load(SeqCst) & SHUT_DOWN != 0 || self.handle.ended.load(SeqCst) != 0
    }

    /// The program has cancelled the running calls since this one began.
    pub fn is_cancelled(&self) -> bool {
        (self.handle.calls.count.load(SeqCst) ^ self.count) & !SHUT_DOWN != 0
    }

    /// The call is cancelled, or its handle or application is ended.
    pub fn is_ended(&self) -> bool {
        let count = self.handle.calls.count.load(SeqCst);
        count != self.count || count & SHUT_DOWN != 0 || self.handle.ended.load(SeqCst) != 0
    }
}
