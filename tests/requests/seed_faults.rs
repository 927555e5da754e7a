//! The faults of the Python client that this library follows: each with a test that it is gone.
//!
//! The numbers are those of the list of faults in the project's study of its peers, section 1.6.

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::code;
use fitbit_test_support::world::{PROFILE, client, provider};

use crate::scripted::{Scripted, ok};
use crate::setup::{ANY, client_of, client_with};

/// Fault 2: any status but 2xx and 429 returned nothing, silently.
#[test]
fn a_status_that_is_no_success_is_never_silent() {
    let provider = provider();
    let client = client(&provider);
    for (kind, status) in [
        (FaultKind::Status401Empty, 401),
        (FaultKind::Status403Permissions, 403),
        (FaultKind::Status404, 404),
        (FaultKind::Status500, 500),
    ] {
        provider.fault(Fault::once(Target::Api, kind));
        let error = client.get(PROFILE).unwrap_err();
        assert_eq!((error.code, error.http_status), (code::HTTP, status));
    }
}

/// Fault 3: a 429 without Retry-After raised a KeyError, and Fitbit's own header was ignored.
#[test]
fn a_429_without_retry_after_is_rate_limited_and_fitbits_header_is_read() {
    let provider = provider();
    let client = client(&provider);
    provider.fault(Fault::once(Target::Api, FaultKind::Status429Bare));
    let error = client.get(PROFILE).unwrap_err();
    assert_eq!((error.code, error.retry_after), (code::RATE_LIMITED, -1));
    provider.fault(Fault::once(Target::Api, FaultKind::Status429Reset(120)));
    let error = client.get(PROFILE).unwrap_err();
    assert_eq!((error.code, error.retry_after), (code::RATE_LIMITED, 121));
}

/// Fault 4: every DELETE that was answered 204 raised a JSONDecodeError.
#[test]
fn a_delete_that_is_answered_204_succeeds() {
    let provider = provider();
    let client = client(&provider);
    let form = "foodId=1&amount=1&unitId=1&mealTypeId=1&date=2026-01-01";
    let created = client.post("/1/user/-/foods/log.json", Some(form)).unwrap();
    let created: serde_json::Value = serde_json::from_slice(&created.body).unwrap();
    let path = format!("/1/user/-/foods/log/{}.json", created["foodLog"]["logId"]);
    assert_eq!(client.delete(&path).unwrap().status, 204);
    assert_eq!(client.delete(&path).unwrap_err().http_status, 404, "it is really gone");
}

/// Fault 5: the TCX file of an activity, which is XML, raised a JSONDecodeError.
#[test]
fn a_tcx_file_is_handed_out_as_it_is() {
    let provider = provider();
    let client = client_of(&provider, &["activity", "location"], |_| ());
    let file = client.get("/1/user/-/activities/1.tcx").unwrap();
    assert!(file.text().contains("TrainingCenterDatabase"), "{}", file.text());
}

/// Fault 14: no timeout, user agent, base address, or language for the units.
#[test]
fn timeout_user_agent_base_address_and_units_can_be_set() {
    let server = Scripted::saying(ok);
    let client = client_with(&server.uri, |app| {
        app.set_endpoint(3, &format!("{}/base", server.uri)).unwrap();
        app.set_timeout_ms(5000).unwrap();
        app.set_header("User-Agent", Some("own/1.0")).unwrap();
        app.set_header("Accept-Language", Some("en_US")).unwrap();
    });
    client.get(ANY).unwrap();
    let asked = server.asked_once();
    assert_eq!(asked.target(), format!("/base{ANY}"));
    assert_eq!(asked.headers("user-agent"), ["own/1.0"]);
    assert_eq!(asked.headers("accept-language"), ["en_US"]);
}
