//! Ending the calls that run now, from another thread.
//!
//! A call can be cancelled in one of two ways. While it waits for something in this process it listens
//! to a [`Bell`], which is rung; while it waits for the network its connection, a [`Line`], is cut. A
//! request that spends something single-use is not cut once it is sent: its answer is a token.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError, Weak};

use ureq::unversioned::transport::ShutdownHandle;

use super::Deadline;
use crate::os::fork_count;
use crate::sync;
use crate::sync::cancelling::{AtomicU64, Mutex};

/// What all calls of an app listen to.
#[derive(Default)]
pub(crate) struct Cancel {
    /// How often calls were cancelled: one that began under another count is over.
    count: AtomicU64,
    bells: Mutex<Vec<Arc<Bell>>>,
    lines: Mutex<Vec<Weak<Line>>>,
}

/// One call, as far as it can be cancelled.
#[derive(Clone)]
pub(crate) struct Call {
    cancel: Arc<Cancel>,
    count: u64,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cancel {
    pub fn begin(self: &Arc<Cancel>) -> Call {
        Call { cancel: self.clone(), count: self.count.load(Ordering::SeqCst) }
    }

    /// Ends every call that has begun.
    pub fn cancel(&self) {
        let count = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        let bells = lock(&self.bells).clone();
        bells.iter().for_each(|bell| bell.ring());
        let lines = lock(&self.lines).clone();
        lines.iter().filter_map(Weak::upgrade).for_each(|line| line.cut(count));
    }
}

impl Call {
    pub fn is_cancelled(&self) -> bool {
        self.cancel.count.load(Ordering::SeqCst) != self.count
    }

    /// A connection that is being opened for this call.
    pub fn line(&self) -> Arc<Line> {
        let line = Arc::<Line>::default();
        line.take(Some(self));
        let mut lines = lock(&self.cancel.lines);
        if lines.len() == lines.capacity() {
            lines.retain(|line| line.strong_count() > 0);
        }
        lines.push(Arc::downgrade(&line));
        line
    }

    /// The bell is rung on cancelling, until this is dropped.
    fn listen(&self, bell: &Arc<Bell>) -> Listening<'_> {
        lock(&self.cancel.bells).push(bell.clone());
        Listening(&self.cancel, bell.clone())
    }
}

struct Listening<'a>(&'a Cancel, Arc<Bell>);

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        let mut bells = lock(&self.0.bells);
        if let Some(at) = bells.iter().position(|bell| Arc::ptr_eq(bell, &self.1)) {
            bells.swap_remove(at);
        }
    }
}

/// Wakes those who wait for something that another thread does.
#[derive(Default)]
pub(crate) struct Bell {
    lock: sync::Mutex<()>,
    /// How many wait; changed under the lock.
    waiting: AtomicUsize,
    rung: sync::Condvar,
}

impl Bell {
    /// After what is waited for was done.
    pub fn ring(&self) {
        // Held, so that nobody is about to wait; where nobody does, the system need not be asked.
        let _lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.rung.notify_all();
        }
    }

    /// Waits, without looking again and again, until it is done, or the deadline is over.
    pub fn wait(self: &Arc<Bell>, deadline: &Deadline, done: impl Fn() -> bool) {
        let _listening = deadline.call().map(|call| call.listen(self));
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.fetch_add(1, Ordering::Relaxed);
        while !done() {
            let left = deadline.left();
            if left.is_zero() {
                break;
            }
            guard = self.rung.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An open connection, or one that is being opened.
pub(crate) struct Line {
    /// The fork count of the process that opened it. A forked child has a copy: what it reads, or
    /// cuts, is its parent's.
    forks: u32,
    state: Mutex<LineState>,
}

#[derive(Default)]
struct LineState {
    sockets: Vec<Weak<dyn ShutdownHandle>>,
    /// Under which count the call began that used it last.
    count: u64,
    cut: bool,
    /// What was sent over it has to be answered.
    kept: bool,
}

impl Default for Line {
    fn default() -> Line {
        Line { forks: fork_count(), state: Mutex::default() }
    }
}

impl Line {
    /// False in a child that was forked while it was open.
    pub fn is_of_this_process(&self) -> bool {
        self.forks == fork_count()
    }

    /// False: the call was cancelled meanwhile.
    pub fn add(&self, socket: Weak<dyn ShutdownHandle>) -> bool {
        let mut state = lock(&self.state);
        state.sockets.push(socket);
        !state.cut
    }

    /// From here on it is this call's. False: it was cut meanwhile, for one that is over.
    pub fn take(&self, call: Option<&Call>) -> bool {
        let mut state = lock(&self.state);
        state.count = call.map_or(u64::MAX, |call| call.count);
        !state.cut
    }

    /// From here on it is not cut. False: it was, and nothing may be sent.
    pub fn keep(&self) -> bool {
        let mut state = lock(&self.state);
        state.kept = !state.cut;
        state.kept
    }

    /// Unless a call that began later, under this count, has it.
    fn cut(&self, count: u64) {
        if !self.is_of_this_process() {
            return;
        }
        let mut state = lock(&self.state);
        if !state.kept && state.count < count {
            state.cut = true;
            state.sockets.iter().filter_map(Weak::upgrade).for_each(|socket| socket.shutdown());
        }
    }
}
