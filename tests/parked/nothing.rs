//! Parked renewals that bring no token: the connection ends, the response is not the login's, or nothing
//! comes. The next call asks again. And how long a token lives that came late.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::endpoint::{Asked, Cut, Ending, Endpoint, Gate, Kind, Plan, Says, Until, now};
use crate::scene::{
    By, CALLS, Call, KEEPERS, Keeper, Login, app_for, code, cut, each, has_the_token, lives_for,
    text, wait_for,
};

const KINDS: [Kind; 3] = [Kind::Google, Kind::GoogleSingleUse, Kind::Fitbit];

/// A login with a parked renewal, whose response goes on when the gate opens.
struct Parked {
    endpoint: Endpoint,
    login: Login,
    gate: Arc<Gate>,
    asked: Arc<Asked>,
}

/// What a single-use refresh token brought is lost with the connection: the provider says it again.
fn parked(kind: Kind, is_tls: bool, keeper: Keeper, plan: Plan) -> Parked {
    let endpoint = Endpoint::with(kind, is_tls).repeating();
    let app = app_for(&endpoint, keeper);
    let login = Login::expired(&app, &endpoint, keeper);
    let gate = Gate::new();
    endpoint.plan(Plan { until: Until::Open(gate.clone()), ..plan });
    let asked = cut(&app, &endpoint, &login, By::Time);
    Parked { endpoint, login, gate, asked }
}

#[test]
fn a_parked_connection_that_ends_is_replaced_at_once() {
    let mut cases = Vec::new();
    for kind in KINDS {
        for is_tls in [false, true] {
            for place in [Cut::BeforeHead, Cut::InHead, Cut::InBody, Cut::ButOneByte] {
                for ending in [Ending::Fin, Ending::Reset, Ending::Garbage] {
                    for is_waited_for in [false, true] {
                        cases.push((kind, is_tls, place, ending, is_waited_for));
                    }
                }
            }
        }
    }
    each(&cases, 16, |&case| {
        let (kind, is_tls, place, ending, is_waited_for) = case;
        let keeper = KEEPERS[cases.iter().position(|one| *one == case).unwrap() % 3];
        let plan = Plan { ending, ..Plan::cut(place, Until::Never) };
        let here = parked(kind, is_tls, keeper, plan);
        if !is_waited_for {
            here.gate.open();
            thread::sleep(Duration::from_millis(50));
        }
        let outcome = thread::scope(|scope| {
            let reading = scope.spawn(|| here.login.on().get());
            if is_waited_for {
                thread::sleep(Duration::from_millis(50));
                here.gate.open();
            }
            reading.join().unwrap()
        });
        outcome.unwrap_or_else(|error| panic!("{case:?}: {error:?}"));
        assert_eq!(here.endpoint.requests(), 2, "{case:?}");
        has_the_token(&here.endpoint, &here.login);
        assert_eq!(here.login.saved(), [here.login.token()], "{case:?}");
        assert_eq!(here.endpoint.asked()[1].refresh_token, here.login.refresh_token);
    });
}

#[test]
fn a_parked_renewal_that_the_server_could_not_do_is_asked_for_again_at_once() {
    for kind in KINDS {
        for call in CALLS {
            let plan = Plan { says: Says::Busy, ..Plan::cut(Cut::InBody, Until::Never) };
            let here = parked(kind, false, Keeper::Callback, plan);
            here.gate.open();
            here.login.on().call(call).unwrap();
            assert_eq!(here.endpoint.requests(), 2, "{kind:?}");
            has_the_token(&here.endpoint, &here.login);
        }
    }
}

/// The parked request is an earlier call's. The next one sends four at most.
#[test]
fn a_call_whose_parked_renewal_fails_sends_four_requests_at_most() {
    for kind in KINDS {
        let plan = Plan { ending: Ending::Fin, ..Plan::cut(Cut::InHead, Until::Never) };
        let here = parked(kind, false, Keeper::Callback, plan.clone());
        here.gate.open();
        here.endpoint.always(Plan { until: Until::Passed(Duration::ZERO), ..plan });
        let error = here.login.on().get().unwrap_err();
        assert_ne!(error.code, code::REAUTHORIZE, "{error:?}");
        let sent = here.endpoint.requests() - 1;
        assert!((2..=4).contains(&sent), "{kind:?}: {sent} requests after the parked one");
        here.endpoint.heal();
        fitbit_test_support::rest();
        here.login.on().get().unwrap();
        has_the_token(&here.endpoint, &here.login);
    }
}

