//! A logger that keeps what it hears, and does what a test wants done when a line comes.
//!
//! It passes every line on to the journal of the test process, where secrets are searched for.

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock};
use std::thread::ThreadId;

use fitbit_test_support::{App, journal};

/// Lives until its app and all its clients are freed: a test declares it before them.
#[derive(Default)]
pub struct Heard(Box<Ear>);

type Then = Box<dyn Fn(&str) + Send + Sync>;

#[derive(Default)]
struct Ear {
    lines: Mutex<Vec<(ThreadId, u32, String)>>,
    then: OnceLock<Then>,
    panicked: AtomicBool,
}

thread_local!(static LISTENING: Cell<*const Ear> = const { Cell::new(std::ptr::null()) });

impl Heard {
    pub fn new() -> Heard {
        Heard::default()
    }

    /// What happens in the logger, from now on, whenever a line comes. Lines that come of that
    /// are kept, and nothing happens.
    pub fn then(&self, then: impl Fn(&str) + Send + Sync + 'static) {
        assert!(self.0.then.set(Box::new(then)).is_ok(), "one thing happens");
    }

    pub fn listen(&self, app: &App, most: u32) {
        app.set_logger(most, Some(hear), self.user_data()).expect("the app is not in use");
    }

    pub fn user_data(&self) -> *mut c_void {
        std::ptr::from_ref::<Ear>(&self.0).cast_mut().cast()
    }

    /// Levels and lines so far, with N for what no test can know: bytes, milliseconds, ports.
    pub fn lines(&self) -> Vec<(u32, String)> {
        self.heard().into_iter().map(|(_, level, line)| (level, without_figures(&line))).collect()
    }

    /// The lines so far as they came.
    pub fn texts(&self) -> Vec<String> {
        self.heard().into_iter().map(|(_, _, line)| line).collect()
    }

    /// The threads that the lines came on.
    pub fn threads(&self) -> Vec<ThreadId> {
        self.heard().into_iter().map(|(thread, _, _)| thread).collect()
    }

    pub fn forget(&self) {
        self.0.lines.lock().expect("no panic in a logger").clear();
    }

    fn heard(&self) -> Vec<(ThreadId, u32, String)> {
        self.0.lines.lock().expect("no panic in a logger").clone()
    }
}

/// A `FitbitLogCallback`.
pub unsafe extern "C" fn hear(level: u32, message: *const c_char, user_data: *mut c_void) {
    unsafe { journal::logger()(level, message, std::ptr::null_mut()) };
    let (ear, line) = unsafe { (&*user_data.cast::<Ear>(), CStr::from_ptr(message)) };
    let line = line.to_str().expect("a line is UTF-8").to_owned();
    let thread = std::thread::current().id();
    ear.lines.lock().expect("no panic in a logger").push((thread, level, line.clone()));
    let Some(then) = ear.then.get() else { return };
    let outer = LISTENING.replace(ear);
    if !std::ptr::eq(outer, ear) {
        // No panic may leave a callback: it is the test's, when it lets go of this.
        if catch_unwind(AssertUnwindSafe(|| then(&line))).is_err() {
            ear.panicked.store(true, Relaxed);
        }
    }
    LISTENING.set(outer);
}

impl Drop for Heard {
    fn drop(&mut self) {
        let panicked = self.0.panicked.load(Relaxed) && !std::thread::panicking();
        assert!(!panicked, "what the test does in its logger failed");
    }
}

fn without_figures(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let shown = words.iter().enumerate().map(|(at, word)| {
        let unit = words.get(at + 1).is_some_and(|next| {
            ["bytes,", "ms", "ms:"].contains(next) && word.parse::<u64>().is_ok()
        });
        match word.rsplit_once(':') {
            _ if unit => "N".to_owned(),
            Some((host, port)) if port.parse::<u16>().is_ok() => format!("{host}:N"),
            _ => (*word).to_owned(),
        }
    });
    shown.collect::<Vec<_>>().join(" ")
}
