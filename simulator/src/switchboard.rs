//! The faults that are switched on, and which of them a request meets.

use crate::counts::Class;
use crate::fault::{Fault, FaultKind, Target};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

#[derive(Debug)]
struct Armed {
    fault: Fault,
    /// Requests it still falls on; `None`: all.
    left: Option<u32>,
    /// Requests it still lets pass.
    skip: u32,
}

/// What a request meets: latencies add up, the first fault of another kind ends the search.
#[derive(Debug, Default)]
pub(crate) struct Met {
    pub(crate) delay: Duration,
    pub(crate) kind: Option<FaultKind>,
}

impl Met {
    /// The name of the fault, for the log.
    pub(crate) fn name(&self) -> Option<&'static str> {
        let late = || (!self.delay.is_zero()).then(|| FaultKind::Latency(0).name());
        self.kind.as_ref().map(FaultKind::name).or_else(late)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Switchboard {
    /// Spares requests the lock as long as nothing is armed.
    any_armed: AtomicBool,
    armed: Mutex<Vec<Armed>>,
}

impl Switchboard {
    pub(crate) fn arm(&self, fault: Fault) {
        let left = (fault.times > 0).then_some(fault.times);
        let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        armed.push(Armed { left, skip: fault.skip, fault });
        self.any_armed.store(true, SeqCst);
    }

    pub(crate) fn clear(&self) {
        let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        armed.clear();
        self.any_armed.store(false, SeqCst);
    }

    /// Each armed fault in words.
    pub(crate) fn armed(&self) -> Vec<String> {
        let armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        let words = |armed: &Armed| {
            let left =
                armed.left.map_or("until cleared".to_owned(), |left| format!("{left} times"));
            format!("{} on {}, {left}", armed.fault.kind.name(), armed.fault.on.name())
        };
        armed.iter().map(words).collect()
    }

    /// The fault a request meets of which nothing was read yet.
    pub(crate) fn meet_unread(&self) -> Option<FaultKind> {
        self.meet(falls_on_unread).kind
    }

    /// The faults a request meets that has been read.
    pub(crate) fn meet_read(&self, class: Class, path: &str) -> Met {
        self.meet(|fault| !falls_on_unread(fault) && fault.on.covers(class, path))
    }

    fn meet(&self, falls: impl Fn(&Fault) -> bool) -> Met {
        let mut met = Met::default();
        if !self.any_armed.load(SeqCst) {
            return met;
        }
        let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        for armed in armed.iter_mut().filter(|armed| falls(&armed.fault)) {
            if armed.skip > 0 {
                armed.skip -= 1;
                continue;
            }
            armed.left = armed.left.map(|left| left - 1);
            if let FaultKind::Latency(ms) = armed.fault.kind {
                met.delay += Duration::from_millis(ms);
            } else {
                met.kind = Some(armed.fault.kind.clone());
                break;
            }
        }
        armed.retain(|armed| armed.left != Some(0));
        self.any_armed.store(!armed.is_empty(), SeqCst);
        met
    }
}

fn falls_on_unread(fault: &Fault) -> bool {
    fault.on == Target::Any && fault.kind.is_before_read()
}