/// The refusal was said to a request of its own connection.
#[test]
fn a_refusal_that_was_parked_ends_the_login() {
    for kind in [Kind::Fitbit, Kind::GoogleSingleUse] {
        let endpoint = Endpoint::new(kind);
        let app = endpoint.app();
        let login = Login::expired(&app, &endpoint, Keeper::Callback);
        // Somebody else has used the refresh token.
        let other = endpoint.app();
        let used = Login::with(&other, &endpoint, Keeper::Callback, &login.first.to_string());
        used.on().get().unwrap();
        let gate = Gate::new();
        endpoint.plan(Plan::cut(Cut::InBody, Until::Open(gate.clone())));
        cut(&app, &endpoint, &login, By::Time);
        gate.open();
        assert_eq!(login.on().get().unwrap_err().code, code::REAUTHORIZE);
        assert_eq!(endpoint.requests(), 2, "{kind:?}: there is nothing to be asked again");
    }
}

/// The connection has brought this very token before.
#[test]
fn a_parked_response_that_repeats_the_last_token_of_its_connection_is_asked_for_again() {
    for is_tls in [false, true] {
        let endpoint = Endpoint::with(Kind::Google, is_tls);
        let app = endpoint.app();
        let first = Login::expired(&app, &endpoint, Keeper::Callback);
        first.on().call(Call::Refresh).unwrap();
        let login = Login::expired(&app, &endpoint, Keeper::Callback);
        let gate = Gate::new();
        endpoint.plan(Plan {
            says: Says::TokenOf(first.refresh_token.clone()),
            ..Plan::cut(Cut::InBody, Until::Open(gate.clone()))
        });
        let asked = cut(&app, &endpoint, &login, By::Abort);
        assert_eq!(asked.connection.number, endpoint.asked()[0].connection.number, "it is kept");
        gate.open();
        login.on().get().unwrap();
        assert_eq!(endpoint.requests(), 3);
        has_the_token(&endpoint, &login);
        let foreign = text(&first.token(), "access_token").to_owned();
        assert!(!endpoint.carried().contains(&foreign), "another person's token was used");
        assert!(login.saved().iter().all(|token| text(token, "access_token") != foreign));
    }
}

/// A token that says whose it is, and is another person's.
#[test]
fn a_parked_response_with_another_persons_token_is_never_used() {
    let endpoint = Endpoint::new(Kind::Fitbit).repeating();
    let app = endpoint.app();
    let other = Login::expired(&app, &endpoint, Keeper::Callback);
    other.on().get().unwrap();
    let login = Login::expired(&app, &endpoint, Keeper::Callback);
    let gate = Gate::new();
    let wrong = serde_json::json!({ "user_id": "SOMEBODYELSE" });
    let plan = Plan { adds: Some(wrong), ..Plan::cut(Cut::InBody, Until::Open(gate.clone())) };
    endpoint.plan(plan);
    cut(&app, &endpoint, &login, By::Time);
    gate.open();
    let outcome = login.on().get();
    assert_eq!(
        endpoint.asked().iter().filter(|a| a.refresh_token == login.refresh_token).count(),
        match &outcome {
            Ok(()) => 2,
            Err(_) => 1,
        }
    );
    if let Err(error) = outcome {
        assert_eq!(error.code, code::PROTOCOL, "{error:?}");
        fitbit_test_support::rest();
        login.on().get().unwrap();
    }
    assert_eq!(login.saved(), [login.token()]);
    assert_eq!(text(&login.token(), "user_id"), text(&login.first, "user_id"));
}

/// It is given up within the call, whose time is enough for another request.
#[test]
fn a_parked_connection_that_stays_silent_is_given_up() {
    let cases: Vec<_> = KINDS.into_iter().flat_map(|kind| [(kind, 16), (kind, 24)]).collect();
    each(&cases, cases.len(), |&(kind, seconds)| {
        let here = parked(kind, false, Keeper::Callback, Plan::silent());
        let dup = here.login.dup();
        dup.0.set_timeout_ms(seconds * 1000);
        dup.0.get().unwrap_or_else(|error| panic!("{kind:?}, {seconds} s: {error:?}"));
        assert_eq!(here.endpoint.requests(), 2, "{kind:?}, {seconds} s");
        let [first, second] = [0, 1].map(|number| here.endpoint.asked()[number].at);
        let after = second - first;
        assert!(after > Duration::from_secs(4), "{kind:?}, {seconds} s: after {after:?}");
        has_the_token(&here.endpoint, &here.login);
        wait_for(|| !here.asked.is_open());
    });
}

