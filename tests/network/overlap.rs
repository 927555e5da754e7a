//! The connection to the API that is opened beside a renewal: when there is one, and when there is not.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use fitbit_test_support::in_parallel;

use crate::bench::{Call, Flow, Network, Path, Provider, Script, Session};

pub const PROVIDERS: [Provider; 2] = [Provider::Fitbit, Provider::Google];

#[track_caller]
pub fn assert_good(call: &Call) {
    assert_eq!((call.code.as_str(), call.status), ("FITBIT_OK", 200), "{call:?}");
}

/// Two hosts, one for the API and one that renews tokens.
pub fn network() -> Option<Network> {
    network_of(Path::rtt_ms(100))
}

/// The same for tests that compare when packets were sent. A busy machine delays them by less than a
/// round trip.
pub fn slow_network() -> Option<Network> {
    network_of(Path::rtt_ms(250))
}

fn network_of(path: Path) -> Option<Network> {
    let net = Network::new(path)?;
    net.name("api.test", &[net.live_v4()]);
    net.name("token.test", &[net.live_v6()]);
    Some(net)
}

pub fn script(provider: Provider) -> Script {
    let script = Script::of(provider, "https://api.test").token_at("https://token.test");
    script.timeout_ms(20_000)
}

pub fn expired(provider: Provider) -> Script {
    script(provider).expires_in(-3600)
}

/// Renewals take so much longer than the path.
pub fn delay_renewals(net: &Network, pause: Duration) {
    net.serve("token.test", move |session| {
        while let Some(request) = session.request()? {
            std::thread::sleep(pause);
            session.grant(&request)?;
        }
        Ok(())
    });
}

/// The API closes each connection after one response.
fn close_after_responses(net: &Network) {
    net.serve("api.test", |session| {
        session.request()?;
        session.respond("200 OK\r\nConnection: close", "{}")
    });
}

/// 401 for the token that a client begins with, as its provider says it. False: the client has left.
fn respond_by_token(session: &mut Session, provider: Provider, head: &str) -> io::Result<bool> {
    let Some(request) = session.request()? else { return Ok(false) };
    if !request.bearer.starts_with("old") {
        session.grant(&request)?;
        return Ok(true);
    }
    let body = match provider {
        Provider::Fitbit => r#"{"errors":[{"errorType":"expired_token","message":"no"}]}"#,
        Provider::Google => r#"{"error":{"code":401,"message":"no","status":"UNAUTHENTICATED"}}"#,
    };
    session.respond(head, body)?;
    Ok(true)
}

/// The API's connection was begun before the renewal's own request was sent, which is two round trips after
/// its SYN. Where it had to begin with the look-up, the count of round trips shows it.
#[track_caller]
fn assert_beside(api: &Flow, renewal: &Flow) {
    let limit = renewal.sent.last().expect("the renewal was sent");
    assert!(api.opened < *limit, "{api:?} and {renewal:?}");
    assert!(!api.sent.is_empty(), "{api:?}");
}

#[test]
fn the_api_connection_is_opened_beside_the_renewal_of_an_expired_or_expiring_token() {
    in_parallel(PROVIDERS, |provider| {
        for seconds_left in [-3600, 30] {
            let Some(net) = slow_network() else { return };
            assert_good(&net.call(script(provider).expires_in(seconds_left).get()));
            let (api, renewals) = (net.flows("api.test"), net.flows("token.test"));
            assert_eq!((api.len(), renewals.len()), (1, 1), "{provider:?}, {seconds_left} s left");
            assert_beside(&api[0], &renewals[0]);
            assert_eq!(net.questions("api.test"), 2);
            let requests = net.requests("api.test");
            assert_eq!(requests.len(), 1);
            assert!(requests[0].bearer.starts_with("newer"), "{requests:?}");
            let get = || net.call(script(provider).expires_in(seconds_left).get());
            net.assert_round_trips(&format!("{provider:?}, {seconds_left} s left"), 5, get);
        }
    });
}

