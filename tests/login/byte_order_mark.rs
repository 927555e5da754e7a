//! A byte order mark before a JSON text, as some editors and servers write it, is no part of it.

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::{Saver, code};

use super::steps::{answer, error_of, granted, log_in_under};
use super::world::{PROFILE, app, provider, saved_token};

const MARK: &str = "\u{feff}";

#[test]
fn a_saved_token_may_begin_with_a_byte_order_mark() {
    let provider = provider();
    let token = format!("{MARK}{}", saved_token(&provider, 3600));
    let client = app(&provider).from_token(&token, &Saver::new()).unwrap();
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    assert!(client.token().starts_with('{'));
}

#[test]
fn a_session_may_begin_with_a_byte_order_mark() {
    let provider = provider();
    let app = app(&provider);
    let session = app.step_one(None).unwrap();
    let redirect = granted(&provider, &session);
    app.step_two(&format!("{MARK}{}", session.session), &redirect, &Saver::new()).unwrap();
}

#[test]
fn an_exchange_may_be_answered_with_a_byte_order_mark() {
    let provider = provider();
    let text = format!(r#"{MARK}{{"access_token":"a","refresh_token":"r","scope":"profile"}}"#);
    let client = log_in_under(&provider, &app(&provider), answer(&text)).unwrap();
    assert_eq!(client.token_field("refresh_token").as_deref(), Some("r"));
}

#[test]
fn a_renewal_may_be_answered_with_a_byte_order_mark_and_is_asked_for_once() {
    let provider = provider();
    let client = app(&provider).from_token(&saved_token(&provider, 3600), &Saver::new()).unwrap();
    let text = format!(r#"{MARK}{{"access_token":"a","refresh_token":"r"}}"#);
    provider.fault(Fault::once(Target::Refresh, answer(&text)));
    client.refresh().unwrap();
    assert_eq!(client.token_field("refresh_token").as_deref(), Some("r"));
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn a_refusal_with_a_byte_order_mark_is_understood() {
    let provider = provider();
    let client = app(&provider).from_token(&saved_token(&provider, 3600), &Saver::new()).unwrap();
    let json = format!(r#"{MARK}{{"error":"invalid_grant"}}"#);
    let head = format!("Content-Type: application/json\r\nContent-Length: {}", json.len());
    let refusal = format!("HTTP/1.1 400 Bad Request\r\n{head}\r\n\r\n{json}");
    provider.fault(Fault::always(Target::Refresh, FaultKind::Raw(refusal.into_bytes())));
    let error = error_of(client.refresh());
    assert_eq!(error.code, code::REAUTHORIZE, "{error:?}");
    assert_eq!(error.provider_type.as_deref(), Some("invalid_grant"));
}
