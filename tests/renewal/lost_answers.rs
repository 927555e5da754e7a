//! A refresh whose answer got lost: asked for again with the same refresh token, on a connection
//! of its own, in the same call and in every later one.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::{Saver, code, in_parallel, rest};
use socket2::{Domain, Socket, Type};

use super::scene::{client_of, client_with, field, hasty_app, refresh_tokens_sent};
use super::world::{DIALECT, PROFILE, app, provider, saved_token};

/// Every fault that looks like a lost answer and shows itself at once.
fn lost_answers() -> Vec<(&'static str, FaultKind)> {
    let is_lost = |kind: &FaultKind| match kind {
        FaultKind::Latency(_) | FaultKind::WrongContentType | FaultKind::SlowDrip(_) => false,
        FaultKind::Stall | FaultKind::StallBeforeAnswer => false,
        FaultKind::CloseBeforeRead | FaultKind::ResetBeforeRead => true,
        FaultKind::Status409 | FaultKind::Status500 | FaultKind::Status502 => true,
        FaultKind::Status503 | FaultKind::OkWithErrorInside => true,
        kind => kind.acts(),
    };
    FaultKind::all().into_iter().filter(|(_, kind)| is_lost(kind)).collect()
}

fn repeating_provider() -> Simulator {
    let provider = provider();
    provider.settings(|settings| settings.grace = Some(Duration::from_secs(120)));
    provider
}

#[test]
fn it_is_asked_for_again_within_the_call_and_the_login_survives() {
    in_parallel(lost_answers(), |(name, kind)| {
        let (provider, saver) = (repeating_provider(), Saver::new());
        let saved = saved_token(&provider, -10);
        let client = app(&provider).from_token(&saved, &saver).unwrap();
        provider.fault(Fault::once(Target::Refresh, kind));
        assert_eq!(client.get(PROFILE).unwrap().status, 200, "{name}");
        assert_eq!(provider.requests(Target::Refresh), 2, "{name}");
        assert_eq!(provider.connections(), 3, "{name}: each renewal goes out on a fresh one");
        let sent = refresh_tokens_sent(&provider);
        let same = field(&saved, "refresh_token");
        assert!(sent.iter().all(|token| *token == same), "{name}");
        assert_eq!(saver.offered().len(), 1, "{name}");
        client.refresh().unwrap();
    });
}

#[test]
fn a_renewal_goes_out_on_a_connection_of_its_own_or_of_other_renewals() {
    let provider = repeating_provider();
    let client = client_with(&provider, 3600, &Saver::new());
    client.get(PROFILE).unwrap();
    for renewals in 1..=3 {
        client.refresh().unwrap();
        client.get(PROFILE).unwrap();
        // What is not single-use is sent on the connection of the renewal before.
        let of_renewals = if DIALECT.rotates { renewals } else { 1 };
        assert_eq!(provider.connections(), 1 + of_renewals, "the API's own one goes on");
    }
}

#[test]
fn without_the_providers_grace_what_did_not_spend_the_refresh_token_survives() {
    in_parallel(lost_answers(), |(name, kind)| {
        let (provider, spent) = (provider(), kind.acts() && DIALECT.rotates);
        let client = client_with(&provider, -10, &Saver::new());
        provider.fault(Fault::once(Target::Refresh, kind));
        let outcome = client.get(PROFILE).map(|response| response.status);
        assert_eq!(provider.requests(Target::Refresh), 2, "{name}");
        if !spent {
            return assert_eq!(outcome, Ok(200), "{name}");
        }
        // The refresh token was spent, and the one that replaces it has never arrived.
        assert_eq!(outcome.unwrap_err().code, code::REAUTHORIZE, "{name}");
        assert_eq!(client.get(PROFILE).unwrap_err().code, code::REAUTHORIZE, "{name}");
        assert_eq!(client.refresh().unwrap_err().code, code::REAUTHORIZE, "{name}");
        assert_eq!(provider.requests(Target::Refresh), 2, "{name}: not asked again");
    });
}

#[test]
fn later_calls_ask_again_once_in_five_seconds() {
    in_parallel(lost_answers(), |(name, kind)| {
        let provider = repeating_provider();
        let saved = saved_token(&provider, -10);
        let app = hasty_app(&provider, 2000);
        let client = app.from_token(&saved, &Saver::new()).unwrap();
        provider.fault(Fault::always(Target::Refresh, kind));
        let mut asked = 0;
        for _ in 0..2 {
            let error = client.get(PROFILE).unwrap_err();
            assert_ne!(error.code, code::REAUTHORIZE, "{name}");
            assert!(provider.requests(Target::Refresh) > asked, "{name}");
            asked = provider.requests(Target::Refresh);
            // With too little time to wait, the same error at once, and no request.
            assert_eq!(client.get(PROFILE).unwrap_err().code, error.code, "{name}");
            assert_eq!(client.refresh().unwrap_err().code, error.code, "{name}");
            assert_eq!(provider.requests(Target::Refresh), asked, "{name}");
            rest();
        }
        provider.clear_faults();
        assert_eq!(client.get(PROFILE).unwrap().status, 200, "{name}");
        let same = field(&saved, "refresh_token");
        assert!(refresh_tokens_sent(&provider).iter().all(|token| *token == same), "{name}");
    });
}

