//! Calls that wait for something in this machine: for time, another thread, a file.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::world::{PROFILE, provider, saved_token};
use fitbit_test_support::{Saver, code};

use crate::scene::{a_moment, client_of, is_cancelled, patient_app, start, wait_for};

#[test]
fn a_wait_for_the_rate_limit_is_ended() {
    let provider = provider();
    provider.fault(Fault::always(Target::Api, FaultKind::Status429Reset(100)));
    let app = patient_app(&provider);
    app.set_rate_limit_wait(1000).unwrap();
    let client = client_of(&app, &provider, 3600, &Saver::new());
    let ready = || {
        wait_for(&provider, Target::Api, 1);
        a_moment();
    };
    is_cancelled(&app, ready, || client.get(PROFILE));
    assert_eq!(provider.requests(Target::Api), 1);
}

#[test]
fn a_renewals_pause_is_ended_and_it_is_not_asked_for_again() {
    let provider = provider();
    provider.fault(Fault::always(Target::Refresh, FaultKind::Status503));
    let app = patient_app(&provider);
    let client = client_of(&app, &provider, -10, &Saver::new());
    let answered = || {
        // Four attempts; the last pause is about a second.
        while provider.requests(Target::Refresh) < 3 {
            thread::yield_now();
        }
        thread::sleep(std::time::Duration::from_millis(50));
    };
    is_cancelled(&app, answered, || client.get(PROFILE));
    assert_eq!(provider.requests(Target::Refresh), 3);
    assert_eq!(provider.requests(Target::Api), 0);
    provider.clear_faults();
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
}

#[test]
fn who_waits_for_another_threads_renewal_is_ended_at_once_and_the_renewal_goes_on() {
    let provider = provider();
    provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(3000)));
    let app = patient_app(&provider);
    let saver = Saver::new();
    let client = client_of(&app, &provider, -10, &saver);
    thread::scope(|scope| {
        let renewing = start(scope, || client.get(PROFILE));
        wait_for(&provider, Target::Refresh, 1);
        is_cancelled(&app, a_moment, || client.get(PROFILE));
        assert!(renewing.is_running(), "its answer is waited for");
        assert_eq!(saver.offered().len(), 0);
    });
    assert_eq!(saver.offered(), [client.token()]);
}

/// A token file of the test's own, with an expired token.
fn token_file(token: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("fitbit-cancel-{}-{number}.json", std::process::id());
    let path = std::env::temp_dir().join(name);
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&path).unwrap();
    file.write_all(token.as_bytes()).unwrap();
    path
}

fn lock_beside(path: &std::path::Path) -> (File, PathBuf) {
    let path = PathBuf::from(format!("{}.lock", path.display()));
    let mut options = OpenOptions::new();
    let lock = options.read(true).write(true).create(true).truncate(false).mode(0o600);
    (lock.open(&path).unwrap(), path)
}

#[test]
fn a_wait_for_a_token_files_lock_is_ended() {
    let provider = provider();
    let path = token_file(&saved_token(&provider, -10));
    let app = patient_app(&provider);
    let client = app.from_file(&path).unwrap();
    let (theirs, lock) = lock_beside(&path);
    theirs.lock().unwrap();
    is_cancelled(&app, a_moment, || client.get(PROFILE));
    is_cancelled(&app, a_moment, || client.refresh());
    is_cancelled(&app, a_moment, || client.set_token_file(&path));
    assert_eq!(provider.requests(Target::Any), 0);
    theirs.unlock().unwrap();
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    drop(client);
    for path in [path, lock] {
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_renewal_that_was_sent_is_saved_in_the_file_before_the_call_is_cancelled() {
    let provider = provider();
    provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(700)));
    let path = token_file(&saved_token(&provider, -10));
    let app = patient_app(&provider);
    let client = app.from_file(&path).unwrap();
    is_cancelled(&app, || wait_for(&provider, Target::Refresh, 1), || client.get(PROFILE));
    assert_eq!(std::fs::read_to_string(&path).unwrap().trim(), client.token());
    // Another process goes on with it.
    let other = patient_app(&provider).from_file(&path).unwrap();
    assert_eq!(other.get(PROFILE).unwrap().status, 200);
    assert_eq!(provider.requests(Target::Refresh), 1);
    assert_eq!(provider.requests(Target::Api), 1);
    drop((client, other));
    let (_, lock) = lock_beside(&path);
    for path in [path, lock] {
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_callback_is_not_ended_and_who_waits_for_it_is() {
    let provider = provider();
    let app = patient_app(&provider);
    let (tell, saving) = std::sync::mpsc::channel();
    let (go_on, told) = std::sync::mpsc::channel::<()>();
    let saver = Saver::doing(move |_| {
        tell.send(()).unwrap();
        told.recv().unwrap();
        1
    });
    let client = client_of(&app, &provider, -10, &saver);
    thread::scope(|scope| {
        let renewing = start(scope, || client.get(PROFILE));
        saving.recv().unwrap();
        is_cancelled(&app, a_moment, || client.get(PROFILE));
        go_on.send(()).unwrap();
        // It was cancelled as well, while the callback ran.
        assert_eq!(renewing.end().0.err().unwrap().code, code::CANCELLED);
    });
    assert_eq!(saver.offered().len(), 1);
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
}
