//! How an application proves who it is at the token endpoint, to each kind of registration.

use fitbit_simulator::{ApplicationKind, Entry, FaultKind, Registration, Simulator, Target};
use fitbit_test_support::{App, Error, Saver, code};

use super::steps::{
    body, error_of, granted, log_in, log_in_under, shows_no_secret, token_requests,
};
use super::world::{DIALECT, PROFILE, app, new_app, provider, saved_token};

const AUTO: u32 = 0;
const BASIC: u32 = 1;
const BODY: u32 = 2;
const NONE: u32 = 3;

/// Every kind of character that the Basic scheme, a form or JSON gives a meaning to.
const ODD_ID: &str = "22 A:B%\u{e9}";
const ODD_SECRET: &str = "s:e%c r&t+=\u{e9}/\"\\~";
/// `22+A%3AB%25%C3%A9:s%3Ae%25c+r%26t%2B%3D%C3%A9%2F%22%5C%7E` (RFC 6749 section 2.3.1)
const ODD_BASIC: &str =
    "Basic MjIrQSUzQUIlMjUlQzMlQTk6cyUzQWUlMjVjK3IlMjZ0JTJCJTNEJUMzJUE5JTJGJTIyJTVDJTdF";

fn app_at(provider: &Simulator, id: &str, secret: Option<&str>, method: u32) -> App {
    let app = super::world::app_at(provider.uri(), id, secret, DIALECT.callback_uri);
    app.set_client_auth(method).unwrap();
    app
}

fn register(provider: &Simulator, id: &str, secret: Option<&str>, kind: ApplicationKind) {
    provider.register(Registration {
        client_id: id.to_owned(),
        client_secret: secret.map(str::to_owned),
        kind,
        redirect_uris: vec![DIALECT.callback_uri.to_owned()],
    });
}

/// Logs in and renews: both of the token endpoint's requests.
fn both_requests(provider: &Simulator, app: &App) -> Vec<Entry> {
    log_in(provider, app, &Saver::new()).refresh().unwrap();
    let requests = token_requests(provider);
    assert_eq!(requests.len(), 2);
    requests
}

fn in_body(entry: &Entry, name: &str) -> Option<String> {
    body(entry).into_iter().find(|(n, _)| n == name).map(|(_, value)| value)
}

#[test]
fn auto_is_what_the_provider_prefers_for_an_app_with_a_secret() {
    for method in [AUTO, if DIALECT.basic { BASIC } else { BODY }] {
        let provider = provider();
        let app = app_at(&provider, DIALECT.client_id, Some(DIALECT.client_secret), method);
        for request in both_requests(&provider, &app) {
            let basic = request.header("authorization").is_some_and(|v| v.starts_with("Basic "));
            assert_eq!(basic, DIALECT.basic);
            assert_eq!(request.header("authorization").is_some(), DIALECT.basic);
            assert_eq!(in_body(&request, "client_id").is_none(), DIALECT.basic);
            assert_eq!(in_body(&request, "client_secret").is_none(), DIALECT.basic);
        }
    }
}

#[test]
fn auto_is_none_for_an_app_without_a_secret() {
    for method in [AUTO, NONE] {
        let provider = provider();
        register(&provider, "22PUBL", None, DIALECT.public_kind);
        let app = app_at(&provider, "22PUBL", None, method);
        for request in both_requests(&provider, &app) {
            assert_eq!(request.header("authorization"), None);
            assert_eq!(in_body(&request, "client_id").as_deref(), Some("22PUBL"));
            assert_eq!(in_body(&request, "client_secret"), None);
        }
    }
}

#[test]
fn basic_puts_id_and_secret_into_the_header_and_nothing_into_the_form() {
    let provider = provider();
    register(&provider, "22FLEX", Some("a secret"), DIALECT.flexible_kind);
    let app = app_at(&provider, "22FLEX", Some("a secret"), BASIC);
    for request in both_requests(&provider, &app) {
        assert_eq!(request.header("authorization"), Some("Basic MjJGTEVYOmErc2VjcmV0"));
        assert_eq!(in_body(&request, "client_id"), None);
        assert_eq!(in_body(&request, "client_secret"), None);
    }
}

#[test]
fn body_puts_id_and_secret_into_the_form() {
    let provider = provider();
    register(&provider, "22FLEX", Some("a secret"), DIALECT.flexible_kind);
    let app = app_at(&provider, "22FLEX", Some("a secret"), BODY);
    for request in both_requests(&provider, &app) {
        assert_eq!(request.header("authorization"), None);
        assert_eq!(in_body(&request, "client_id").as_deref(), Some("22FLEX"));
        assert_eq!(in_body(&request, "client_secret").as_deref(), Some("a secret"));
    }
}

/// Whatever the provider makes of that.
#[test]
fn none_never_sends_the_secret_that_the_app_has() {
    let provider = provider();
    let app = app_at(&provider, DIALECT.client_id, Some(DIALECT.client_secret), NONE);
    let session = app.step_one(None).unwrap();
    let _ = app.step_two(&session.session, &granted(&provider, &session), &Saver::new());
    let _ = app.from_token(&saved_token(&provider, 3600), &Saver::new()).unwrap().refresh();
    let requests = token_requests(&provider);
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert_eq!(request.header("authorization"), None);
        assert_eq!(in_body(&request, "client_id").as_deref(), Some(DIALECT.client_id));
        assert_eq!(in_body(&request, "client_secret"), None);
    }
}

