//! What is single-use is not given up half-way: what was sent is finished, and what came is saved.

use std::thread;

use fitbit_simulator::{Decision, Fault, FaultKind, Target};
use fitbit_test_support::world::{PROFILE, provider};
use fitbit_test_support::{Saver, code, rest};

use crate::scene::{client_of, is_cancelled, patient_app, start, wait_for};

#[test]
fn a_renewal_that_was_sent_is_saved_before_the_request_is_cancelled() {
    let provider = provider();
    provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(700)));
    let app = patient_app(&provider);
    let saver = Saver::new();
    let client = client_of(&app, &provider, -10, &saver);
    is_cancelled(&app, || wait_for(&provider, Target::Refresh, 1), || client.get(PROFILE));
    assert_eq!(saver.offered(), [client.token()]);
    assert_eq!(provider.requests(Target::Api), 0, "the request itself is not sent any more");
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    assert_eq!(provider.requests(Target::Refresh), 1);
    assert_eq!(provider.replayed_refresh_tokens(), 0);
}

#[test]
fn fitbit_refresh_that_was_sent_is_saved_before_it_is_cancelled() {
    let provider = provider();
    provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(700)));
    let app = patient_app(&provider);
    let saver = Saver::new();
    let client = client_of(&app, &provider, 3600, &saver);
    is_cancelled(&app, || wait_for(&provider, Target::Refresh, 1), || client.refresh());
    assert_eq!(saver.offered(), [client.token()]);
}

#[test]
fn a_lost_answer_is_not_asked_for_again_by_a_call_that_is_cancelled_but_by_the_next() {
    let provider = provider();
    provider.settings(|settings| settings.grace = Some(std::time::Duration::from_secs(120)));
    provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(700)));
    provider.fault(Fault::once(Target::Refresh, FaultKind::CloseAfterRead));
    let app = patient_app(&provider);
    let saver = Saver::new();
    let client = client_of(&app, &provider, -10, &saver);
    is_cancelled(&app, || wait_for(&provider, Target::Refresh, 1), || client.get(PROFILE));
    assert_eq!(provider.requests(Target::Refresh), 1);
    assert_eq!(saver.offered().len(), 0);
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    assert_eq!(saver.offered(), [client.token()]);
}

#[test]
fn a_call_that_begins_later_does_not_share_the_failure_of_a_renewal_that_was_cancelled() {
    let provider = provider();
    provider.settings(|settings| settings.grace = Some(std::time::Duration::from_secs(120)));
    provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(1500)));
    provider.fault(Fault::once(Target::Refresh, FaultKind::CloseAfterRead));
    let app = patient_app(&provider);
    let client = client_of(&app, &provider, -10, &Saver::new());
    thread::scope(|scope| {
        let renewing = start(scope, || client.get(PROFILE));
        wait_for(&provider, Target::Refresh, 1);
        app.cancel();
        // It finds the renewal under way, whose call would not ask again.
        let later = client.get(PROFILE);
        assert_eq!(renewing.end().0.err().unwrap().code, code::CANCELLED);
        assert_eq!(later.map(|response| response.status), Ok(200));
    });
}

#[test]
fn an_exchange_that_was_sent_makes_a_client() {
    let provider = provider();
    let app = patient_app(&provider);
    let step = app.step_one(None).unwrap();
    let back = provider.visit(&step.authorization_uri, Decision::Grant).unwrap();
    provider.fault(Fault::once(Target::Exchange, FaultKind::Latency(700)));
    let saver = Saver::new();
    let client = thread::scope(|scope| {
        let logging_in = start(scope, || app.step_two(&step.session, &back, &saver));
        wait_for(&provider, Target::Exchange, 1);
        app.cancel();
        logging_in.end().0.unwrap()
    });
    assert_eq!(saver.offered(), [client.token()]);
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
}

#[test]
fn an_exchange_whose_answer_is_lost_is_cancelled() {
    let provider = provider();
    let app = patient_app(&provider);
    let step = app.step_one(None).unwrap();
    let back = provider.visit(&step.authorization_uri, Decision::Grant).unwrap();
    provider.fault(Fault::once(Target::Exchange, FaultKind::Latency(700)));
    provider.fault(Fault::once(Target::Exchange, FaultKind::CloseAfterRead));
    let ready = || wait_for(&provider, Target::Exchange, 1);
    is_cancelled(&app, ready, || app.step_two(&step.session, &back, &Saver::new()));
}

#[test]
fn a_revocation_that_was_sent_has_ended_the_login() {
    let provider = provider();
    provider.fault(Fault::once(Target::Revoke, FaultKind::Latency(700)));
    let app = patient_app(&provider);
    let client = client_of(&app, &provider, 3600, &Saver::new());
    thread::scope(|scope| {
        let revoking = start(scope, || client.revoke());
        wait_for(&provider, Target::Revoke, 1);
        app.cancel();
        assert_eq!(revoking.end().0, Ok(()));
    });
    assert_eq!(client.get(PROFILE).unwrap_err().code, code::REAUTHORIZE);
}

/// After a response the library may ask for a token whose renewal failed before. The response counts.
#[test]
fn a_response_in_hand_counts_although_the_renewal_after_it_is_cancelled() {
    let provider = provider();
    provider.settings(|settings| settings.grace = Some(std::time::Duration::from_secs(120)));
    let app = patient_app(&provider);
    let client = client_of(&app, &provider, 3600, &Saver::new());
    provider.fault(Fault { times: 4, ..Fault::always(Target::Refresh, FaultKind::Status503) });
    client.refresh().unwrap_err();
    rest();
    provider.fault(Fault::once(Target::Refresh, FaultKind::StallBeforeAnswer));
    let asked = provider.requests(Target::Refresh);
    thread::scope(|scope| {
        let running = start(scope, || client.get(PROFILE).map(|response| response.status));
        while provider.requests(Target::Refresh) == asked {
            thread::yield_now();
        }
        app.cancel();
        assert_eq!(running.end().0, Ok(200));
    });
}
