//! A revocation while other threads renew, ask, or revoke too: one request, nobody hangs, and
//! whoever waited is told that the login is over.

use std::sync::Barrier;
use std::thread::scope;
use std::time::Duration;

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::world::provider;
use fitbit_test_support::{Client, Error, Saver, code};

use crate::providers::{BOTH, FITBIT, Folder, revoked_tokens, wait_for};

#[test]
fn a_renewal_under_way_is_waited_for_and_its_token_is_the_one_that_is_revoked() {
    for of in BOTH {
        let simulator = provider();
        let saver = Saver::new();
        let client = of.client_with(&simulator, 3600, &saver);
        let old = client.token_field("access_token").unwrap();
        simulator.fault(Fault::once(Target::Refresh, FaultKind::Latency(700)));
        scope(|scope| {
            let renewing = scope.spawn(|| client.refresh());
            wait_for(&simulator, Target::Refresh);
            client.revoke().unwrap();
            renewing.join().unwrap().unwrap();
        });
        assert_ne!(client.token_field("access_token").unwrap(), old);
        assert_eq!(revoked_tokens(&simulator), [client.token_field("refresh_token").unwrap()]);
        assert_eq!(saver.offered().len(), 1, "it was saved before it was revoked");
        assert_eq!(client.get(of.path).unwrap_err().code, code::REAUTHORIZE);
    }
}

#[test]
fn a_renewal_under_way_is_not_waited_for_longer_than_the_timeout() {
    let simulator = provider();
    let app = FITBIT.app(&simulator);
    app.set_timeout_ms(500).unwrap();
    // Time in callbacks does not count for the renewing call, but it does for who waits.
    let saver = Saver::doing(|_| {
        std::thread::sleep(Duration::from_millis(1500));
        1
    });
    let client = app.from_token(&FITBIT.token(&simulator, 3600), &saver).unwrap();
    scope(|scope| {
        let renewing = scope.spawn(|| client.refresh());
        while saver.offered().is_empty() {
            std::thread::yield_now();
        }
        assert_eq!(client.revoke().unwrap_err().code, code::TIMEOUT);
        renewing.join().unwrap().unwrap();
    });
    assert_eq!(simulator.requests(Target::Revoke), 0);
    client.get(FITBIT.path).unwrap();
}

#[test]
fn sixteen_threads_that_revoke_at_once_send_one_request_and_all_succeed() {
    for of in BOTH {
        let simulator = provider();
        let client = of.client(&simulator);
        simulator.fault(Fault::once(Target::Revoke, FaultKind::Latency(300)));
        let together = Barrier::new(16);
        scope(|scope| {
            let revoking = || {
                together.wait();
                client.revoke()
            };
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(revoking)).collect();
            for thread in threads {
                thread.join().unwrap().unwrap();
            }
        });
        assert_eq!(simulator.requests(Target::Any), 1);
    }
}

#[test]
fn requests_that_race_a_revocation_end_well_or_with_reauthorize() {
    for of in BOTH {
        for expires_in in [3600, -10] {
            let simulator = provider();
            let client = of.client_with(&simulator, expires_in, &Saver::new());
            let together = Barrier::new(65);
            scope(|scope| {
                let asking = || {
                    together.wait();
                    client.get(of.path).map(drop)
                };
                let threads: Vec<_> = (0..64).map(|_| scope.spawn(asking)).collect();
                together.wait();
                client.revoke().unwrap();
                for error in threads.into_iter().filter_map(|thread| thread.join().unwrap().err()) {
                    let refused = error.code == code::HTTP && error.http_status == 401;
                    assert!(error.code == code::REAUTHORIZE || refused, "{error:?}");
                }
            });
            assert!(simulator.requests(Target::Refresh) <= 1);
            assert_eq!(revoked_tokens(&simulator).len(), 1);
            let before = simulator.requests(Target::Any);
            assert_eq!(client.get(of.path).unwrap_err().code, code::REAUTHORIZE);
            assert_eq!(simulator.requests(Target::Any), before);
        }
    }
}

#[test]
fn whatever_a_client_is_doing_ends_when_it_is_revoked() {
    type Call = fn(&Client, &str) -> Result<(), Error>;
    const EACH: usize = 8;
    let calls: [Call; 5] = [
        |client, path| client.get(path).map(drop),
        |client, _| client.user_id().map(drop),
        |client, _| client.refresh(),
        |client, _| client.save(),
        |client, _| client.revoke(),
    ];
    for of in BOTH {
        let simulator = provider();
        let client = of.client_with(&simulator, 3600, &Saver::doing(|_| 0));
        let together = Barrier::new(EACH * calls.len());
        let run = |call: Call| {
            together.wait();
            call(&client, of.path)
        };
        let run = &run;
        scope(|scope| {
            let threads: Vec<_> = calls
                .iter()
                .flat_map(|call| std::iter::repeat_n(call, EACH))
                .map(|call| scope.spawn(move || run(*call)))
                .collect();
            for error in threads.into_iter().filter_map(|thread| thread.join().unwrap().err()) {
                let expected = [code::REAUTHORIZE, code::STORE].contains(&error.code);
                assert!(expected || error.http_status == 401, "{error:?}");
            }
        });
        assert_eq!(revoked_tokens(&simulator), [client.token_field("refresh_token").unwrap()]);
    }
}

