//! An abort at any moment around the beginning of a call: none is missed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fitbit_simulator::{Simulator, Target};
use fitbit_test_support::world::{DIALECT, PROFILE, app, provider, saved_token};
use fitbit_test_support::{Client, Saver, c, library};

use crate::files::{lock_beside, token_file};
use crate::scene::{LONG, SOON, a_moment, is_cancelled, patient_app, start};
use crate::silent::{Silent, Then, Until};

/// Nothing but the abort ends these calls.
fn no_moment_is_missed(base: &Client) {
    for number in 0..300_u32 {
        let client = base.dup().unwrap();
        let begins = AtomicBool::new(false);
        thread::scope(|scope| {
            let running = start(scope, || {
                begins.store(true, Ordering::SeqCst);
                client.get(PROFILE)
            });
            while !begins.load(Ordering::SeqCst) {
                std::hint::spin_loop();
            }
            // Up to a tenth of a millisecond later, and sometimes much later.
            for _ in 0..number * 10 {
                std::hint::spin_loop();
            }
            if number % 30 == 29 {
                thread::sleep(Duration::from_millis(2));
            }
            let ending = Instant::now();
            client.abort();
            let (outcome, ended) = running.end();
            is_cancelled(outcome);
            let took = ended.saturating_duration_since(ending);
            assert!(took < SOON, "{number}: {took:?}");
        });
    }
}

#[test]
fn no_request_that_is_just_beginning_is_missed() {
    let silent = Silent::after(&[(Until::EmptyLine, b"")], Then::Reads);
    let server = format!("http://{}", silent.address);
    let app = DIALECT.app_at(&server, DIALECT.client_id, None, DIALECT.callback_uri);
    app.set_timeout_ms(LONG).unwrap();
    let token = r#"{"access_token":"abcdefgh","expires_at":4102444800}"#;
    no_moment_is_missed(&app.from_token(token, &Saver::new()).unwrap());
}

#[test]
fn no_wait_for_a_files_lock_or_another_threads_renewal_that_is_just_beginning_is_missed() {
    let provider = provider();
    let path = token_file(&saved_token(&provider, -10));
    let app = patient_app(&provider);
    let client = app.from_file(&path).unwrap();
    let (theirs, _) = lock_beside(&path);
    theirs.lock().unwrap();
    no_moment_is_missed(&client);
    let leading = client.dup().unwrap();
    thread::scope(|scope| {
        let leader = start(scope, || leading.get(PROFILE).map(|response| response.status));
        a_moment();
        no_moment_is_missed(&client);
        assert!(leader.is_running());
        theirs.unlock().unwrap();
        assert_eq!(leader.end().0, Ok(200));
    });
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn a_call_that_is_ended_before_it_connects_does_not_connect() {
    let source = library::root().join("tests/ends/beginning.c");
    let program = c::build(&source, "ends_beginning", &["-g"]);
    let provider = Simulator::builder().tls(true).start().unwrap();
    let server = provider.uri().replace("127.0.0.1", "localhost");
    let (token, certificates) = (saved_token(&provider, 3600), token_file(provider.ca_pem()));
    for way in ["abort", "shutdown", "cancel"] {
        let pipe = certificates.with_extension(way);
        let said = program.run([
            way.as_ref(),
            server.as_ref(),
            token.as_ref(),
            pipe.as_os_str(),
            certificates.as_os_str(),
        ]);
        assert_eq!(said, "FITBIT_ERROR_CANCELLED\n", "{way}");
    }
    // The certificates are good ones.
    let app = app(&provider);
    app.set_ca_file(&certificates).unwrap();
    assert_eq!(provider.connections(), 0);
    let client = app.from_token(&token, &Saver::new()).unwrap();
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
}
