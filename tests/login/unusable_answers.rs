//! Answers of the token endpoint that carry a token which must never be used.

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::{Saver, code};

use super::steps::{answer, error_of, json, log_in_under};
use super::world::{PROFILE, USER, app, named_token, provider, saved_token};

/// Access tokens that are not printable ASCII without spaces, as JSON writes them, and types that
/// are not bearer.
fn unusable() -> Vec<String> {
    let tokens = [
        r"s3cr3t x",
        r"s3cr3t\tx",
        r"s3cr3t\r\nX-Injected: 1",
        r"s3cr3t\u0000x",
        r"s3cr3t\u007fx",
        r"s3cr3t\u00e9x",
        "s3cr3t\u{e9}x",
    ];
    let kinds = ["mac", "DPoP", "Bearer x", " bearer", "N_A"];
    let of_token = |token: &str| format!(r#"{{"access_token":"{token}","token_type":"Bearer"}}"#);
    let of_kind = |kind: &str| format!(r#"{{"access_token":"s3cr3t-x","token_type":"{kind}"}}"#);
    tokens.map(of_token).into_iter().chain(kinds.map(of_kind)).collect()
}

#[test]
fn step_two_answers_protocol_and_does_not_show_it() {
    let provider = provider();
    let app = app(&provider);
    for text in unusable() {
        let error = error_of(log_in_under(&provider, &app, answer(&text)));
        assert_eq!(error.code, code::PROTOCOL, "{text}");
        assert!(!error.all_text().contains("s3cr3t"), "it shows the token: {error:?}");
        assert_eq!(error.body, None);
    }
}

#[test]
fn a_renewal_answers_protocol_and_the_old_token_stays() {
    let provider = provider();
    let app = app(&provider);
    for text in unusable() {
        let saver = Saver::new();
        let client = app.from_token(&saved_token(&provider, 3600), &saver).unwrap();
        let before = client.token();
        provider.fault(Fault::once(Target::Refresh, answer(&text)));
        assert_eq!(error_of(client.refresh()).code, code::PROTOCOL, "{text}");
        assert_eq!(client.token(), before);
        assert!(saver.offered().is_empty(), "it was offered: {text}");
        assert_eq!(client.get(PROFILE).unwrap().status, 200);
        client.refresh().unwrap();
    }
}

/// Who has carried a request out says it with any status below 300; RFC 6749 says 200.
#[test]
fn a_token_that_comes_with_another_success_is_taken() {
    for status in ["201 Created", "203 Non-Authoritative Information"] {
        let FaultKind::Raw(whole) = answer(r#"{"access_token":"a","refresh_token":"r"}"#) else {
            unreachable!("an answer's text is what it is")
        };
        let whole = String::from_utf8(whole).unwrap().replace("200 OK", status);
        let provider = provider();
        let client =
            app(&provider).from_token(&saved_token(&provider, 3600), &Saver::new()).unwrap();
        provider.fault(Fault::once(Target::Refresh, FaultKind::Raw(whole.into())));
        client.refresh().unwrap();
        assert_eq!(client.token_field("refresh_token").as_deref(), Some("r"), "{status}");
    }
}

#[test]
fn a_success_without_a_token_is_protocol_whatever_its_status() {
    let provider = provider();
    let client = app(&provider).from_token(&saved_token(&provider, 3600), &Saver::new()).unwrap();
    let nothing = b"HTTP/1.1 204 No Content\r\n\r\n".to_vec();
    provider.fault(Fault::always(Target::Refresh, FaultKind::Raw(nothing)));
    assert_eq!(client.refresh().unwrap_err().code, code::PROTOCOL);
}

#[test]
fn bearer_is_bearer_in_any_case() {
    let provider = provider();
    let app = app(&provider);
    for kind in ["bearer", "BEARER", "bEaReR"] {
        let text = format!(r#"{{"access_token":"a","token_type":"{kind}"}}"#);
        let client = log_in_under(&provider, &app, answer(&text)).unwrap();
        assert_eq!(client.token_field("token_type").as_deref(), Some(kind));
    }
}

#[test]
fn a_renewal_that_answers_with_another_persons_token_is_protocol_and_never_used() {
    let provider = provider();
    let saver = Saver::new();
    let client = app(&provider).from_token(&named_token(&provider, 3600), &saver).unwrap();
    let before = client.token();
    for user_id in [r#""ZZZZZZ""#, "7", &format!(r#""{USER} ""#)] {
        let text = format!(r#"{{"access_token":"theirs","user_id":{user_id}}}"#);
        provider.fault(Fault::once(Target::Refresh, answer(&text)));
        assert_eq!(error_of(client.refresh()).code, code::PROTOCOL, "{user_id}");
        assert_eq!(client.token(), before);
    }
    assert!(saver.offered().is_empty());
    client.refresh().unwrap();
    assert_eq!(json(&client.token())["user_id"], USER);
}