#[test]
fn who_waits_for_a_revocation_is_told_that_the_login_is_over() {
    for of in BOTH {
        let simulator = provider();
        let client = of.client_with(&simulator, -10, &Saver::new());
        simulator.fault(Fault::once(Target::Revoke, FaultKind::Latency(700)));
        scope(|scope| {
            let revoking = scope.spawn(|| client.revoke());
            wait_for(&simulator, Target::Revoke);
            let asking = scope.spawn(|| client.get(of.path).map(drop));
            let renewing = scope.spawn(|| client.refresh());
            for outcome in [asking.join().unwrap(), renewing.join().unwrap()] {
                assert_eq!(outcome.unwrap_err().code, code::REAUTHORIZE);
            }
            revoking.join().unwrap().unwrap();
        });
        assert_eq!(simulator.requests(Target::Any), 1, "only the revocation was sent");
    }
}

#[test]
fn who_waits_with_an_unsaved_token_sends_nothing_once_the_login_is_over() {
    for of in BOTH {
        let simulator = provider();
        let client = of.client_with(&simulator, 3600, &Saver::doing(|_| 0));
        assert_eq!(client.refresh().unwrap_err().code, code::STORE);
        simulator.reset_counts();
        simulator.fault(Fault::once(Target::Revoke, FaultKind::Latency(700)));
        scope(|scope| {
            let revoking = scope.spawn(|| client.revoke());
            wait_for(&simulator, Target::Revoke);
            let error = client.get(of.path).unwrap_err();
            assert_eq!(error.code, code::REAUTHORIZE, "{error:?}");
            revoking.join().unwrap().unwrap();
        });
        assert_eq!(simulator.requests(Target::Api), 0, "a revoked token goes nowhere");
    }
}

#[test]
fn a_request_refused_after_the_revocation_is_not_sent_again_with_the_renewed_token() {
    for of in BOTH {
        let simulator = provider();
        let client = of.client(&simulator);
        simulator.fault(Fault::once(Target::Api, FaultKind::Latency(1500)));
        simulator.fault(Fault::once(Target::Api, FaultKind::Status401Expired));
        scope(|scope| {
            let asking = scope.spawn(|| client.get(of.path).map(drop));
            wait_for(&simulator, Target::Api);
            client.refresh().unwrap();
            client.revoke().unwrap();
            let error = asking.join().unwrap().unwrap_err();
            assert_eq!(error.code, code::REAUTHORIZE, "{error:?}");
        });
        assert_eq!(simulator.requests(Target::Api), 1, "a revoked token goes nowhere");
    }
}

#[test]
fn a_revocation_that_failed_lets_the_waiting_threads_go_on() {
    for of in BOTH {
        let simulator = provider();
        let client = of.client_with(&simulator, -10, &Saver::new());
        simulator.fault(Fault::once(Target::Revoke, FaultKind::Latency(500)));
        simulator.fault(Fault::always(Target::Revoke, FaultKind::Status503));
        scope(|scope| {
            let revoking = scope.spawn(|| client.revoke());
            wait_for(&simulator, Target::Revoke);
            assert_eq!(client.get(of.path).unwrap().status, 200);
            assert_eq!(revoking.join().unwrap().unwrap_err().code, code::HTTP);
        });
        assert_eq!(simulator.requests(Target::Refresh), 1);
        simulator.clear_faults();
        client.revoke().unwrap();
    }
}

#[test]
fn a_token_file_that_is_set_meanwhile_does_not_stay() {
    for round in 0..20 {
        let (simulator, folder) = (provider(), Folder::new());
        let of = &BOTH[round % 2];
        let client = of.client(&simulator);
        let together = Barrier::new(2);
        scope(|scope| {
            let moving = scope.spawn(|| {
                together.wait();
                client.set_token_file(&folder.token_file())
            });
            together.wait();
            client.revoke().unwrap();
            if let Err(error) = moving.join().unwrap() {
                assert_eq!(error.code, code::REAUTHORIZE, "{error:?}");
            }
        });
        assert!(!folder.token_file().exists());
    }
}
