//! What these tests are made of: a call on a thread of its own, ended from another.

use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use fitbit_simulator::{Simulator, Target};
use fitbit_test_support::world::{app, saved_token};
use fitbit_test_support::{App, Client, Error, Saver, code};

/// No call of these tests ends by itself before this, in milliseconds.
pub const LONG: u32 = 120_000;

/// What is ended is over within this, also on a busy machine; nothing else ends it.
pub const SOON: Duration = Duration::from_secs(20);

/// How long an ended handle waits for a lock or another thread's renewal.
pub const AT_MOST: Duration = Duration::from_secs(2);

/// An app whose calls have time without end.
pub fn patient_app(provider: &Simulator) -> App {
    let app = app(provider);
    app.set_timeout_ms(LONG).unwrap();
    app
}

/// A login whose token expires in so many seconds by its own `expires_at`.
pub fn client_of(app: &App, provider: &Simulator, expires_in: i64, saver: &Saver) -> Client {
    app.from_token(&saved_token(provider, expires_in), saver).unwrap()
}

/// Returns when so many requests are being answered at this moment, or were.
pub fn wait_for(provider: &Simulator, target: Target, in_flight: u64) {
    while provider.max_in_flight(target.clone()) < in_flight {
        thread::sleep(Duration::from_millis(1));
    }
}

/// For what cannot be seen from outside: that a call has got to where it waits.
pub fn a_moment() {
    thread::sleep(Duration::from_millis(200));
}

/// A call on a thread of its own.
pub struct Running<T>(Receiver<(T, Instant)>);

pub fn start<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    call: impl FnOnce() -> T + Send + 'scope,
) -> Running<T> {
    let (tell, told) = channel();
    scope.spawn(move || tell.send((call(), Instant::now())));
    Running(told)
}

impl<T> Running<T> {
    /// What the call returned, and when.
    pub fn end(self) -> (T, Instant) {
        self.0.recv().expect("the call returns")
    }

    pub fn is_running(&self) -> bool {
        matches!(self.0.try_recv(), Err(TryRecvError::Empty))
    }
}

/// Ends a call once it is where it is to be ended; it is CANCELLED, and nothing else.
#[track_caller]
pub fn is_ended<T: Send>(
    by: impl FnOnce(),
    ready: impl FnOnce(),
    call: impl FnOnce() -> Result<T, Error> + Send,
) {
    let (outcome, took) = thread::scope(|scope| {
        let running = start(scope, call);
        ready();
        let ending = Instant::now();
        by();
        let (outcome, ended) = running.end();
        (outcome, ended.saturating_duration_since(ending))
    });
    is_cancelled(outcome);
    assert!(took < SOON, "{took:?}");
}

#[track_caller]
pub fn is_cancelled<T>(outcome: Result<T, Error>) {
    let error = outcome.err().expect("it was ended");
    assert_eq!(error.code, code::CANCELLED, "{error:?}");
    assert_eq!((error.http_status, error.retry_after), (0, -1), "{error:?}");
}

/// A call of an ended handle: CANCELLED at once.
#[track_caller]
pub fn is_ended_already<T>(call: impl FnOnce() -> Result<T, Error>) {
    let begun = Instant::now();
    is_cancelled(call());
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}
