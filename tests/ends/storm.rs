//! A thousand aborts at random moments against eight threads that make requests, renew and save with
//! tokens that live for two seconds: no hang, no lost login, and nobody else is CANCELLED.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::world::{PROFILE, provider};
use fitbit_test_support::{Client, Error, Saver, code};

use crate::files::token_file;
use crate::scene::{SOON, client_of, patient_app};

/// A thread's handle, and whether somebody has aborted it.
struct Own {
    client: Client,
    is_aborted: AtomicBool,
}

impl Own {
    fn of(client: &Client) -> Arc<Own> {
        Arc::new(Own { client: client.dup().unwrap(), is_aborted: AtomicBool::new(false) })
    }

    fn abort(&self) {
        // Before, because a call may be CANCELLED while the abort still runs.
        self.is_aborted.store(true, Ordering::SeqCst);
        self.client.abort();
    }
}

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

fn call(client: &Client, nth: u64) -> Result<(), Error> {
    match nth % 6 {
        0..=3 => client.get(PROFILE).map(|response| assert_eq!(response.status, 200)),
        4 => client.refresh(),
        _ => client.save(),
    }
}

#[derive(Default)]
struct Counts {
    succeeded: AtomicUsize,
    cancelled: AtomicUsize,
    slowest_ms: AtomicUsize,
}

/// Calls until it is over; a handle that was aborted is replaced by the next one.
fn work(seed: u64, slot: &Mutex<Arc<Own>>, base: &Client, over: &AtomicBool, counts: &Counts) {
    let mut random = Random(seed);
    while !over.load(Ordering::SeqCst) {
        let own = slot.lock().unwrap().clone();
        let begun = Instant::now();
        let outcome = call(&own.client, random.below(600));
        let took = begun.elapsed();
        counts.slowest_ms.fetch_max(took.as_millis() as usize, Ordering::Relaxed);
        assert!(took < SOON, "no call hangs: {took:?}");
        match outcome {
            Ok(()) => drop(counts.succeeded.fetch_add(1, Ordering::Relaxed)),
            Err(error) => {
                assert_eq!(error.code, code::CANCELLED, "{error:?}");
                assert!(own.is_aborted.load(Ordering::SeqCst), "nobody aborted it: {error:?}");
                counts.cancelled.fetch_add(1, Ordering::Relaxed);
            }
        }
        if own.is_aborted.load(Ordering::SeqCst) {
            *slot.lock().unwrap() = Own::of(base);
        }
    }
}

/// On handles that nobody aborts.
fn watch(base: &Client, over: &AtomicBool) -> usize {
    let own = base.dup().unwrap();
    let mut calls = 0;
    while !over.load(Ordering::SeqCst) {
        call(&own, calls as u64).expect("nobody aborts this one");
        calls += 1;
    }
    calls
}

fn a_thousand_aborts(base: &Client, newest: impl Fn() -> String) {
    let slots = [(); 8].map(|()| Mutex::new(Own::of(base)));
    let (over, counts) = (AtomicBool::new(false), Counts::default());
    let watched = thread::scope(|scope| {
        for (number, slot) in slots.iter().enumerate() {
            let (over, counts) = (&over, &counts);
            scope.spawn(move || work(number as u64 + 1, slot, base, over, counts));
        }
        let watcher = scope.spawn(|| watch(base, &over));
        let mut random = Random(20_261_201);
        for _ in 0..1000 {
            let own = slots[random.below(8) as usize].lock().unwrap().clone();
            own.abort();
            thread::sleep(Duration::from_micros(random.below(8000)));
        }
        over.store(true, Ordering::SeqCst);
        watcher.join()
    });
    let watched = watched.expect("calls of other handles succeed");
    let [succeeded, cancelled, slowest] =
        [&counts.succeeded, &counts.cancelled, &counts.slowest_ms]
            .map(|count| count.load(Ordering::Relaxed));
    use std::io::Write;
    let _ = writeln!(
        std::io::stderr(),
        "1000 ABORTS: {cancelled} calls cancelled, {succeeded} succeeded, {watched} on a handle that \
         nobody aborted; the slowest took {slowest} ms"
    );
    assert!(succeeded > 0 && cancelled > 0 && watched > 0);
    base.save().unwrap();
    assert_eq!(newest(), base.token(), "the newest token is the one that is stored");
}

#[test]
fn a_thousand_aborts_lose_no_token_of_a_callback() {
    let provider = provider();
    provider.settings(|settings| settings.token_life = 2);
    provider.fault(Fault::always(Target::Refresh, FaultKind::Latency(4)));
    let app = patient_app(&provider);
    let saver = Saver::new();
    let client = client_of(&app, &provider, -10, &saver);
    a_thousand_aborts(&client, || saver.offered().pop().expect("it was renewed"));
    assert_eq!(provider.replayed_refresh_tokens(), 0);
    // What is stored is the living one.
    let again = app.from_token(&saver.offered().pop().unwrap(), &Saver::new()).unwrap();
    again.refresh().unwrap();
    assert_eq!(again.get(PROFILE).unwrap().status, 200);
    assert_eq!(provider.replayed_refresh_tokens(), 0);
}

#[test]
fn a_thousand_aborts_lose_no_token_of_a_file() {
    let provider = provider();
    provider.settings(|settings| settings.token_life = 2);
    provider.fault(Fault::always(Target::Refresh, FaultKind::Latency(4)));
    let app = patient_app(&provider);
    let path = token_file("");
    let client = client_of(&app, &provider, -10, &Saver::new());
    client.set_token_file(&path).unwrap();
    a_thousand_aborts(&client, || std::fs::read_to_string(&path).unwrap().trim().to_owned());
    assert_eq!(provider.replayed_refresh_tokens(), 0);
    let again = app.from_file(&path).unwrap();
    again.refresh().unwrap();
    assert_eq!(again.get(PROFILE).unwrap().status, 200);
    assert_eq!(provider.replayed_refresh_tokens(), 0);
}
