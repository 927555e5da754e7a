//! Handles that have time, beside handles that have little, at a token endpoint that is slower than
//! these wait: the response comes to one that has time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::world::{PROFILE, provider};
use fitbit_test_support::{Saver, code, in_parallel};

use crate::scene::{a_moment, client_of, patient_app, start};

/// As much time as one handle has.
const PATIENCE_MS: u32 = 30_000;

/// A lost response is asked for again after five seconds: by the handle that has waited for that.
const IN_TIME: Duration = Duration::from_secs(20);

/// So many handles call again and again with so little time, in milliseconds.
fn gets_its_token(endpoint_ms: u64, impatient: usize, impatience_ms: u32) {
    let provider = provider();
    // The provider repeats its response, as Fitbit does.
    provider.settings(|settings| settings.grace = Some(Duration::from_secs(120)));
    provider.fault(Fault::always(Target::Refresh, FaultKind::Latency(endpoint_ms)));
    let app = patient_app(&provider);
    let saver = Saver::new();
    let client = client_of(&app, &provider, -10, &saver);
    client.set_timeout_ms(PATIENCE_MS).unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let others: Vec<_> = (0..impatient)
            .map(|_| {
                let other = client.dup().unwrap();
                other.set_timeout_ms(impatience_ms).unwrap();
                let over = &over;
                start(scope, move || {
                    while !over.load(Ordering::SeqCst) {
                        if let Err(error) = other.get(PROFILE) {
                            assert_eq!(error.code, code::TIMEOUT, "{error:?}");
                        }
                        thread::sleep(Duration::from_millis(20));
                    }
                })
            })
            .collect();
        // The impatient ones have begun.
        a_moment();
        let begun = Instant::now();
        let outcome = client.get(PROFILE).map(|response| response.status);
        let took = begun.elapsed();
        over.store(true, Ordering::SeqCst);
        for other in others {
            other.end();
        }
        let what = format!("{impatient} with {impatience_ms} ms, {took:?}");
        assert_eq!(outcome, Ok(200), "{what}");
        assert!(took < IN_TIME, "{what}");
    });
    // An impatient handle's, and one that had all the time that it needed. A busy machine may be late for
    // that one.
    assert!(provider.requests(Target::Refresh) <= 3);
    assert_eq!(saver.offered(), [client.token()]);
}

#[test]
fn a_handle_with_time_gets_its_token_although_others_without_time_keep_calling() {
    in_parallel([(300, 1, 100), (1000, 2, 600)], |(endpoint_ms, impatient, impatience_ms)| {
        gets_its_token(endpoint_ms, impatient, impatience_ms);
    });
}
