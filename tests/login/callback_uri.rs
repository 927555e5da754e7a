//! The callback URI: compared by the provider character by character, so sent byte for byte.

use fitbit_simulator::{Registration, Simulator};
use fitbit_test_support::{App, Saver, code};

use super::steps::{body, error_of, field, json, log_in, query, token_requests};
use super::world::{DIALECT, app_at, new_app, provider};

const ODD: [&str; 14] = [
    "http://127.0.0.1:8080/callback",
    "http://localhost:8080/callback/",
    "http://[::1]:9000/",
    "https://app.example",
    "https://app.example/",
    "https://APP.Example:443/CallBack/",
    "https://app.example/a/../b/./c//d",
    "https://app.example/%7Euser/a%2Fb%20c/%e9",
    "https://app.example/callback?tenant=7&next=%2Fhome",
    "https://app.example/callback?",
    "https://app.example/caf\u{e9}",
    "myapp://callback",
    "com.example.app:/oauth2redirect",
    "MyApp:callback",
];

fn registered(provider: &Simulator, callback_uri: &str) -> App {
    provider.register(Registration {
        client_id: "22ODDC".to_owned(),
        client_secret: Some("a secret".to_owned()),
        kind: DIALECT.kind,
        redirect_uris: vec![callback_uri.to_owned()],
    });
    app_at(provider.uri(), "22ODDC", Some("a secret"), callback_uri)
}

#[test]
fn it_is_the_same_text_in_address_session_and_exchange() {
    let provider = provider();
    for callback_uri in ODD {
        let app = registered(&provider, callback_uri);
        let session = app.step_one(None).unwrap();
        let sent = field(query(&session.authorization_uri), "redirect_uri");
        assert_eq!(sent.as_deref(), Some(callback_uri));
        assert_eq!(json(&session.session)["callback_uri"], callback_uri);
        log_in(&provider, &app, &Saver::new());
        let exchange = body(token_requests(&provider).last().unwrap());
        assert!(exchange.contains(&("redirect_uri".to_owned(), callback_uri.to_owned())));
    }
}

/// `=` is an ordinary character of a path (RFC 3986 section 3.3).
#[test]
fn it_may_have_an_equals_sign_in_its_path() {
    let provider = provider();
    for callback_uri in ["https://app.example/cb;v=1", "https://app.example/tenant=7/callback"] {
        log_in(&provider, &registered(&provider, callback_uri), &Saver::new());
    }
}

#[test]
fn what_is_no_absolute_uri_is_refused() {
    for callback_uri in [
        "",
        "callback",
        "/callback",
        "//app.example/callback",
        "app.example/callback",
        "http://",
        "https://app.example/callback#fragment",
        "https://app.example/callback#",
        "https://app.example/call back",
        "https://app.example/callback\n",
        "https://app.example/\u{1}",
        " https://app.example/callback",
    ] {
        let error = error_of(new_app("22ODDC", None, Some(callback_uri)));
        assert_eq!(error.code, code::INVALID_ARGUMENT, "{callback_uri:?}");
        assert!(error.message.contains("callback_uri"), "{}", error.message);
    }
}

#[test]
fn an_app_without_one_logs_nobody_in() {
    let provider = provider();
    let without = new_app("22SRVR", Some("a secret"), None).unwrap();
    let session = registered(&provider, "myapp://callback").step_one(None).unwrap().session;
    assert_eq!(error_of(without.step_one(None)).code, code::INVALID_ARGUMENT);
    let redirect = "myapp://callback?code=1&state=2";
    let error = error_of(without.step_two(&session, redirect, &Saver::new()));
    assert_eq!(error.code, code::INVALID_ARGUMENT);
}