#[test]
fn odd_ids_and_secrets_are_form_encoded_before_base64() {
    let provider = provider();
    register(&provider, ODD_ID, Some(ODD_SECRET), DIALECT.flexible_kind);
    let app = app_at(&provider, ODD_ID, Some(ODD_SECRET), BASIC);
    for request in both_requests(&provider, &app) {
        assert_eq!(request.header("authorization"), Some(ODD_BASIC));
    }
}

#[test]
fn odd_ids_and_secrets_arrive_in_a_body_as_they_are() {
    let provider = provider();
    register(&provider, ODD_ID, Some(ODD_SECRET), DIALECT.flexible_kind);
    let app = app_at(&provider, ODD_ID, Some(ODD_SECRET), BODY);
    for request in both_requests(&provider, &app) {
        assert_eq!(in_body(&request, "client_id").as_deref(), Some(ODD_ID));
        assert_eq!(in_body(&request, "client_secret").as_deref(), Some(ODD_SECRET));
    }
}

/// The provider repeats header and body of the request in its error.
#[test]
fn an_odd_secret_is_not_shown_however_the_provider_writes_it() {
    let provider = provider();
    register(&provider, ODD_ID, Some(ODD_SECRET), DIALECT.flexible_kind);
    for method in [BASIC, BODY] {
        let app = app_at(&provider, ODD_ID, Some(ODD_SECRET), method);
        let error = error_of(log_in_under(&provider, &app, FaultKind::EchoSecrets));
        shows_no_secret(&error, &provider);
        let text = error.all_text();
        for written in [&ODD_BASIC["Basic ".len()..], "s%3Ae%25c", r#"\"\\~"#] {
            assert!(!text.contains(written), "{written} in {text}");
        }
        assert!(text.contains("[redacted]"), "{text}");
    }
}

#[test]
fn a_very_long_secret_is_sent_whole() {
    let provider = provider();
    let secret = "0123456789abcdef".repeat(64);
    register(&provider, "22LONG", Some(&secret), DIALECT.kind);
    both_requests(&provider, &app_at(&provider, "22LONG", Some(&secret), AUTO));
}

#[test]
fn basic_and_body_need_a_secret() {
    let app = new_app("22PUBL", None, None).unwrap();
    for method in [BASIC, BODY] {
        let error = error_of(app.set_client_auth(method));
        assert_eq!(error.code, code::INVALID_ARGUMENT);
        assert!(error.message.contains("method"), "{}", error.message);
    }
}

#[test]
fn an_empty_id_or_secret_is_refused() {
    for (id, secret, named) in [("", None, "client_id"), ("22SRVR", Some(""), "client_secret")] {
        let error = error_of(new_app(id, secret, None));
        assert_eq!(error.code, code::INVALID_ARGUMENT);
        assert!(error.message.contains(named), "{}", error.message);
    }
}

/// Apps that this provider does not let in: a wrong secret, or the right one where it does not
/// look for it, or none.
fn strangers(provider: &Simulator) -> Vec<App> {
    let app = |secret, method| app_at(provider, DIALECT.client_id, secret, method);
    let mut strangers = vec![app(Some("wrong-secret"), AUTO)];
    if DIALECT.basic {
        let right = Some(DIALECT.client_secret);
        strangers.extend([app(right, BODY), app(right, NONE), app(None, AUTO)]);
    }
    strangers
}

#[track_caller]
fn is_invalid_client(error: &Error, provider: &Simulator) {
    assert_eq!(error.code, code::INVALID_CLIENT);
    assert_eq!(error.provider_type.as_deref(), Some("invalid_client"));
    assert_eq!(error.http_status, 401);
    shows_no_secret(error, provider);
}

#[test]
fn a_refused_app_is_invalid_client_in_step_two_and_the_code_still_works_with_the_right_one() {
    let provider = provider();
    for stranger in strangers(&provider) {
        let session = stranger.step_one(None).unwrap();
        let redirect = granted(&provider, &session);
        let error = error_of(stranger.step_two(&session.session, &redirect, &Saver::new()));
        is_invalid_client(&error, &provider);
        app(&provider).step_two(&session.session, &redirect, &Saver::new()).unwrap();
    }
}

#[test]
fn a_refused_app_is_invalid_client_in_a_renewal_and_the_login_lives() {
    let provider = provider();
    for stranger in strangers(&provider) {
        let saver = Saver::new();
        let client = stranger.from_token(&saved_token(&provider, 3600), &saver).unwrap();
        provider.reset_counts();
        for _ in 0..2 {
            is_invalid_client(&error_of(client.refresh()), &provider);
        }
        assert_eq!(provider.requests(Target::Refresh), 2, "it is asked each time, and once");
        assert_eq!(client.get(PROFILE).unwrap().status, 200, "the access token still lives");
        assert!(saver.offered().is_empty());
        app(&provider).from_token(&client.token(), &saver).unwrap().refresh().unwrap();
        assert_eq!(saver.offered().len(), 1);
    }
}

#[test]
fn an_app_that_is_let_in_again_goes_on_with_the_same_client() {
    let provider = provider();
    let client = app(&provider).from_token(&saved_token(&provider, -10), &Saver::new()).unwrap();
    provider
        .fault(fitbit_simulator::Fault::once(Target::Refresh, FaultKind::Status401InvalidClient));
    assert_eq!(error_of(client.get(PROFILE)).code, code::INVALID_CLIENT);
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
}
