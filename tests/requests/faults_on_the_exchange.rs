//! Every fault of the simulator on the exchange of a code: what it becomes, that the request goes
//! out once, and that the next login works.

use std::time::{Duration, Instant};

use fitbit_simulator::{Decision, Fault, FaultKind, Simulator, Target};
use fitbit_test_support::world::{PROFILE, app, provider};
use fitbit_test_support::{App, Client, Error, Saver, code};

const OK: u32 = 0;

/// The code of step two's error, and the status of the token endpoint's answer where that is the
/// error.
const EXPECTED: [(&str, u32, u16); 44] = [
    ("latency", OK, 0),
    ("status_401_expired", code::HTTP, 401),
    ("status_401_invalid", code::HTTP, 401),
    ("status_401_empty", code::HTTP, 401),
    ("status_401_invalid_client", code::INVALID_CLIENT, 401),
    ("status_400_invalid_grant", code::AUTHORIZATION, 400),
    ("status_400_rfc6749", code::AUTHORIZATION, 400),
    ("status_403_scope", code::HTTP, 403),
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
    ("empty_body", code::PROTOCOL, 0),
    ("truncated_body", code::NETWORK, 0),
    // A token in hand is not dropped for a label.
    ("wrong_content_type", OK, 0),
    ("malformed_json", code::PROTOCOL, 0),
    ("ok_with_error_inside", code::PROTOCOL, 0),
    ("ok_without_access_token", code::PROTOCOL, 0),
    ("close_before_read", code::NETWORK, 0),
    ("reset_before_read", code::NETWORK, 0),
    ("close_after_read", code::NETWORK, 0),
    ("reset_after_read", code::NETWORK, 0),
    ("stall", code::TIMEOUT, 0),
    ("stall_before_answer", code::TIMEOUT, 0),
    ("slow_drip", OK, 0),
    ("endless_body", code::PROTOCOL, 0),
    ("endless_headers", code::PROTOCOL, 0),
    ("gzip_bomb", code::PROTOCOL, 0),
    ("redirect_to", code::HTTP, 302),
    ("redirect_307", code::HTTP, 307),
    ("lost_answer_503", code::HTTP, 503),
    ("echo_secrets", code::HTTP, 400),
    ("control_characters", code::HTTP, 400),
    ("raw", code::PROTOCOL, 0),
    ("json", code::HTTP, 418),
];

fn log_in(provider: &Simulator, app: &App, saver: &Saver) -> Result<Client, Error> {
    let login = app.step_one(None).unwrap();
    let redirect = provider.visit(&login.authorization_uri, Decision::Grant).unwrap();
    app.step_two(&login.session, &redirect, saver)
}

#[test]
fn the_table_has_every_fault_and_no_other() {
    let mut all: Vec<_> = FaultKind::all().into_iter().map(|(name, _)| name).collect();
    let mut table: Vec<_> = EXPECTED.iter().map(|(name, ..)| *name).collect();
    all.sort_unstable();
    table.sort_unstable();
    assert_eq!(all, table);
}

#[test]
fn every_fault_on_the_exchange_becomes_its_error_and_the_next_login_works() {
    for (name, kind) in FaultKind::all() {
        let row = EXPECTED.iter().find(|(other, ..)| *other == name);
        let (_, code, status) = *row.unwrap_or_else(|| panic!("{name} is not in the table"));
        let provider = provider();
        let app = app(&provider);
        if matches!(kind, FaultKind::Stall | FaultKind::StallBeforeAnswer) {
            app.set_timeout_ms(300).unwrap();
        }
        provider.fault(Fault::once(Target::Exchange, kind));
        let saver = Saver::new();
        let begin = Instant::now();
        match log_in(&provider, &app, &saver) {
            Ok(client) => {
                assert_eq!(code, OK, "{name}");
                assert_eq!(client.get(PROFILE).unwrap().status, 200, "{name}");
                assert_eq!(saver.offered().len(), 1, "{name}");
            }
            Err(error) => {
                assert_eq!((error.code, error.http_status), (code, status), "{name}: {error:?}");
                assert!(saver.offered().is_empty(), "{name}: there is nothing to save");
            }
        }
        assert!(begin.elapsed() < Duration::from_secs(10), "{name} took {:?}", begin.elapsed());
        assert_eq!(provider.requests(Target::Exchange), 1, "{name}: once, and never again");

        let client = log_in(&provider, &app, &saver).unwrap_or_else(|e| panic!("{name}: {e:?}"));
        assert_eq!(client.get(PROFILE).unwrap().status, 200, "after {name}");
    }
}

#[test]
fn a_lost_exchange_is_not_repeated_on_the_connection_of_a_former_one_either() {
    let provider = provider();
    let app = app(&provider);
    log_in(&provider, &app, &Saver::new()).unwrap().get(PROFILE).unwrap();
    provider.reset_counts();
    provider.fault(Fault::once(Target::Exchange, FaultKind::CloseAfterRead));
    let error = log_in(&provider, &app, &Saver::new()).err().unwrap();
    assert_eq!(error.code, code::NETWORK);
    assert_eq!(provider.requests(Target::Exchange), 1);
    assert_eq!(provider.replayed_codes(), 0);
}