/// Half of the time is less than ten seconds, so nothing is left for another request.
#[test]
fn a_parked_connection_that_stays_silent_survives_a_call_with_little_time() {
    for kind in KINDS {
        let here = parked(kind, false, Keeper::Callback, Plan::silent());
        let dup = here.login.dup();
        dup.0.set_timeout_ms(1000);
        for _ in 0..2 {
            assert_eq!(dup.0.get().unwrap_err().code, code::TIMEOUT);
        }
        assert_eq!(here.endpoint.requests(), 1, "{kind:?}");
        assert!(here.asked.is_open());
        here.gate.open();
        here.login.on().get().unwrap();
        assert_eq!(here.endpoint.requests(), 1, "{kind:?}");
        has_the_token(&here.endpoint, &here.login);
    }
}

/// A parked response is no reason for the five seconds' pause. One that failed is.
#[test]
fn a_parked_renewal_is_read_at_once() {
    for kind in KINDS {
        let here = parked(kind, false, Keeper::Callback, Plan::cut(Cut::InBody, Until::Never));
        here.gate.open();
        let dup = here.login.dup();
        // Less than the pause: with a pause it would fail at once.
        dup.0.set_timeout_ms(3000);
        dup.0.get().unwrap_or_else(|error| panic!("{kind:?}: {error:?}"));
        assert_eq!(here.endpoint.requests(), 1);
    }
}

/// The answer was on its way for five of its ten seconds.
#[test]
fn a_tokens_life_counts_from_the_request() {
    let cases: Vec<_> =
        KINDS.into_iter().flat_map(|kind| KEEPERS.map(|keeper| (kind, keeper))).collect();
    each(&cases, cases.len(), |&(kind, keeper)| {
        let begun = now();
        let plan = Plan { expires_in: 10, ..Plan::cut(Cut::InBody, Until::Never) };
        let here = parked(kind, false, keeper, plan);
        thread::sleep(Duration::from_secs(5));
        here.gate.open();
        here.login.on().call(Call::Refresh).unwrap();
        let token = here.login.token();
        assert!(
            lives_for(&token, 10, begun, here.asked.wall),
            "{kind:?}: asked between {begun} and {}: {}",
            here.asked.wall,
            token["expires_at"]
        );
        assert_eq!(here.login.saved()[0], token);
    });
}

/// The same by the monotonic clock: the token is renewed when its life from the request is over.
#[test]
fn a_token_that_was_parked_for_longer_than_it_lives_is_renewed() {
    each(&KINDS, KINDS.len(), |&kind| {
        let plan = Plan { expires_in: 4, ..Plan::cut(Cut::InBody, Until::Never) };
        let here = parked(kind, false, Keeper::Callback, plan);
        thread::sleep(Duration::from_secs(5));
        here.gate.open();
        here.login.on().get().unwrap();
        here.login.on().get().unwrap();
        // The parked one, and one for a token that lives.
        assert_eq!(here.endpoint.requests(), 2, "{kind:?}");
        let current = text(&here.login.token(), "access_token").to_owned();
        assert_eq!(here.endpoint.carried().last(), Some(&current));
        assert!(here.login.token()["expires_at"].as_i64().unwrap() > now() + 1000);
    });
}

