//! Every fault of the simulator on API requests: what it becomes, that nothing hangs, and that the
//! client goes on.

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::world::{PROFILE, provider};
use fitbit_test_support::{Client, Error, Response, code};

use crate::setup::{client_of, gives_up};

const OK: u32 = 0;

/// What a request becomes that meets the fault once, on a fresh connection: the code, and the
/// status, of the error or of the answer.
const EXPECTED: [(&str, u32, u16); 44] = [
    ("latency", OK, 200),
    // Renewed, and sent once more.
    ("status_401_expired", OK, 200),
    ("status_401_invalid", OK, 200),
    // They do not say that the token is bad.
    ("status_401_empty", code::HTTP, 401),
    ("status_401_invalid_client", code::HTTP, 401),
    ("status_400_invalid_grant", code::HTTP, 400),
    ("status_400_rfc6749", code::HTTP, 400),
    ("status_403_scope", code::INSUFFICIENT_SCOPE, 403),
    ("status_403_permissions", code::HTTP, 403),
    ("status_404", code::HTTP, 404),
    ("status_409", code::HTTP, 409),
    ("status_410", code::PROVIDER_RETIRED, 410),
    ("status_422", code::HTTP, 422),
    ("status_429_reset", code::RATE_LIMITED, 429),
    ("status_429_retry_after", code::RATE_LIMITED, 429),
    ("status_429_retry_after_date", code::RATE_LIMITED, 429),
    ("status_429_bare", code::RATE_LIMITED, 429),
    ("status_429_malformed", code::RATE_LIMITED, 429),
    ("status_500", code::HTTP, 500),
    ("status_502", code::HTTP, 502),
    ("status_503", code::HTTP, 503),
    // Below 300 the bytes are the program's to read.
    ("empty_body", OK, 200),
    ("truncated_body", code::NETWORK, 0),
    ("wrong_content_type", OK, 200),
    ("malformed_json", OK, 200),
    ("ok_with_error_inside", OK, 200),
    ("ok_without_access_token", OK, 200),
    ("close_before_read", code::NETWORK, 0),
    ("reset_before_read", code::NETWORK, 0),
    ("close_after_read", code::NETWORK, 0),
    ("reset_after_read", code::NETWORK, 0),
    ("stall", code::TIMEOUT, 0),
    ("stall_before_answer", code::TIMEOUT, 0),
    ("slow_drip", OK, 200),
    ("endless_body", code::PROTOCOL, 0),
    ("endless_headers", code::PROTOCOL, 0),
    ("gzip_bomb", code::PROTOCOL, 0),
    ("redirect_to", code::HTTP, 302),
    ("redirect_307", code::HTTP, 307),
    ("lost_answer_503", code::HTTP, 503),
    ("echo_secrets", code::HTTP, 400),
    ("control_characters", code::HTTP, 400),
    ("raw", OK, 200),
    ("json", code::HTTP, 418),
];

type Request = fn(&Client) -> Result<Response, Error>;

fn get(client: &Client) -> Result<Response, Error> {
    client.get(PROFILE)
}

fn post(client: &Client) -> Result<Response, Error> {
    let form = "foodId=1&amount=1&unitId=1&mealTypeId=1&date=2026-01-01";
    client.post("/1/user/-/foods/log.json", Some(form))
}

/// Short where the timeout is what is waited for.
fn impatient(provider: &Simulator, kind: &FaultKind) -> Client {
    client_of(provider, &["profile", "nutrition"], |app| {
        if matches!(kind, FaultKind::Stall | FaultKind::StallBeforeAnswer) {
            app.set_timeout_ms(300).unwrap();
        }
        app.set_max_body(1024 * 1024).unwrap();
    })
}

/// The code and status of what came of a request under a fault.
fn met(send: Request, client: &Client, expected: u32) -> (u32, u16) {
    if expected == OK {
        let answer = send(client).unwrap_or_else(|error| panic!("{error:?}"));
        // The food was created, where it really was the provider that answered.
        return (OK, if answer.status == 201 { 200 } else { answer.status });
    }
    let (error, _) = gives_up(|| send(client));
    (error.code, error.http_status)
}

fn expected(name: &str) -> (u32, u16) {
    let row = EXPECTED.iter().find(|(other, ..)| *other == name);
    let (_, code, status) = row.unwrap_or_else(|| panic!("{name} is not in the table"));
    (*code, *status)
}

#[test]
fn the_table_has_every_fault_and_no_other() {
    let mut all: Vec<_> = FaultKind::all().into_iter().map(|(name, _)| name).collect();
    let mut table: Vec<_> = EXPECTED.iter().map(|(name, ..)| *name).collect();
    all.sort_unstable();
    table.sort_unstable();
    assert_eq!(all, table);
}

fn each_on_a_fresh_connection(send: Request) {
    for (name, kind) in FaultKind::all() {
        let (code, status) = expected(name);
        let provider = provider();
        let client = impatient(&provider, &kind);
        provider.fault(Fault::once(Target::Api, kind));
        assert_eq!(met(send, &client, code), (code, status), "{name}");
        // A GET: a POST may meet a connection that the server is just closing.
        let again = get(&client).unwrap_or_else(|error| panic!("after {name}: {error:?}"));
        assert_eq!(again.status, 200, "after {name}");
    }
}

#[test]
fn every_fault_on_a_get_becomes_its_error_and_the_client_goes_on() {
    each_on_a_fresh_connection(get);
}

#[test]
fn every_fault_on_a_post_becomes_its_error_and_the_client_goes_on() {
    each_on_a_fresh_connection(post);
}

#[test]
fn on_a_kept_alive_connection_only_a_death_before_any_answer_is_different() {
    for (name, kind) in FaultKind::all() {
        let died = name.starts_with("close_") || name.starts_with("reset_");
        let (code, status) = if died { (OK, 200) } else { expected(name) };
        let provider = provider();
        let client = impatient(&provider, &kind);
        get(&client).unwrap();
        provider.fault(Fault::once(Target::Api, kind));
        assert_eq!(met(get, &client, code), (code, status), "{name}");
        assert_eq!(get(&client).unwrap().status, 200, "after {name}");
    }
}

#[test]
fn nothing_but_a_renewal_or_a_death_sends_a_request_twice() {
    for (name, kind) in FaultKind::all() {
        let provider = provider();
        let client = impatient(&provider, &kind);
        provider.fault(Fault::once(Target::Api, kind));
        let _ = post(&client);
        let renewed = ["status_401_expired", "status_401_invalid"].contains(&name);
        assert_eq!(provider.requests(Target::Api), if renewed { 2 } else { 1 }, "{name}");
        assert_eq!(provider.requests(Target::Refresh), u64::from(renewed), "{name}");
    }
}
