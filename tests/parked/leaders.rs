//! A thread that asks for a token on behalf of others is ended: one of the others reads on. And how soon
//! an end is noticed.

use std::thread;
use std::time::{Duration, Instant};

use crate::endpoint::{Cut, Endpoint, Gate, Kind, Plan, Until};
use crate::scene::{
    By, CALLS, Call, KEEPERS, Keeper, Login, app_for, each, has_the_token, wait_for,
};

const PLACES: [Cut; 5] =
    [Cut::BeforeHead, Cut::InHead, Cut::AfterHead, Cut::InBody, Cut::ButOneByte];

/// A leader is cut, and so many others are waiting.
fn cut_before_others(kind: Kind, is_tls: bool, place: Cut, keeper: Keeper, by: By) {
    let what = format!("{kind:?}, TLS: {is_tls}, {place:?}, {keeper:?}, {by:?}");
    let endpoint = Endpoint::with(kind, is_tls);
    let app = app_for(&endpoint, keeper);
    let login = Login::expired(&app, &endpoint, keeper);
    let gate = Gate::new();
    endpoint.plan(Plan::cut(place, Until::Open(gate.clone())));
    let leader = login.dup();
    if by == By::Time {
        leader.0.set_timeout_ms(1500);
    }
    let followers: Vec<_> = (0..6).map(|_| login.dup()).collect();
    thread::scope(|scope| {
        let leading = scope.spawn(|| leader.0.get());
        wait_for(|| endpoint.requests() == 1 && endpoint.asked()[0].is_at_the_cut());
        let following: Vec<_> =
            followers.iter().map(|dup| dup.0).map(|on| scope.spawn(move || on.get())).collect();
        thread::sleep(Duration::from_millis(100));
        if by == By::Abort {
            leader.0.abort();
        }
        leading.join().unwrap().expect_err("it was cut");
        thread::sleep(Duration::from_millis(50));
        gate.open();
        for following in following {
            following.join().unwrap().unwrap_or_else(|error| panic!("{what}: {error:?}"));
        }
    });
    assert_eq!(endpoint.requests(), 1, "{what}");
    has_the_token(&endpoint, &login);
    assert_eq!(login.saved(), [login.token()], "{what}");
}

#[test]
fn a_thread_that_waits_for_an_aborted_renewal_of_google_reads_on() {
    let cases: Vec<_> =
        PLACES.iter().flat_map(|&place| KEEPERS.map(|keeper| (place, keeper))).collect();
    each(&cases, 8, |&(place, keeper)| {
        cut_before_others(Kind::Google, false, place, keeper, By::Abort);
        cut_before_others(Kind::Google, true, place, keeper, By::Abort);
    });
}

#[test]
fn a_thread_that_waits_for_a_renewal_without_time_reads_on() {
    let cases: Vec<_> = [Kind::Google, Kind::GoogleSingleUse, Kind::Fitbit]
        .into_iter()
        .flat_map(|kind| KEEPERS.map(|keeper| (kind, keeper)))
        .collect();
    each(&cases, 9, |&(kind, keeper)| {
        cut_before_others(kind, false, Cut::InBody, keeper, By::Time);
        cut_before_others(kind, true, Cut::BeforeHead, keeper, By::Time);
    });
}

/// One after the other takes over, and is aborted.
#[test]
fn every_leader_but_the_last_one_is_aborted() {
    let endpoint = Endpoint::new(Kind::Google);
    let app = endpoint.app();
    let login = Login::expired(&app, &endpoint, Keeper::Callback);
    let gate = Gate::new();
    endpoint.plan(Plan::cut(Cut::InBody, Until::Open(gate.clone())));
    let handles: Vec<_> = (0..12).map(|_| login.dup()).collect();
    let outcomes: Vec<_> = thread::scope(|scope| {
        let calls: Vec<_> =
            handles.iter().map(|dup| dup.0).map(|on| scope.spawn(move || on.get())).collect();
        wait_for(|| endpoint.requests() == 1 && endpoint.asked()[0].is_at_the_cut());
        for dup in &handles[..11] {
            thread::sleep(Duration::from_millis(20));
            dup.0.abort();
        }
        gate.open();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert_eq!(outcomes[11], Ok(()));
    assert!(outcomes[..11].iter().all(Result::is_err), "{outcomes:?}");
    assert_eq!(endpoint.requests(), 1);
    has_the_token(&endpoint, &login);
}

/// How long a call of Google goes on after its end, at every place of its renewal.
#[test]
fn an_end_is_noticed_at_once_while_a_renewal_of_google_is_on_its_way() {
    let mut took = Vec::new();
    for is_tls in [false, true] {
        for place in PLACES {
            for call in CALLS {
                for end in ["abort", "cancel", "shutdown"] {
                    took.push((latency(is_tls, place, call, end), is_tls, place, call, end));
                }
            }
        }
    }
    took.sort_by_key(|measured| measured.0);
    let (median, max) = (took[took.len() / 2].0, took[took.len() - 1]);
    println!("ended after: median {median:?}, at most {max:?}, of {}", took.len());
    assert!(median < Duration::from_millis(100), "{median:?}");
    // One alone may be late on a busy machine.
    assert!(max.0 < Duration::from_secs(5), "{max:?}");
}

fn latency(is_tls: bool, place: Cut, call: Call, end: &str) -> Duration {
    let endpoint = Endpoint::with(Kind::Google, is_tls);
    let app = endpoint.app();
    let login = Login::expired(&app, &endpoint, Keeper::Callback);
    endpoint.plan(Plan::cut(place, Until::Never));
    let on = login.on();
    thread::scope(|scope| {
        let running = scope.spawn(move || (on.call(call), Instant::now()));
        wait_for(|| endpoint.requests() == 1 && endpoint.asked()[0].is_at_the_cut());
        thread::sleep(Duration::from_millis(10));
        let ending = Instant::now();
        match end {
            "abort" => on.abort(),
            "cancel" => app.cancel(),
            _ => app.shutdown(),
        }
        let (outcome, ended) = running.join().unwrap();
        let error = outcome.expect_err("it was ended");
        assert_eq!(error.code, crate::scene::code::CANCELLED, "{error:?}");
        ended.saturating_duration_since(ending)
    })
}