#[test]
fn a_call_with_time_waits_until_the_provider_is_asked_again() {
    let provider = repeating_provider();
    let client = client_with(&provider, -10, &Saver::new());
    provider.fault(Fault { times: 4, ..Fault::always(Target::Refresh, FaultKind::Status503) });
    assert_eq!(client.get(PROFILE).unwrap_err().code, code::HTTP);
    let lost = provider.log().last().unwrap().at_ms;
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    let log = provider.log();
    let asked: Vec<_> = log.iter().filter(|one| one.target == DIALECT.oauth_paths[1]).collect();
    assert_eq!(asked.len(), 5);
    assert!(asked[4].at_ms >= lost + 5000, "{} after {lost}", asked[4].at_ms);
}

/// An answer of the token endpoint that is not the provider's own leaves it open, like no answer.
#[test]
fn a_possibly_lost_answer_never_delays_a_request_whose_token_works() {
    let kinds = [FaultKind::StallBeforeAnswer, FaultKind::Status503, FaultKind::Status410];
    in_parallel(kinds, |kind| {
        let provider = repeating_provider();
        let client = client_of(&hasty_app(&provider, 2500), &provider, 3600, &Saver::new());
        provider.fault(Fault::always(Target::Refresh, kind.clone()));
        client.refresh().unwrap_err();
        let asked = provider.requests(Target::Refresh);
        client.get(PROFILE).unwrap();
        assert_eq!(provider.requests(Target::Refresh), asked, "{kind:?}: five seconds");
        rest();
        client.get(PROFILE).unwrap();
        assert_eq!(provider.requests(Target::Refresh), asked + 1, "{kind:?}: once more");
        let log = provider.log();
        let order: Vec<_> = log.iter().rev().take(2).map(|entry| &*entry.target).collect();
        assert_eq!(order, [DIALECT.oauth_paths[1], PROFILE], "{kind:?}: after the response");
        client.get(PROFILE).unwrap();
        assert_eq!(provider.requests(Target::Refresh), asked + 1, "{kind:?}: and no more");
        provider.clear_faults();
        rest();
        let before = client.token();
        client.get(PROFILE).unwrap();
        assert_ne!(client.token(), before, "{kind:?}: the request after the outage renews");
    });
}

#[test]
fn one_request_asks_for_a_token_at_most_four_times() {
    let provider = repeating_provider();
    let client = client_with(&provider, 20, &Saver::new());
    provider.fault(Fault::always(Target::Refresh, FaultKind::Status500));
    provider.fault(Fault::always(Target::Api, FaultKind::Status401Expired));
    let error = client.get(PROFILE).unwrap_err();
    assert_eq!((error.code, error.http_status), (code::HTTP, 500));
    assert!(error.message.contains("tried 4 times"), "{}", error.message);
    assert_eq!(provider.requests(Target::Refresh), 4);
}

#[test]
fn a_later_call_asks_again_after_the_grace_too() {
    let provider = provider();
    provider.settings(|settings| settings.grace = Some(Duration::from_millis(1)));
    let client = client_of(&hasty_app(&provider, 1000), &provider, -10, &Saver::new());
    provider.fault(Fault::once(Target::Refresh, FaultKind::StallBeforeAnswer));
    assert_eq!(client.get(PROFILE).unwrap_err().code, code::TIMEOUT);
    rest();
    // It could be that the first request never arrived: only the provider can tell. If it refuses, the
    // login is not over yet, because the response to the first request can still come.
    let later = client.get(PROFILE).map(|response| response.status);
    let expected = if DIALECT.rotates { Err(code::TIMEOUT) } else { Ok(200) };
    assert_eq!(later.map_err(|error| error.code), expected);
    assert_eq!(provider.requests(Target::Refresh), 2);
}

