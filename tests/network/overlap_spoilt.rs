//! A connection that was opened beside a renewal and came to nothing: the request does not notice.

use std::io::{self, Read, Write};
use std::time::Duration;

use fitbit_test_support::in_parallel;

use crate::bench::{Call, Family, Fate, Network, Provider, Record, Script, Session};
use crate::overlap::{PROVIDERS, assert_good, delay_renewals, expired, network, slow_network};

/// What the first connection to the API comes to while the token is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spoilt {
    /// `close_notify` and the end of TCP.
    Closed,
    /// TCP ends without `close_notify`.
    CutOff,
    Reset,
    /// A fatal alert instead of the handshake.
    Alert,
    /// TCP ends during the handshake.
    NoHandshake,
    Says408,
    Says200,
    /// Part of a record that never ends.
    HalfARecord,
}

use Spoilt::*;

const ALL: [Spoilt; 8] = [Closed, CutOff, Reset, Alert, NoHandshake, Says408, Says200, HalfARecord];

fn cases() -> impl Iterator<Item = (Provider, Spoilt)> {
    PROVIDERS.into_iter().flat_map(|provider| ALL.map(|how| (provider, how)))
}

/// A fatal alert.
const INTERNAL_ERROR: [u8; 7] = [21, 3, 3, 0, 2, 2, 80];

/// Waits until the client closes.
fn stay(session: &mut Session) -> io::Result<()> {
    io::copy(session.tcp(), &mut io::sink()).map(drop)
}

fn client_hello(session: &mut Session) -> io::Result<()> {
    session.tcp().read(&mut [0; 4096]).map(drop)
}

