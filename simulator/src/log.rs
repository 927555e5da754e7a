//! The log: each request as it came, with what became of it.

use crate::request::Request;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A request that was received, in the order of answering.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// The method, e.g. `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names as they were written, and values.
    pub headers: Vec<(String, String)>,
    /// The body, with chunks joined.
    pub body: Vec<u8>,
    /// The status that was answered; 0 if a fault left the client without one.
    pub status: u16,
    /// The name of the fault that fell on it; `latency` only if there was no other.
    pub fault: Option<&'static str>,
    /// When it was answered, in milliseconds since the simulator started.
    pub at_ms: u64,
}

impl Entry {
    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

#[derive(Debug)]
struct Record {
    request: Request,
    status: u16,
    fault: Option<&'static str>,
    at: Duration,
}

#[derive(Debug, Default)]
pub(crate) struct Log {
    off: AtomicBool,
    records: Mutex<Vec<Record>>,
}

impl Log {
    pub(crate) fn keep(&self, keep: bool) {
        self.off.store(!keep, Relaxed);
    }

    pub(crate) fn note(
        &self,
        request: Request,
        status: u16,
        fault: Option<&'static str>,
        at: Duration,
    ) {
        if self.off.load(Relaxed) {
            return;
        }
        let record = Record { request, status, fault, at };
        self.records.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    }

    pub(crate) fn clear(&self) {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = |record: &Record| Entry {
            method: record.request.method().to_owned(),
            target: record.request.target().to_owned(),
            headers: record
                .request
                .headers()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            body: record.request.body().to_vec(),
            status: record.status,
            fault: record.fault,
            at_ms: u64::try_from(record.at.as_millis()).unwrap_or(u64::MAX),
        };
        records.iter().map(entry).collect()
    }
}
