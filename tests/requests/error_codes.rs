//! The error table: what each status and failure becomes, and what the error says of it.

use std::ffi::CStr;
use std::process::Command;

use fitbit_simulator::{Decision, Fault, FaultKind, Target};
use fitbit_test_support::world::{PROFILE, app, client, provider, saved_token};
use fitbit_test_support::{Error, Saver, c, code, interface};

use crate::program;
use crate::scripted::{Scripted, whole};
use crate::setup::{ANY, client_at, client_of, client_with};

/// The error that a GET of the profile ends with under a fault.
fn under(kind: FaultKind) -> Error {
    let provider = provider();
    provider.fault(Fault::always(Target::Api, kind));
    client(&provider).get(PROFILE).unwrap_err()
}

#[track_caller]
fn says(error: &Error, code: u32, status: u16, kind: Option<&str>) {
    let said = (error.code, error.http_status, error.provider_type.as_deref());
    assert_eq!(said, (code, status, kind), "{error:?}");
    assert!(!error.message.is_empty() && !error.message.contains('\n'), "{:?}", error.message);
}

#[test]
fn a_scope_that_was_not_granted_is_its_own_error_and_a_permission_is_not() {
    let error = under(FaultKind::Status403Scope);
    says(&error, code::INSUFFICIENT_SCOPE, 403, Some("insufficient_scope"));
    assert!(error.message.contains("PROFILE"), "the scope is named: {}", error.message);
    let error = under(FaultKind::Status403Permissions);
    says(&error, code::HTTP, 403, Some("insufficient_permissions"));

    let provider = provider();
    let client = client_of(&provider, &["profile"], |_| ());
    let error = client.get("/1/user/-/devices.json").unwrap_err();
    says(&error, code::INSUFFICIENT_SCOPE, 403, Some("insufficient_scope"));
}

#[test]
fn gone_means_that_the_provider_was_switched_off_and_names_its_successor() {
    let error = under(FaultKind::Status410);
    says(&error, code::PROVIDER_RETIRED, 410, None);
    assert!(error.message.contains("Google Health API"), "{}", error.message);
    assert!(error.body.unwrap().contains("<h1>Error 410</h1>"));

    let provider = provider();
    provider.fault(Fault::always(Target::Refresh, FaultKind::Status410));
    let error = client(&provider).refresh().unwrap_err();
    says(&error, code::PROVIDER_RETIRED, 410, None);
    assert!(error.message.contains("Google Health API"), "{}", error.message);
}

#[test]
fn any_other_status_of_300_and_above_is_http_with_what_the_provider_said() {
    for (kind, status, provider_type) in [
        (FaultKind::Status404, 404, Some("not_found")),
        (FaultKind::Status409, 409, Some("request")),
        (FaultKind::Status422, 422, Some("validation")),
        (FaultKind::Status500, 500, None),
        (FaultKind::Status502, 502, None),
        (FaultKind::Status503, 503, None),
        (FaultKind::Status400InvalidGrant, 400, Some("invalid_grant")),
        (FaultKind::Status400Rfc6749, 400, Some("invalid_grant")),
        (FaultKind::Status401InvalidClient, 401, Some("invalid_client")),
        (FaultKind::Status401Empty, 401, None),
        (FaultKind::Json(418, serde_json::json!({"scripted": true})), 418, None),
    ] {
        let error = under(kind);
        says(&error, code::HTTP, status, provider_type);
        assert_eq!(error.retry_after, -1);
        assert!(error.message.contains(&status.to_string()), "{}", error.message);
        assert!(error.body.is_some(), "an answer has a body, be it empty: {error:?}");
    }
    let error = under(FaultKind::Status422);
    assert!(error.message.contains("The number of data points queried exceeds limit"));
    assert!(error.body.unwrap().contains("\"fieldName\":\"date\""));
}

#[test]
fn the_body_of_an_error_is_the_providers_answer() {
    let page = "<html>\n\t<h1>Wartung</h1>\r\n</html>";
    let server =
        Scripted::saying(move || whole("503 Unavailable\r\nContent-Type: text/html", page));
    let error = client_at(&server.uri).get(ANY).unwrap_err();
    assert_eq!(error.body.as_deref(), Some(page));
}

#[test]
fn statuses_that_nobody_registered_are_http_too() {
    for status in [400, 402, 405, 418, 428, 451, 499, 501, 504, 520, 599, 600, 799, 999] {
        let server = Scripted::saying(move || whole(&format!("{status} ?"), "{}"));
        says(&client_at(&server.uri).get(ANY).unwrap_err(), code::HTTP, status, None);
    }
}

#[test]
fn an_error_without_an_answer_has_nothing_of_one() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let refused = client_at(&format!("http://127.0.0.1:{port}")).get(ANY).unwrap_err();
    let unknown = client_at("https://fitbit.invalid").get(ANY).unwrap_err();
    let slow = under_a_short_timeout(FaultKind::StallBeforeAnswer);
    let lost = under(FaultKind::CloseAfterRead);
    let large = under(FaultKind::EndlessHeaders);
    for (error, code) in [
        (refused, code::NETWORK),
        (unknown, code::NETWORK),
        (lost, code::NETWORK),
        (slow, code::TIMEOUT),
        (large, code::PROTOCOL),
    ] {
        says(&error, code, 0, None);
        assert_eq!((error.body, error.retry_after), (None, -1));
    }
}

