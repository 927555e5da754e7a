//! Redirects are not followed: the other host sees nothing at all.

use fitbit_simulator::{Decision, Fault, FaultKind, Simulator, Target};
use fitbit_test_support::world::{PROFILE, app, client, provider};
use fitbit_test_support::{Error, Saver, code};

use crate::scripted::{Scripted, ok, whole};
use crate::setup::{ANY, client_at};

fn kinds(elsewhere: &Simulator) -> [(u16, FaultKind); 2] {
    let to = elsewhere.uri().to_owned();
    [(302, FaultKind::RedirectTo(to.clone())), (307, FaultKind::Redirect307(to))]
}

#[track_caller]
fn is_redirect(error: &Error, status: u16) {
    assert_eq!((error.code, error.http_status), (code::HTTP, status), "{error:?}");
}

#[test]
fn a_redirect_of_any_request_is_an_error_and_the_other_host_sees_nothing() {
    let (provider, elsewhere) = (provider(), provider());
    let client = client(&provider);
    for (status, kind) in kinds(&elsewhere) {
        provider.fault(Fault::always(Target::Api, kind));
        is_redirect(&client.get(PROFILE).unwrap_err(), status);
        is_redirect(&client.post(PROFILE, Some("a=b")).unwrap_err(), status);
        is_redirect(&client.post(PROFILE, None).unwrap_err(), status);
        is_redirect(&client.delete(PROFILE).unwrap_err(), status);
        is_redirect(&client.request("PUT", PROFILE, None, Some(b"x")).unwrap_err(), status);
        provider.clear_faults();
    }
    assert_eq!(provider.requests(Target::Api), 10, "each of them once");
    assert_eq!((elsewhere.connections(), elsewhere.requests(Target::Any)), (0, 0));
}

#[test]
fn a_redirected_exchange_or_renewal_tells_the_other_host_nothing() {
    for (_, kind) in kinds(&provider()) {
        let (provider, elsewhere) = (provider(), provider());
        let kind = match kind {
            FaultKind::RedirectTo(_) => FaultKind::RedirectTo(elsewhere.uri().to_owned()),
            _ => FaultKind::Redirect307(elsewhere.uri().to_owned()),
        };
        provider.fault(Fault::always(Target::Exchange, kind.clone()));
        provider.fault(Fault::always(Target::Refresh, kind));
        let app = app(&provider);
        let login = app.step_one(None).unwrap();
        let redirect = provider.visit(&login.authorization_uri, Decision::Grant).unwrap();
        let error = app.step_two(&login.session, &redirect, &Saver::new()).err().unwrap();
        assert_eq!(error.code, code::HTTP, "{error:?}");
        let error = client(&provider).refresh().unwrap_err();
        assert_eq!(error.code, code::HTTP, "{error:?}");
        assert_eq!((elsewhere.connections(), elsewhere.requests(Target::Any)), (0, 0));
    }
}

#[test]
fn every_status_of_300_to_399_is_an_error_with_and_without_a_location() {
    for status in [300, 301, 302, 303, 304, 305, 307, 308, 399] {
        for location in ["", "\r\nLocation: /1/elsewhere", "\r\nLocation: not an address"] {
            let server = Scripted::answering(move |number, _| match number {
                0 => whole(&format!("{status} Elsewhere{location}"), ""),
                _ => ok(),
            });
            let client = client_at(&server.uri);
            is_redirect(&client.get(ANY).unwrap_err(), status);
            assert_eq!(server.asked().len(), 1, "not followed to the same host either");
            client.get(ANY).unwrap();
        }
    }
}
