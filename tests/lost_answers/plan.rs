//! What an endpoint is to do, and what it has seen: shared by a test and its endpoint's threads.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::ends::{End, Row, Stage};

/// The longest wait of a thread of the endpoint's. A longer one would be a hang.
const LONG: Duration = Duration::from_secs(60);

/// The end of every exchange, until so many have ended or the fault is gone.
pub struct Plan {
    pub row: Row,
    left: AtomicU64,
    /// HTTP requests of which a byte arrived.
    pub requests: AtomicU64,
    /// Those of them that came on a connection that was kept.
    pub on_kept: AtomicU64,
    /// The provider has carried one out.
    pub acted: AtomicBool,
    signals: Mutex<Signals>,
    changed: Condvar,
}

#[derive(Default)]
struct Signals {
    is_reached: bool,
    may_go_on: bool,
    is_over: bool,
}

impl Plan {
    pub fn new(row: Row) -> Plan {
        Plan {
            row,
            left: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            on_kept: AtomicU64::new(0),
            acted: AtomicBool::new(false),
            signals: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Whether the end falls on this attempt. The place where its stage begins asks, once.
    pub fn takes_this_one(&self) -> bool {
        self.left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok()
    }

    /// From now on the end falls on so many exchanges. What came before does not count.
    pub fn begin(&self, times: u64) {
        self.requests.store(0, Ordering::SeqCst);
        self.on_kept.store(0, Ordering::SeqCst);
        self.acted.store(false, Ordering::SeqCst);
        self.left.store(times, Ordering::SeqCst);
    }

    /// The fault is gone.
    pub fn heal(&self) {
        self.left.store(0, Ordering::SeqCst);
        self.go_on();
    }

    fn signal(&self, change: impl FnOnce(&mut Signals)) {
        change(&mut self.signals.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    /// An attempt has got to its stage.
    pub fn reach(&self) {
        self.signal(|signals| signals.is_reached = true);
    }

    /// What waits at its stage goes on.
    pub fn go_on(&self) {
        self.signal(|signals| signals.may_go_on = true);
    }

    fn wait(&self, time: Duration, done: impl Fn(&Signals) -> bool) -> bool {
        let signals = self.signals.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(signals, time, |signals| !done(signals));
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Whether an attempt gets to its stage within this time.
    pub fn is_reached(&self, time: Duration) -> bool {
        self.wait(time, |signals| signals.is_reached)
    }

    pub fn wait_to_go_on(&self) {
        self.wait(LONG, |signals| signals.may_go_on);
    }

    /// An exchange that went on is over: the response is out, or nobody wants it.
    pub fn end(&self) {
        self.signal(|signals| signals.is_over = true);
    }

    pub fn wait_for_the_end(&self) {
        self.wait(LONG, |signals| signals.is_over);
    }

    /// Whether a name that is looked up now is found.
    pub fn look_up(&self) -> bool {
        if self.row.stage != Stage::Lookup || !self.takes_this_one() {
            return true;
        }
        self.reach();
        if self.row.end == End::NoSuchName {
            return false;
        }
        self.wait_to_go_on();
        true
    }
}