fn under_a_short_timeout(kind: FaultKind) -> Error {
    let provider = provider();
    provider.fault(Fault::always(Target::Api, kind));
    let client = client_of(&provider, &["profile"], |app| app.set_timeout_ms(200).unwrap());
    client.get(PROFILE).unwrap_err()
}

#[test]
fn a_name_that_does_not_resolve_is_a_network_error_also_for_a_renewal() {
    let client = client_with("http://127.0.0.1:9", |app| {
        app.set_endpoint(1, "https://fitbit.invalid/oauth2/token").unwrap();
        app.set_timeout_ms(2000).unwrap();
    });
    let error = client.refresh().unwrap_err();
    assert!([code::NETWORK, code::TIMEOUT].contains(&error.code), "{error:?}");
}

#[test]
fn what_logging_in_can_end_with() {
    let provider = provider();
    let app = app(&provider);
    let outcome = |decision, spoil: fn(String) -> String| {
        let login = app.step_one(None).unwrap();
        let redirect = provider.visit(&login.authorization_uri, decision).unwrap();
        app.step_two(&login.session, &spoil(redirect), &Saver::new()).err().unwrap()
    };
    let error = outcome(Decision::Grant, |uri| uri.replace("state=", "state=x"));
    says(&error, code::STATE_MISMATCH, 0, None);
    let error = outcome(Decision::Deny, |uri| uri);
    says(&error, code::ACCESS_DENIED, 0, Some("access_denied"));
    let error = outcome(Decision::Deny, |uri| uri.replace("access_denied", "server_error"));
    says(&error, code::AUTHORIZATION, 0, Some("server_error"));
    let error = outcome(Decision::Grant, |uri| uri.replace("code=", "code=x"));
    says(&error, code::AUTHORIZATION, 400, Some("invalid_grant"));

    provider.fault(Fault::always(Target::Exchange, FaultKind::Status401InvalidClient));
    let error = outcome(Decision::Grant, |uri| uri);
    says(&error, code::INVALID_CLIENT, 401, Some("invalid_client"));
}

#[test]
fn what_keeping_a_login_can_end_with() {
    let provider = provider();
    let client = client(&provider);
    provider.fault(Fault::once(Target::Refresh, FaultKind::Status400InvalidGrant));
    let error = client.refresh().unwrap_err();
    says(&error, code::REAUTHORIZE, 400, Some("invalid_grant"));

    let saver = Saver::doing(|_| 0);
    let client = app(&provider).from_token(&saved_token(&provider, 3600), &saver).unwrap();
    says(&client.refresh().unwrap_err(), code::STORE, 0, None);
    says(&client.get("no path").unwrap_err(), code::INVALID_ARGUMENT, 0, None);
}

#[test]
fn every_code_has_its_name_and_no_other_number_has_one() {
    let name = |code| {
        let name = unsafe { CStr::from_ptr((interface().error_code_name)(code)) };
        name.to_str().unwrap().to_owned()
    };
    let names = [
        "INVALID_ARGUMENT",
        "STATE_MISMATCH",
        "ACCESS_DENIED",
        "AUTHORIZATION",
        "INVALID_CLIENT",
        "REAUTHORIZE",
        "INSUFFICIENT_SCOPE",
        "RATE_LIMITED",
        "HTTP",
        "PROVIDER_RETIRED",
        "NETWORK",
        "TIMEOUT",
        "TLS",
        "PROTOCOL",
        "STORE",
        "CANCELLED",
        "INTERNAL",
        "SIGNATURE",
    ];
    for (code, expected) in (1..).zip(names) {
        assert_eq!(name(code), format!("FITBIT_ERROR_{expected}"));
    }
    for unknown in [0, 19, 31, 32, 255, 256, 1 << 31, u32::MAX] {
        assert_eq!(name(unknown), "FITBIT_ERROR_UNKNOWN", "{unknown}");
    }
}

/// The library tries both addresses of `localhost`. That this machine has not got one of them says
/// nothing of the server.
#[test]
fn localhost_where_nobody_listens_refuses_also_on_a_machine_without_ipv6() {
    let may_unshare = Command::new("unshare").args(["--net", "true"]).output();
    if !may_unshare.is_ok_and(|output| output.status.success()) {
        return c::skip("root may not make networks here, or unshare is not installed");
    }
    for uri in ["http://localhost:1", "https://localhost:1"] {
        let request = program::command(uri, uri);
        for has_ipv6 in [true, false] {
            let disabled = u8::from(!has_ipv6);
            let set_up = format!("echo {disabled} > /proc/sys/net/ipv6/conf/all/disable_ipv6");
            let script = format!("{{ {set_up}; }} 2>&- ; ip link set lo up && exec \"$0\" \"$@\"");
            let mut alone = Command::new("unshare");
            alone.args(["--net", "sh", "-c", &script]);
            alone.arg(request.get_program()).args(request.get_args());
            let report = program::run(&mut alone);
            assert_eq!(report.code, code::NETWORK, "{report:?}");
            let refused = "the connection to localhost failed: Connection refused";
            assert!(report.message.starts_with(refused), "IPv6: {has_ipv6}: {report:?}");
        }
    }
}