fn spoil(session: &mut Session, how: Spoilt) -> io::Result<()> {
    match how {
        Closed => {
            session.shake_hands()?;
            session.say_goodbye()
        }
        CutOff => session.shake_hands(),
        Reset => {
            session.shake_hands()?;
            session.reset();
            Ok(())
        }
        Alert => {
            client_hello(session)?;
            session.tcp().write_all(&INTERNAL_ERROR)?;
            stay(session)
        }
        NoHandshake => client_hello(session),
        Says408 => {
            session.shake_hands()?;
            session.respond("408 Request Timeout\r\nConnection: close", "")?;
            session.say_goodbye()
        }
        Says200 => {
            session.shake_hands()?;
            session.respond("200 OK", r#"{"nobody":"asked"}"#)?;
            stay(session)
        }
        HalfARecord => {
            session.shake_hands()?;
            session.tcp().write_all(&[23, 3, 3, 0, 100, 1, 2, 3])?;
            stay(session)
        }
    }
}

/// The first connection to the API comes to this; all others are good.
fn spoilt(how: Spoilt) -> Option<Network> {
    let net = network()?;
    // It is spoilt before the renewal ends.
    delay_renewals(&net, Duration::from_millis(700));
    net.serve("api.test", move |session| match session.number {
        0 => spoil(session, how),
        _ => session.serve(),
    });
    Some(net)
}

#[track_caller]
fn assert_asked_once_on_the_second(net: &Network, what: &str, call: &Call) {
    assert_good(call);
    let requests = net.requests("api.test");
    let connections: Vec<usize> = requests.iter().map(|request| request.connection).collect();
    assert_eq!(connections, [1], "{what}: {requests:?}");
    assert!(requests[0].bearer.starts_with("newer"), "{what}: {requests:?}");
    assert_eq!(net.flows("api.test").len(), 2, "{what}");
    assert_eq!(net.requests("token.test").len(), 1, "{what}");
}

#[test]
fn a_get_after_a_renewal_does_without_a_connection_that_was_spoilt() {
    in_parallel(cases(), |(provider, how)| {
        let Some(net) = spoilt(how) else { return };
        let call = net.call(expired(provider).get());
        assert_asked_once_on_the_second(&net, &format!("{provider:?}, {how:?}"), &call);
    });
}

/// Not a byte of it was sent on the spoilt connection, so it is sent, and sent once.
#[test]
fn a_post_after_a_renewal_does_without_a_connection_that_was_spoilt() {
    in_parallel(cases(), |(provider, how)| {
        let Some(net) = spoilt(how) else { return };
        let call = net.call(expired(provider).post());
        assert_asked_once_on_the_second(&net, &format!("{provider:?}, {how:?}"), &call);
    });
}

/// Servers close a connection that they think is idle just when a request is on its way.
#[test]
fn a_request_whose_connection_ends_instead_of_a_response_is_sent_again_if_it_can_be() {
    in_parallel(
        PROVIDERS.into_iter().flat_map(|provider| [(provider, false), (provider, true)]),
        |(provider, reset)| {
            let net = || {
                let net = network()?;
                net.serve("api.test", move |session| match session.number {
                    0 => {
                        session.request()?;
                        if reset {
                            session.reset();
                        }
                        Ok(())
                    }
                    _ => session.serve(),
                });
                Some(net)
            };
            let Some(getting) = net() else { return };
            assert_good(&getting.call(expired(provider).get()));
            let requests = getting.requests("api.test");
            assert_eq!(requests.len(), 2, "{provider:?}: {requests:?}");
            assert_eq!(getting.requests("token.test").len(), 1, "{provider:?}");

            let Some(posting) = net() else { return };
            let call = posting.call(expired(provider).post());
            assert_eq!(call.code, "FITBIT_ERROR_NETWORK", "{provider:?}: {call:?}");
            let requests = posting.requests("api.test");
            assert_eq!(requests.len(), 1, "{provider:?}: {requests:?}");
            assert_eq!(posting.requests("token.test").len(), 1, "{provider:?}");
        },
    );
}

#[test]
fn a_request_after_a_renewal_connects_again_where_the_first_attempt_was_refused() {
    in_parallel(PROVIDERS, |provider| {
        let Some(net) = network() else { return };
        net.name("api.test", &[net.address(Family::V4, Fate::ResetSyns(1))]);
        assert_good(&net.call(expired(provider).get()));
        assert_eq!(net.flows("api.test").len(), 2, "{provider:?}");
        assert_eq!(net.requests("token.test").len(), 1, "{provider:?}");
    });
}

/// The token is new when the API cannot be reached, and the next call uses it.
#[test]
fn a_renewal_is_not_lost_if_the_api_cannot_be_reached() {
    in_parallel(PROVIDERS, |provider| {
        let Some(net) = network() else { return };
        // Beside the renewal, and by the request.
        net.name("api.test", &[net.address(Family::V4, Fate::ResetSyns(2))]);
        let calls = net.run(&[expired(provider).get().get()]).calls.remove(0);
        assert_eq!(calls[0].code, "FITBIT_ERROR_NETWORK", "{provider:?}: {calls:?}");
        assert_good(&calls[1]);
        assert_eq!(net.requests("token.test").len(), 1, "{provider:?}");
    });
}

/// The renewal is done when the server gives up the handshake.
#[test]
fn a_connection_that_fails_while_the_request_waits_for_it_is_replaced() {
    let cases =
        PROVIDERS.into_iter().flat_map(|provider| [(provider, NoHandshake), (provider, Alert)]);
    in_parallel(cases, |(provider, how)| {
        let Some(net) = network() else { return };
        net.serve("api.test", move |session| {
            if session.number > 0 {
                return session.serve();
            }
            client_hello(session)?;
            std::thread::sleep(Duration::from_millis(1000));
            if how == Alert {
                session.tcp().write_all(&INTERNAL_ERROR)?;
            }
            Ok(())
        });
        let call = net.call(expired(provider).get());
        assert_asked_once_on_the_second(&net, &format!("{provider:?}, {how:?}"), &call);
    });
}

/// A server gives its clients a second for each step of the handshake. This program needs longer to save
/// a token, which is new when TCP is being connected, or when the server's part of the handshake is under
/// way.
#[test]
fn a_connection_that_was_half_open_for_too_long_is_replaced() {
    type Finish = fn(Script) -> Script;
    let requests: [(&str, Finish); 2] = [("GET", Script::get), ("POST", Script::post)];
    let cases = [50, 150].into_iter().flat_map(|pause| requests.map(|request| (pause, request)));
    in_parallel(cases, |(pause_ms, (method, request))| {
        let Some(net) = network() else { return };
        delay_renewals(&net, Duration::from_millis(pause_ms));
        net.serve("api.test", |session| {
            session.tcp().set_read_timeout(Some(Duration::from_secs(1)))?;
            session.shake_hands()?;
            session.request()?;
            session.respond("200 OK\r\nConnection: close", "{}")
        });
        // The second renewal goes over the kept connection, so it is done before the API is connected to.
        let script = expired(Provider::Google).get().another().saving_for_ms(2500);
        let calls = net.run(&[request(script)]).calls.remove(0);
        println!("{method}, {pause_ms} ms: {calls:?}, {:?}", net.flows("api.test"));
        calls.iter().for_each(assert_good);
        assert_eq!(net.requests("token.test").len(), 2, "{method}, {pause_ms} ms");
        assert_eq!(net.requests("api.test").len(), 2, "{method}, {pause_ms} ms");
    });
}

#[test]
fn a_name_that_was_not_found_beside_the_renewal_is_looked_up_again() {
    in_parallel(PROVIDERS, |provider| {
        let Some(net) = network() else { return };
        let addresses = vec![net.live_v4()];
        net.name("api.test", &addresses);
        net.set_record("api.test", Record::NoneAtFirst(2, addresses));
        assert_good(&net.call(expired(provider).get()));
        assert_eq!(net.questions("api.test"), 4, "{provider:?}");
    });
}

#[test]
fn a_look_up_that_is_slower_than_the_renewal_is_waited_for() {
    let times = [(0, 1500), (2600, 3200)];
    let cases = PROVIDERS.into_iter().flat_map(|provider| times.map(|times| (provider, times)));
    in_parallel(cases, |(provider, (renewal_ms, look_up_ms))| {
        let Some(net) = slow_network() else { return };
        delay_renewals(&net, Duration::from_millis(renewal_ms));
        let addresses = vec![net.live_v4()];
        net.name("api.test", &addresses);
        let pause = Duration::from_millis(look_up_ms);
        net.set_record("api.test", Record::Delayed(pause, addresses));
        let call = net.call(expired(provider).get());
        assert_good(&call);
        let what = format!("{provider:?}, {renewal_ms} ms");
        assert_eq!(net.questions("api.test"), 2, "{what}");
        let flows = net.flows("api.test");
        assert_eq!(flows.len(), 1, "{what}: {flows:?}");
        // It began with the call: its response is there after one round trip and the pause.
        let begun = flows[0].opened - call.began;
        assert!(begun < pause + 3 * net.round_trip(), "{what}: {begun:?}, {call:?}");
    });
}

/// A SYN that was lost is sent again after a second, by the system.
#[test]
fn a_connection_that_is_slower_than_the_renewal_is_waited_for() {
    in_parallel(PROVIDERS, |provider: Provider| {
        let Some(net) = network() else { return };
        net.name("api.test", &[net.address(Family::V4, Fate::LoseSyns(1))]);
        assert_good(&net.call(expired(provider).get()));
        assert_eq!(net.flows("api.test").len(), 1, "{provider:?}");
    });
}
