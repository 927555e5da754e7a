//! The timeout is for the call as a whole, wherever its time goes.

use std::time::Duration;

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::world::{PROFILE, provider};
use fitbit_test_support::{App, Client, code};

use crate::relay::silence;
use crate::setup::{ANY, client_of, client_with, gives_up};

const TIMEOUT: Duration = Duration::from_millis(400);

fn set_timeout(app: &App) {
    app.set_timeout_ms(TIMEOUT.as_millis() as u32).unwrap();
}

fn impatient(provider: &Simulator) -> Client {
    client_of(provider, &["profile"], set_timeout)
}

#[track_caller]
fn times_out(
    call: impl FnOnce() -> Result<fitbit_test_support::Response, fitbit_test_support::Error>,
) {
    let (error, took) = gives_up(call);
    assert_eq!(
        (error.code, error.http_status, error.retry_after),
        (code::TIMEOUT, 0, -1),
        "{error:?}"
    );
    assert!(took >= TIMEOUT, "it gave up after {took:?}");
}

#[test]
fn stalls_slow_drips_and_latency_end_with_the_timeout() {
    for kind in [
        FaultKind::Stall,
        FaultKind::StallBeforeAnswer,
        FaultKind::SlowDrip(50),
        FaultKind::Latency(15_000),
    ] {
        let provider = provider();
        let client = impatient(&provider);
        provider.fault(Fault::always(Target::Api, kind.clone()));
        times_out(|| client.get(PROFILE));
        times_out(|| client.post(PROFILE, Some("a=b")));
        provider.clear_faults();
        assert_eq!(client.get(PROFILE).unwrap().status, 200, "{kind:?}: the client goes on");
    }
}

#[test]
fn a_kept_alive_connection_that_stalls_ends_with_the_timeout_and_is_not_asked_again() {
    for kind in [FaultKind::Stall, FaultKind::StallBeforeAnswer, FaultKind::SlowDrip(50)] {
        let provider = provider();
        let client = impatient(&provider);
        client.get(PROFILE).unwrap();
        provider.fault(Fault::once(Target::Api, kind.clone()));
        times_out(|| client.get(PROFILE));
        assert_eq!(provider.requests(Target::Api), 2, "{kind:?}");
        assert_eq!(client.get(PROFILE).unwrap().status, 200, "{kind:?}: a late answer is nobody's");
        assert_eq!(provider.connections(), 2, "{kind:?}");
    }
}

#[test]
fn everything_on_the_way_shares_one_timeout() {
    let provider = provider();
    let client = client_of(&provider, &["profile"], |app| app.set_timeout_ms(1000).unwrap());
    // The request, the renewal and the request again: each in time, all together not.
    provider.fault(Fault::once(Target::Api, FaultKind::Status401Expired));
    provider.fault(Fault::always(Target::Any, FaultKind::Latency(600)));
    let (error, took) = gives_up(|| client.get(PROFILE));
    assert_eq!(error.code, code::TIMEOUT, "{error:?}");
    assert!(took >= Duration::from_millis(1000), "{took:?}");
}

#[test]
fn a_server_that_takes_no_more_of_a_body_ends_with_the_timeout() {
    // Bound, and nobody ever reads: the kernel takes what its buffers hold.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    let client = client_with(&uri, set_timeout);
    let body = vec![b'a'; 64 * 1024 * 1024];
    times_out(|| client.request("POST", ANY, None, Some(&body)));
}

#[test]
fn a_handshake_that_stalls_ends_with_the_timeout() {
    // The second begins a TLS record and leaves it at that.
    for first in [b"".as_slice(), b"\x16\x03\x03"] {
        let client = client_with(&format!("https://{}", silence(first)), set_timeout);
        times_out(|| client.get(ANY));
    }
}

#[test]
fn the_shortest_timeout_is_a_timeout_and_no_crash() {
    let provider = provider();
    let client = client_of(&provider, &["profile"], |app| app.set_timeout_ms(1).unwrap());
    provider.fault(Fault::always(Target::Api, FaultKind::Latency(200)));
    for _ in 0..5 {
        assert_eq!(client.get(PROFILE).unwrap_err().code, code::TIMEOUT);
    }
}

#[test]
fn the_longest_timeout_is_no_overflow() {
    let provider = provider();
    let client = client_of(&provider, &["profile"], |app| app.set_timeout_ms(u32::MAX).unwrap());
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    client.refresh().unwrap();
}
