//! What was sent and must not be given up is finished and saved, for every provider.

use std::thread;

use fitbit_simulator::{Decision, Fault, FaultKind, Target};
use fitbit_test_support::{App, Client, Saver, code};

use super::world::{DIALECT, PROFILE, app, provider, saved_token};
use crate::scene::{LONG, is_ended, start, wait_for};

const OF_A_CLIENT: [fn(&App, &Client); 3] =
    [|_, client| client.abort(), |app, _| app.shutdown(), |app, _| app.cancel()];
const OF_AN_APP: [fn(&App); 3] = [|app| app.abort(), |app| app.shutdown(), |app| app.cancel()];

/// What is not single-use is not finished: a later call reads its response.
#[test]
fn a_renewal_that_was_sent_is_saved() {
    for end in OF_A_CLIENT {
        for refreshes in [false, true] {
            let provider = provider();
            provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(500)));
            let ours = app(&provider);
            ours.set_timeout_ms(LONG).unwrap();
            let saver = Saver::new();
            let client = ours.from_token(&saved_token(&provider, -10), &saver).unwrap();
            let call = || match refreshes {
                true => client.refresh(),
                false => client.get(PROFILE).map(drop),
            };
            let ready = || wait_for(&provider, Target::Refresh, 1);
            is_ended(|| end(&ours, &client), ready, call);
            if !DIALECT.rotates {
                assert_eq!(saver.offered().len(), 0, "it is cut");
                match client.dup().unwrap().refresh() {
                    Ok(()) => {}
                    Err(error) => {
                        assert_eq!(error.code, code::CANCELLED, "the app is shut down");
                        continue;
                    }
                }
            }
            assert_eq!(saver.offered(), [client.token()]);
            assert_eq!(provider.requests(Target::Api), 0, "the request itself is not sent");
            assert_eq!(provider.requests(Target::Refresh), 1);
            assert_eq!(provider.replayed_refresh_tokens(), 0);
            let other = app(&provider).from_token(&client.token(), &Saver::new()).unwrap();
            assert_eq!(other.get(PROFILE).unwrap().status, 200);
            other.refresh().unwrap();
        }
    }
}

#[test]
fn an_exchange_that_was_sent_makes_a_client() {
    for end in OF_AN_APP {
        let provider = provider();
        let ours = app(&provider);
        ours.set_timeout_ms(LONG).unwrap();
        let step = ours.step_one(None).unwrap();
        let back = provider.visit(&step.authorization_uri, Decision::Grant).unwrap();
        provider.fault(Fault::once(Target::Exchange, FaultKind::Latency(500)));
        let saver = Saver::new();
        let client = thread::scope(|scope| {
            let logging_in = start(scope, || ours.step_two(&step.session, &back, &saver));
            wait_for(&provider, Target::Exchange, 1);
            end(&ours);
            logging_in.end().0.unwrap()
        });
        assert_eq!(saver.offered(), [client.token()]);
        let other = app(&provider).from_token(&client.token(), &Saver::new()).unwrap();
        assert_eq!(other.get(PROFILE).unwrap().status, 200);
    }
}

#[test]
fn a_revocation_that_was_sent_counts() {
    for end in OF_A_CLIENT {
        let provider = provider();
        provider.fault(Fault::once(Target::Revoke, FaultKind::Latency(500)));
        let ours = app(&provider);
        ours.set_timeout_ms(LONG).unwrap();
        let client = ours.from_token(&saved_token(&provider, 3600), &Saver::new()).unwrap();
        thread::scope(|scope| {
            let revoking = start(scope, || client.revoke());
            wait_for(&provider, Target::Revoke, 1);
            end(&ours, &client);
            assert_eq!(revoking.end().0, Ok(()));
        });
        let error = client.dup().unwrap().get(PROFILE).unwrap_err();
        assert!([code::REAUTHORIZE, code::CANCELLED].contains(&error.code), "{error:?}");
    }
}