/// The provider has used a single-use refresh token for the first request, and refuses the second one.
#[test]
fn a_refusal_ends_no_login_whose_first_response_can_still_come() {
    let mut cases = Vec::new();
    for kind in [Kind::Fitbit, Kind::GoogleSingleUse] {
        for keeper in KEEPERS {
            cases.extend([(kind, keeper, false), (kind, keeper, true)]);
        }
    }
    each(&cases, cases.len(), |&(kind, keeper, is_lost)| {
        let what = format!("{kind:?}, {keeper:?}, lost: {is_lost}");
        let endpoint = Endpoint::new(kind);
        let app = app_for(&endpoint, keeper);
        let login = Login::expired(&app, &endpoint, keeper);
        let gate = Gate::new();
        let mut plan = Plan::cut(Cut::BeforeHead, Until::Open(gate.clone()));
        if is_lost {
            plan.ending = Ending::Fin;
        }
        endpoint.plan(plan);
        cut(&app, &endpoint, &login, By::Time);
        fitbit_test_support::rest();
        let error = login.on().get().expect_err(&what);
        assert_eq!(error.code, code::TIMEOUT, "{what}: {error:?}");
        assert_eq!(endpoint.requests(), 2, "{what}");
        gate.open();
        if is_lost {
            fitbit_test_support::rest();
            let error = login.on().get().expect_err(&what);
            assert_eq!(error.code, code::REAUTHORIZE, "{what}: {error:?}");
        } else {
            login.on().get().unwrap_or_else(|error| panic!("{what}: {error:?}"));
            has_the_token(&endpoint, &login);
            assert_eq!(endpoint.requests(), 2, "{what}");
        }
    });
}

/// Each refusal comes when the next request was sent already.
#[test]
fn a_dead_login_is_reported_although_its_refusals_come_late() {
    let endpoint = Endpoint::new(Kind::Fitbit);
    endpoint.always(Plan::late(7000));
    let app = app_for(&endpoint, Keeper::Callback);
    let mut token: Value = serde_json::from_str(&endpoint.token(-10)).unwrap();
    token["refresh_token"] = "unknown".into();
    let login = Login::with(&app, &endpoint, Keeper::Callback, &token.to_string());
    let dup = login.dup();
    dup.0.set_timeout_ms(1000);
    let begun = Instant::now();
    while let Err(error) = dup.0.get()
        && error.code != code::REAUTHORIZE
    {
        assert_eq!(error.code, code::TIMEOUT, "{error:?}");
        assert!(begun.elapsed() < Duration::from_secs(90), "{error:?}");
    }
    assert_eq!(dup.0.get().unwrap_err().code, code::REAUTHORIZE);
}

#[test]
fn two_parked_renewals_are_read_by_turns() {
    let kinds = [Kind::Fitbit, Kind::GoogleSingleUse];
    each(&kinds, kinds.len(), |&kind| {
        let endpoint = Endpoint::new(kind);
        let app = app_for(&endpoint, Keeper::Callback);
        let login = Login::expired(&app, &endpoint, Keeper::Callback);
        let gate = Gate::new();
        endpoint.plan(Plan::cut(Cut::BeforeHead, Until::Open(gate.clone())));
        endpoint.plan(Plan::silent());
        cut(&app, &endpoint, &login, By::Time);
        fitbit_test_support::rest();
        let hasty = login.dup();
        hasty.0.set_timeout_ms(1000);
        assert_eq!(hasty.0.get().unwrap_err().code, code::TIMEOUT);
        assert_eq!(endpoint.requests(), 2, "{kind:?}");
        thread::scope(|scope| {
            let reading = scope.spawn(|| login.on().get());
            thread::sleep(Duration::from_millis(300));
            gate.open();
            reading.join().unwrap().unwrap_or_else(|error| panic!("{kind:?}: {error:?}"));
        });
        assert_eq!(endpoint.requests(), 2, "{kind:?}");
        has_the_token(&endpoint, &login);
    });
}

/// The other process takes the renewal marker away, and knows nothing of the response.
#[test]
fn a_response_is_read_although_another_process_was_refused_meanwhile() {
    let endpoint = Endpoint::new(Kind::Fitbit);
    let app = app_for(&endpoint, Keeper::File);
    let login = Login::with(&app, &endpoint, Keeper::File, &endpoint.token(50));
    let gate = Gate::new();
    endpoint.plan(Plan::cut(Cut::BeforeHead, Until::Open(gate.clone())));
    let hasty = login.dup();
    hasty.0.set_timeout_ms(2000);
    hasty.0.get().expect("the token still works");
    assert_eq!(endpoint.requests(), 1);
    let other = endpoint.app();
    let _other = other.from_file(login.path()).expect("it opens, and asks");
    assert_eq!(endpoint.requests(), 2);
    gate.open();
    thread::sleep(Duration::from_millis(300));
    login.on().get().unwrap();
    has_the_token(&endpoint, &login);
    assert_eq!(endpoint.requests(), 2);
}
