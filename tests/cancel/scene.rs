//! What the scenes of these tests are made of: a call on a thread of its own, cancelled from another.

use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use fitbit_simulator::{Simulator, Target};
use fitbit_test_support::world::{app, saved_token};
use fitbit_test_support::{App, Client, Error, Saver, code};

/// No call of these tests ends by itself before this, in milliseconds.
pub const LONG: u32 = 120_000;

/// What is cancelled ends within this, also on a busy machine; nothing else of it would.
pub const SOON: Duration = Duration::from_secs(20);

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
    /// What it came to, and when.
    pub fn end(self) -> (T, Instant) {
        self.0.recv().expect("the call returns")
    }

    pub fn is_running(&self) -> bool {
        match self.0.try_recv() {
            Err(why) => why == std::sync::mpsc::TryRecvError::Empty,
            Ok(_) => false,
        }
    }
}

/// Cancels a call once it is where it is to be cancelled; it ends with nothing but that.
#[track_caller]
pub fn is_cancelled<T: Send>(
    app: &App,
    ready: impl FnOnce(),
    call: impl FnOnce() -> Result<T, Error> + Send,
) {
    let (outcome, took) = thread::scope(|scope| {
        let running = start(scope, call);
        ready();
        let cancelled = Instant::now();
        app.cancel();
        let (outcome, ended) = running.end();
        (outcome, ended.saturating_duration_since(cancelled))
    });
    let error = outcome.err().expect("it was cancelled");
    assert_eq!(error.code, code::CANCELLED, "{error:?}");
    assert_eq!((error.http_status, error.retry_after), (0, -1), "{error:?}");
    assert!(took < SOON, "{took:?}");
}

/// For what cannot be seen from outside: that a call has got to where it waits.
pub fn a_moment() {
    thread::sleep(Duration::from_millis(200));
}