#[test]
fn a_call_whose_time_ran_out_is_followed_by_one_that_gets_the_same_answer() {
    in_parallel(
        [FaultKind::Stall, FaultKind::StallBeforeAnswer, FaultKind::SlowDrip(100)],
        |kind| {
            let provider = repeating_provider();
            let client = client_of(&hasty_app(&provider, 1000), &provider, -10, &Saver::new());
            provider.fault(Fault::once(Target::Refresh, kind));
            assert_eq!(client.get(PROFILE).unwrap_err().code, code::TIMEOUT);
            rest();
            assert_eq!(client.get(PROFILE).unwrap().status, 200);
            let sent = refresh_tokens_sent(&provider);
            assert_eq!((sent.len(), sent[0] == sent[1]), (2, true));
        },
    );
}

#[test]
fn an_answer_that_does_not_come_leaves_time_to_ask_again_in_the_same_call() {
    let provider = repeating_provider();
    let client = client_of(&hasty_app(&provider, 14_000), &provider, -10, &Saver::new());
    provider.fault(Fault::once(Target::Refresh, FaultKind::StallBeforeAnswer));
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    assert_eq!(provider.requests(Target::Refresh), 2);
}

#[test]
fn a_server_that_cannot_be_reached_at_all_loses_nothing() {
    let unreachable = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}/oauth2/token", unreachable.local_addr().unwrap());
    drop(unreachable);
    let provider = provider();
    let app = hasty_app(&provider, 1500);
    app.set_endpoint(1, &nobody).unwrap();
    let client = client_of(&app, &provider, -10, &Saver::new());
    let before = client.token();
    assert_eq!(client.get(PROFILE).unwrap_err().code, code::NETWORK);
    assert_eq!(client.token(), before);
}

#[test]
fn the_pauses_between_the_attempts_grow_and_differ() {
    let pauses: Vec<Vec<u64>> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..6)
            .map(|_| {
                scope.spawn(|| {
                    let provider = repeating_provider();
                    let client = client_with(&provider, -10, &Saver::new());
                    provider.fault(Fault::always(Target::Refresh, FaultKind::Status503));
                    client.get(PROFILE).unwrap_err();
                    let at: Vec<_> = provider.log().iter().map(|entry| entry.at_ms).collect();
                    at.windows(2).map(|pair| pair[1] - pair[0]).collect()
                })
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    let sum = |nth: usize| pauses.iter().map(|of_one| of_one[nth]).sum::<u64>();
    let last = pauses[0].len() - 1;
    assert!(pauses.iter().all(|of_one| of_one.iter().all(|pause| *pause >= 20)), "{pauses:?}");
    assert!(sum(last) > sum(0), "{pauses:?}");
    assert!(pauses.iter().any(|of_one| of_one[0].abs_diff(pauses[0][0]) > 2), "{pauses:?}");
}

/// An address where nobody listens; the function makes somebody listen there, who passes everything on.
fn closed_door(provider: &Simulator) -> (String, impl Fn()) {
    // It keeps its port, so that nobody else gets it meanwhile.
    let door = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    door.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = door.local_addr().unwrap().as_socket().unwrap();
    let provider = provider.uri()[7..].to_owned();
    let open = move || {
        door.listen(16).unwrap();
        let listener = TcpListener::from(door.try_clone().unwrap());
        let provider = provider.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let far = TcpStream::connect(&provider).unwrap();
                let (mut from, mut to) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Write);
                });
                let (mut from, mut to) = (far, near);
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Write);
                });
            }
        });
    };
    (format!("http://{address}{}", DIALECT.oauth_paths[1]), open)
}

/// Nothing was sent, and so the refresh token is in no doubt and the provider in no need of a pause.
#[test]
fn after_a_renewal_that_was_not_sent_the_next_response_is_followed_by_one() {
    let provider = repeating_provider();
    let (token_uri, open) = closed_door(&provider);
    let app = app(&provider);
    app.set_endpoint(1, &token_uri).unwrap();
    let client = client_of(&app, &provider, 20, &Saver::new());
    client.get(PROFILE).expect("the token expires soon, and works");
    assert_eq!(provider.requests(Target::Refresh), 0);
    open();
    // More than the two seconds in which it has to be sent.
    provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(2600)));
    let before = client.token();
    client.get(PROFILE).unwrap();
    assert_ne!(client.token(), before, "its answer is waited for");
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn attempts_that_were_not_sent_leave_the_four_requests_for_later() {
    let provider = repeating_provider();
    let (token_uri, open) = closed_door(&provider);
    let app = app(&provider);
    app.set_endpoint(1, &token_uri).unwrap();
    let client = client_of(&app, &provider, 20, &Saver::new());
    provider.fault(Fault::once(Target::Api, FaultKind::Status401Expired));
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| client.get(PROFILE).map(|response| response.status));
        while provider.requests(Target::Api) == 0 {
            std::thread::yield_now();
        }
        open();
        assert_eq!(asking.join().unwrap(), Ok(200));
    });
    assert_eq!(provider.requests(Target::Refresh), 1);
}