/// As Fitbit has it: one name, looked up once, and two connections.
#[test]
fn the_api_connection_is_opened_beside_the_renewal_if_both_lead_to_one_host() {
    in_parallel(PROVIDERS, |provider| {
        let Some(net) = slow_network() else { return };
        let script = Script::of(provider, "https://api.test").expires_in(-3600).timeout_ms(20_000);
        let get = || net.call(script.clone().get());
        assert_good(&get());
        let flows = net.flows("api.test");
        assert_eq!(flows.len(), 2, "{provider:?}: {flows:?}");
        assert!(flows[1].opened < *flows[0].sent.last().unwrap(), "{provider:?}: {flows:?}");
        assert_eq!(net.questions("api.test"), 2, "{provider:?}");
        let requests = net.requests("api.test");
        assert_eq!(requests.len(), 2, "{provider:?}");
        assert_ne!(requests[0].connection, requests[1].connection, "{provider:?}");
        net.assert_round_trips(&format!("{provider:?}"), 5, get);
    });
}

/// The token endpoint is asked again, and there is one API connection beside it all the time.
#[test]
fn a_renewal_that_is_repeated_has_one_api_connection_beside_it() {
    in_parallel(PROVIDERS, |provider| {
        let Some(net) = slow_network() else { return };
        let failures = Arc::new(AtomicU32::new(2));
        net.serve("token.test", move |session| {
            while let Some(request) = session.request()? {
                let fails = |left: u32| left.checked_sub(1);
                match failures.fetch_update(SeqCst, SeqCst, fails) {
                    Ok(_) => session.respond("503 Service Unavailable", "{}")?,
                    Err(_) => session.grant(&request)?,
                }
            }
            Ok(())
        });
        assert_good(&net.call(expired(provider).get()));
        assert_eq!(net.requests("token.test").len(), 3, "{provider:?}");
        let (api, renewals) = (net.flows("api.test"), net.flows("token.test"));
        assert_eq!(api.len(), 1, "{provider:?}: {api:?}");
        assert_beside(&api[0], &renewals[0]);
    });
}

