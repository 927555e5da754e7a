//! What the log says of a call that was ended: that, and nothing of a timeout or a connection that died.
//! Nothing is repeated, and no new connection is opened.

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::world::{PROFILE, provider};
use fitbit_test_support::{App, Client, Saver, level};

use crate::heard::Heard;
use crate::scene::{a_moment, client_of, is_ended, patient_app, wait_for};

const WAYS: [fn(&App, &Client); 3] =
    [|_, client| client.abort(), |app, _| app.shutdown(), |app, _| app.cancel()];

/// The lines of one ended call.
#[track_caller]
fn says_cancelled_and_nothing_else(heard: &Heard) {
    let lines = heard.texts();
    assert!(lines.iter().any(|line| line.contains("cancelled")), "{lines:?}");
    for wrong in ["TIMEOUT", "NETWORK", "died", "once more", "connecting"] {
        assert!(!lines.iter().any(|line| line.contains(wrong)), "{wrong}: {lines:?}");
    }
    let alarming = heard.lines().into_iter().filter(|(level, _)| *level <= level::WARN);
    assert_eq!(alarming.collect::<Vec<_>>(), [], "{lines:?}");
}

#[test]
fn a_call_that_is_ended_on_a_kept_connection_opens_no_other_and_repeats_nothing() {
    for kind in [FaultKind::StallBeforeAnswer, FaultKind::Stall, FaultKind::SlowDrip(200)] {
        for end in WAYS {
            let heard = Heard::new();
            let provider = provider();
            let app = patient_app(&provider);
            heard.listen(&app, level::TRACE);
            let client = client_of(&app, &provider, 3600, &Saver::new());
            client.get(PROFILE).unwrap();
            assert_eq!(provider.connections(), 1);
            provider.reset_counts();
            heard.forget();
            provider.fault(Fault::always(Target::Api, kind.clone()));
            let ready = || {
                wait_for(&provider, Target::Api, 1);
                a_moment();
            };
            is_ended(|| end(&app, &client), ready, || client.get(PROFILE));
            says_cancelled_and_nothing_else(&heard);
            a_moment();
            assert_eq!(provider.requests(Target::Any), 1, "it is not sent again");
            assert_eq!(provider.connections(), 0, "the kept connection was the only one");
        }
    }
}

#[test]
fn a_wait_for_the_provider_that_is_ended_says_so() {
    for end in WAYS {
        let heard = Heard::new();
        let provider = provider();
        let app = patient_app(&provider);
        app.set_rate_limit_wait(1000).unwrap();
        heard.listen(&app, level::TRACE);
        let client = client_of(&app, &provider, 3600, &Saver::new());
        provider.fault(Fault::always(Target::Api, FaultKind::Status429Reset(100)));
        let ready = || {
            wait_for(&provider, Target::Api, 1);
            a_moment();
            heard.forget();
        };
        is_ended(|| end(&app, &client), ready, || client.get(PROFILE));
        says_cancelled_and_nothing_else(&heard);
        assert_eq!(provider.requests(Target::Any), 1);
    }
}

#[test]
fn a_renewal_that_is_ended_in_its_pause_asks_nobody_again() {
    for end in WAYS {
        let heard = Heard::new();
        let provider = provider();
        provider.fault(Fault::always(Target::Refresh, FaultKind::Status503));
        let app = patient_app(&provider);
        heard.listen(&app, level::TRACE);
        let client = client_of(&app, &provider, -10, &Saver::new());
        let ready = || {
            while provider.requests(Target::Refresh) < 3 {
                std::thread::yield_now();
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
            heard.forget();
        };
        is_ended(|| end(&app, &client), ready, || client.get(PROFILE));
        let lines = heard.texts();
        assert!(lines.iter().any(|line| line.contains("cancelled")), "{lines:?}");
        assert!(!lines.iter().any(|line| line.contains("once more")), "{lines:?}");
        a_moment();
        assert_eq!(provider.requests(Target::Any), 3);
    }
}
