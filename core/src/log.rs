//! The program's logger: one line for each event.
//!
//! A line is put together only if the program asked for its level. It holds no secret: paths are written
//! without their query, and errors are redacted before they get here.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

thread_local! {
    static IN_LOGGERS: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// All the time that this thread has spent in the program's loggers. It counts against no call.
pub(crate) fn time_spent() -> Duration {
    IN_LOGGERS.get()
}

/// Measures how long the program's own code takes, without its loggers: their time is counted already.
pub(crate) struct Stopwatch {
    begun: Instant,
    logged: Duration,
}

impl Stopwatch {
    pub fn start() -> Stopwatch {
        Stopwatch { begun: Instant::now(), logged: time_spent() }
    }

    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed().saturating_sub(time_spent().saturating_sub(self.logged))
    }
}

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A login is over.
    Error,
    /// Something failed, and is tried again or costs the program something.
    Warn,
    /// Logins: begun, renewed, revoked.
    Info,
    /// Requests and saves.
    Debug,
    /// Connections, and which thread waits for which.
    Trace,
}

type Sink = dyn Fn(Level, &str) + Send + Sync;

/// The program's logger, or none.
#[derive(Clone)]
pub struct Log(Option<Arc<(Level, Box<Sink>)>>);

impl Log {
    /// No logger.
    pub fn none() -> Log {
        Log(None)
    }

    /// `sink` is called with each line up to `max_level`.
    pub fn new(max_level: Level, sink: impl Fn(Level, &str) + Send + Sync + 'static) -> Log {
        Log(Some(Arc::new((max_level, Box::new(sink)))))
    }

    pub(crate) fn wants(&self, level: Level) -> bool {
        self.0.as_ref().is_some_and(|log| level <= log.0)
    }

    /// `line` is called only if the program asked for the level.
    pub(crate) fn line(&self, level: Level, line: impl FnOnce() -> String) {
        if let Some(log) = &self.0
            && level <= log.0
        {
            let line = line();
            let (spent, begun) = (IN_LOGGERS.get(), Instant::now());
            (log.1)(level, &line);
            // The time of loggers that ran inside this one is part of its time.
            IN_LOGGERS.set(spent + begun.elapsed());
        }
    }
}
