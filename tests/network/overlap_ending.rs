//! A connection that was opened beside a renewal and is not needed: when it is closed.

use std::time::Duration;

use fitbit_test_support::in_parallel;

use crate::bench::{Call, End, Family, Fate, Network, Provider, Record};
use crate::overlap::{PROVIDERS, delay_renewals, expired, network};

/// How long the program stays after the call, so that a connection which only the end of the process
/// closes is closed much later.
const STAYS: u64 = 800;

/// What a busy machine may add.
const NOISE: Duration = Duration::from_millis(700);

/// The one connection to the API was closed before the call had ended.
#[track_caller]
fn assert_closed(net: &Network, what: &str, call: &Call) {
    let api = net.flows("api.test");
    assert_eq!(api.len(), 1, "{what}: {api:?}");
    assert!(api[0].is_closed_by(call.ended), "{what}: {:?}, {call:?}", api[0]);
    assert_eq!(net.requests("api.test").len(), 0, "{what}");
}

#[test]
fn the_connection_is_closed_before_a_call_returns_whose_renewal_is_refused() {
    in_parallel(PROVIDERS, |provider| {
        let Some(net) = network() else { return };
        net.serve("token.test", |session| {
            while session.request()?.is_some() {
                session.respond(
                    "400 Bad Request",
                    r#"{"error":"invalid_grant",
                    "errors":[{"errorType":"invalid_grant","message":"no"}]}"#,
                )?;
            }
            Ok(())
        });
        let call = net.call(expired(provider).get().pause_ms(STAYS));
        assert_eq!(call.code, "FITBIT_ERROR_REAUTHORIZE", "{call:?}");
        assert_closed(&net, &format!("{provider:?}"), &call);
    });
}

#[test]
fn the_connection_is_closed_before_a_call_returns_whose_time_is_over() {
    in_parallel(PROVIDERS, |provider| {
        let Some(net) = network() else { return };
        net.serve("token.test", |session| {
            while session.request()?.is_some() {}
            Ok(())
        });
        let call = net.call(expired(provider).timeout_ms(1500).get().pause_ms(STAYS));
        assert_eq!(call.code, "FITBIT_ERROR_TIMEOUT", "{call:?}");
        assert_closed(&net, &format!("{provider:?}"), &call);
    });
}

/// However often the token endpoint is tried, there is one connection to the API beside it.
#[test]
fn the_connection_is_closed_before_a_call_returns_that_cannot_renew() {
    in_parallel(PROVIDERS, |provider| {
        let Some(net) = network() else { return };
        net.name("token.test", &[net.address(Family::V4, Fate::Reset)]);
        let call = net.call(expired(provider).timeout_ms(2000).get().pause_ms(STAYS));
        assert_ne!(call.code, "FITBIT_OK", "{call:?}");
        assert!(net.flows("token.test").len() > 1, "it was tried again");
        assert_closed(&net, &format!("{provider:?}"), &call);
    });
}

const WAYS: [End; 3] = [End::Cancel, End::Abort, End::Shutdown];

/// What the client sent to open something, after a time.
fn opened_after(net: &Network, time: Duration) -> usize {
    use crate::bench::Kind::{Syn, Udp};
    let seen = net.seen().into_iter().filter(|seen| seen.by_client && seen.at > time);
    seen.filter(|seen| matches!(seen.header.kind, Syn | Udp)).count()
}

/// A single-use refresh token that was sent is waited for: the connection to the API is not.
#[test]
fn the_connection_is_closed_at_once_when_the_call_is_ended() {
    const PAUSE: Duration = Duration::from_secs(2);
    in_parallel(cases(), |(provider, way)| {
        let Some(net) = network() else { return };
        delay_renewals(&net, PAUSE);
        let script = expired(provider).ended_after_ms(way, 900).get().pause_ms(STAYS);
        let call = net.call(script);
        let what = format!("{provider:?}, {way:?}");
        assert_eq!(call.code, "FITBIT_ERROR_CANCELLED", "{what}: {call:?}");
        assert_eq!(net.requests("token.test").len(), 1, "{what}");
        match provider {
            Provider::Fitbit => assert!(call.lingered() > PAUSE / 4, "{what}: {call:?}"),
            Provider::Google => assert!(call.lingered() < NOISE, "{what}: {call:?}"),
        }
        assert_closed(&net, &what, &call);
        let closed = net.flows("api.test")[0].closed.expect("it is closed");
        let late = closed.saturating_sub(call.asked_to_end);
        assert!(late < NOISE, "{what}: closed {late:?} after the end: {call:?}");
        assert_eq!(opened_after(&net, call.asked_to_end + NOISE / 7), 0, "{what}");
    });
}

fn cases() -> impl Iterator<Item = (Provider, End)> {
    PROVIDERS.into_iter().flat_map(|provider| WAYS.map(|way| (provider, way)))
}

/// Ends a call while its renewal is under way, and what is beside it has come so far as `so_far` says.
fn assert_opens_nothing_more(
    net: &Network,
    (provider, way): (Provider, End),
    so_far: fn(&Network),
) {
    let what = format!("{provider:?}, {way:?}");
    delay_renewals(net, Duration::from_secs(2));
    let call = net.call(expired(provider).ended_after_ms(way, 1000).get().pause_ms(STAYS));
    assert_eq!(call.code, "FITBIT_ERROR_CANCELLED", "{what}: {call:?}");
    so_far(net);
    assert_eq!(opened_after(net, call.asked_to_end + NOISE / 7), 0, "{what}");
    let open = net.flows("api.test").iter().filter(|flow| flow.answered.is_some()).count();
    assert_eq!(open, 0, "{what}");
}

#[test]
fn a_call_that_ends_while_the_api_is_looked_up_connects_to_nothing() {
    in_parallel(cases(), |case| {
        let Some(net) = network() else { return };
        let late = Record::Delayed(Duration::from_millis(1300), vec![net.live_v4()]);
        net.set_record("api.test", late);
        assert_opens_nothing_more(&net, case, |net| assert_eq!(net.questions("api.test"), 2));
    });
}

/// One of them would be tried every 250 ms.
#[test]
fn a_call_that_ends_while_the_api_is_connected_to_tries_no_other_address() {
    in_parallel(cases(), |case| {
        let Some(net) = network() else { return };
        let dead: Vec<_> = (0..12).map(|_| net.dead_v4()).collect();
        net.name("api.test", &dead);
        assert_opens_nothing_more(&net, case, |net| {
            let tried = net.first_syns("api.test").len();
            assert!((1..8).contains(&tried), "{tried} addresses were tried");
        });
    });
}

#[test]
fn a_refused_renewal_leaves_no_connection_for_the_next_call() {
    let Some(net) = network() else { return };
    net.serve("token.test", |session| {
        while session.request()?.is_some() {
            session.respond("400 Bad Request", r#"{"error":"invalid_request"}"#)?;
        }
        Ok(())
    });
    let script = expired(Provider::Google).get().expires_in(8 * 3600).another().get();
    let calls = net.run(&[script]).calls.remove(0);
    assert_ne!(calls[0].code, "FITBIT_OK", "{calls:?}");
    assert_eq!(calls[1].code, "FITBIT_OK", "{calls:?}");
    let api = net.flows("api.test");
    assert_eq!(api.len(), 2, "{api:?}");
    assert!(api[0].is_closed_by(calls[0].ended), "{api:?}, {calls:?}");
}