/// The token still works when its renewal fails: the request goes out on the connection that is there.
#[test]
fn a_request_whose_expiring_token_cannot_be_renewed_uses_the_api_connection() {
    in_parallel(PROVIDERS, |provider| {
        let Some(net) = slow_network() else { return };
        net.serve("token.test", |session| {
            while session.request()?.is_some() {
                session.respond("400 Bad Request", r#"{"error":"invalid_request"}"#)?;
            }
            Ok(())
        });
        assert_good(&net.call(script(provider).expires_in(30).get()));
        let (api, renewals) = (net.flows("api.test"), net.flows("token.test"));
        assert_eq!(api.len(), 1, "{provider:?}: {api:?}");
        assert_beside(&api[0], &renewals[0]);
        assert!(net.requests("api.test")[0].bearer.starts_with("old"), "{provider:?}");
    });
}

#[test]
fn the_api_connection_is_opened_beside_a_renewal_after_401_if_none_is_idle() {
    in_parallel(PROVIDERS, |provider| {
        let Some(net) = slow_network() else { return };
        net.serve("api.test", move |session| {
            respond_by_token(session, provider, "401 Unauthorized\r\nConnection: close").map(drop)
        });
        assert_good(&net.call(script(provider).get()));
        let (api, renewals) = (net.flows("api.test"), net.flows("token.test"));
        assert_eq!((api.len(), renewals.len()), (2, 1), "{provider:?}");
        assert_beside(&api[1], &renewals[0]);
    });
}

/// Over a kept connection the renewal itself takes one round trip. The API is connected to meanwhile.
#[test]
fn the_api_connection_is_opened_beside_a_renewal_on_a_kept_connection() {
    let Some(net) = slow_network() else { return };
    close_after_responses(&net);
    let script = expired(Provider::Google).get().another().get();
    net.run(std::slice::from_ref(&script)).all().for_each(assert_good);
    let (api, renewals) = (net.flows("api.test"), net.flows("token.test"));
    assert_eq!((api.len(), renewals.len()), (2, 1));
    // Name, TCP, TLS, request.
    let second = || net.run(std::slice::from_ref(&script)).calls[0][1].clone();
    net.assert_round_trips("a renewal on a kept connection", 4, second);
}

#[test]
fn an_idle_api_connection_is_used_instead_of_another_one() {
    in_parallel(PROVIDERS, |provider| {
        let Some(net) = network() else { return };
        let script = script(provider).get().expires_in(-3600).another().get();
        net.run(&[script]).all().for_each(assert_good);
        assert_eq!(net.flows("api.test").len(), 1, "{provider:?}");
        assert_eq!(net.flows("token.test").len(), 1, "{provider:?}");
    });
}

#[test]
fn a_connection_that_said_401_and_stays_open_is_used_again() {
    in_parallel(PROVIDERS, |provider| {
        let Some(net) = network() else { return };
        net.serve("api.test", move |session| {
            while respond_by_token(session, provider, "401 Unauthorized")? {}
            Ok(())
        });
        assert_good(&net.call(script(provider).get()));
        assert_eq!(net.flows("api.test").len(), 1, "{provider:?}");
        assert_eq!(net.requests("api.test").len(), 2, "{provider:?}");
    });
}

#[test]
fn a_renewal_without_a_request_opens_no_api_connection() {
    in_parallel(PROVIDERS, |provider| {
        let Some(net) = network() else { return };
        let call = net.call(expired(provider).refresh());
        assert_eq!(call.code, "FITBIT_OK", "fitbit_refresh: {call:?}");
        assert_eq!(net.requests("token.test").len(), 1);
        assert_eq!(net.flows("api.test").len(), 0, "{provider:?}, fitbit_refresh");

        // Another program began a renewal of this file, and did not finish it.
        let from_file = script(provider).in_doubt().file(&net.file("token.json")).opened();
        net.run(&[from_file]);
        assert_eq!(net.requests("token.test").len(), 2);
        assert_eq!(net.flows("api.test").len(), 0, "{provider:?}, fitbit_from_file");
    });
}

#[test]
fn a_renewal_after_the_response_opens_no_api_connection() {
    in_parallel(PROVIDERS, |provider| {
        let Some(net) = network() else { return };
        close_after_responses(&net);
        assert_good(&net.call(script(provider).in_doubt().get().pause_ms(300)));
        assert_eq!(net.requests("token.test").len(), 1, "{provider:?}");
        assert_eq!(net.flows("api.test").len(), 1, "{provider:?}");
    });
}

#[test]
fn only_the_thread_that_renews_opens_an_api_connection_meanwhile() {
    const THREADS: usize = 8;
    const PAUSE: Duration = Duration::from_secs(1);
    in_parallel(PROVIDERS, |provider| {
        let Some(net) = network() else { return };
        delay_renewals(&net, PAUSE);
        let ran = net.run(&[expired(provider).with(THREADS - 1).get()]);
        ran.all().for_each(assert_good);
        assert_eq!(ran.calls[0].len(), THREADS);
        assert_eq!(net.requests("token.test").len(), 1, "{provider:?}");
        let renewals = net.flows("token.test");
        assert_eq!(renewals.len(), 1, "{provider:?}");
        let responded = *renewals[0].sent.last().expect("the renewal was sent") + PAUSE;
        let api = net.flows("api.test");
        let meanwhile = api.iter().filter(|flow| flow.opened < responded).count();
        assert_eq!(meanwhile, 1, "{provider:?}: {api:?}");
        assert!(api.len() <= THREADS, "{provider:?}: {api:?}");
    });
}
