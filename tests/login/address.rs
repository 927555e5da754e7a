//! Step one's address: PKCE, the state, the scopes.

use std::collections::HashSet;
use std::sync::Barrier;

use fitbit_simulator::Target;
use fitbit_test_support::{Saver, code};

use super::steps::{error_of, field, form, granted, json, log_in, query};
use super::world::{DIALECT, app, provider};

#[test]
fn the_address_is_the_authorize_endpoint_with_each_parameter_once() {
    let provider = provider();
    let session = app(&provider).step_one(None).unwrap();
    let uri = &session.authorization_uri;
    let [authorize_path, ..] = DIALECT.oauth_paths;
    assert!(uri.starts_with(&format!("{}{authorize_path}?", provider.uri())), "{uri}");
    assert_eq!(field(query(uri), "response_type").unwrap(), "code");
    assert_eq!(field(query(uri), "client_id").unwrap(), DIALECT.client_id);
    let names: Vec<_> = form(query(uri)).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{names:?}");
}

#[test]
fn the_address_says_what_every_login_says_and_what_this_provider_needs_and_no_more() {
    let provider = provider();
    let session = app(&provider).step_one(None).unwrap();
    let mut fields = form(query(&session.authorization_uri));
    for (name, value) in DIALECT.authorize_params {
        let expected = ((*name).to_owned(), (*value).to_owned());
        assert!(fields.contains(&expected), "{fields:?}");
        fields.retain(|field| *field != expected);
    }
    let mut names: Vec<_> = fields.into_iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "client_id",
            "code_challenge",
            "code_challenge_method",
            "redirect_uri",
            "response_type",
            "scope",
            "state"
        ]
    );
}

#[test]
fn step_one_sends_no_request() {
    let provider = provider();
    app(&provider).step_one(None).unwrap();
    assert_eq!(provider.connections(), 0);
}

#[test]
fn the_challenge_is_s256_and_the_verifier_is_only_in_the_session() {
    let provider = provider();
    let session = app(&provider).step_one(None).unwrap();
    let query = query(&session.authorization_uri);
    assert_eq!(field(query, "code_challenge_method").unwrap(), "S256");
    let challenge = field(query, "code_challenge").unwrap();
    assert_eq!(challenge.len(), 43, "SHA-256 as base64url without padding");
    let verifier = json(&session.session)["verifier"].as_str().unwrap().to_owned();
    assert!((43..=128).contains(&verifier.len()), "RFC 7636 section 4.1");
    assert_ne!(challenge, verifier);
    assert!(!session.authorization_uri.contains(&verifier));
}

#[test]
fn the_provider_finds_the_verifier_of_the_exchange_right() {
    let provider = provider();
    log_in(&provider, &app(&provider), &Saver::new());
    assert_eq!(provider.requests(Target::Exchange), 1);
}

#[test]
fn the_state_is_the_same_text_in_session_and_address() {
    let provider = provider();
    let session = app(&provider).step_one(None).unwrap();
    let state = field(query(&session.authorization_uri), "state").unwrap();
    assert_eq!(json(&session.session)["state"], state);
    assert!(session.authorization_uri.contains(&format!("state={state}")), "it needs no escapes");
}

#[test]
fn states_and_verifiers_are_long_and_never_the_same() {
    let provider = provider();
    let app = app(&provider);
    let mut seen = HashSet::new();
    for _ in 0..500 {
        let session = json(&app.step_one(None).unwrap().session);
        for name in ["state", "verifier"] {
            let text = session[name].as_str().unwrap().to_owned();
            // 22 characters of this alphabet are 128 bits.
            assert!(text.len() >= 22, "{name}: {text}");
            assert!(
                text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)),
                "{text}"
            );
            assert!(seen.insert(text), "{name} came twice");
        }
    }
}

/// The first use of an app sets it up for good; here sixteen threads race for it.
#[test]
fn many_threads_may_begin_logins_at_once() {
    let provider = provider();
    let app = app(&provider);
    let start = Barrier::new(16);
    let begin = || {
        start.wait();
        json(&app.step_one(None).unwrap().session)["state"].to_string()
    };
    let states: HashSet<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(begin)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(states.len(), 16);
}

#[test]
fn the_default_scopes_are_all_that_can_be_read_each_once() {
    let provider = provider();
    let session = app(&provider).step_one(None).unwrap();
    let scope = field(query(&session.authorization_uri), "scope").unwrap();
    let mut scopes: Vec<_> = scope.split(' ').collect();
    scopes.sort_unstable();
    assert_eq!(scopes, DIALECT.read_scopes);
    granted(&provider, &session);
}

#[test]
fn the_scopes_that_were_set_are_asked_for() {
    let provider = provider();
    let app = app(&provider);
    app.set_scopes("nutrition").unwrap();
    app.set_scopes(" sleep  profile ").unwrap();
    let session = app.step_one(None).unwrap();
    assert_eq!(field(query(&session.authorization_uri), "scope").unwrap(), "sleep profile");
}

#[test]
fn scopes_of_odd_characters_arrive_as_they_are() {
    let provider = provider();
    let scopes = "https://provider.example/auth/x.readonly a&b=c%d+e#f?g;h:i @!$'()*,[]{}|^`~<>";
    let app = app(&provider);
    app.set_scopes(scopes).unwrap();
    let session = app.step_one(None).unwrap();
    assert_eq!(field(query(&session.authorization_uri), "scope").unwrap(), scopes);
}

#[test]
fn what_rfc_6749_allows_in_no_scope_is_refused_and_changes_nothing() {
    let provider = provider();
    let app = app(&provider);
    app.set_scopes("sleep").unwrap();
    for scopes in ["", "   ", "a\"b", "a\\b", "sleep\tprofile", "sleep\n", "caf\u{e9}", "a\u{7f}"] {
        let error = error_of(app.set_scopes(scopes));
        assert_eq!(error.code, code::INVALID_ARGUMENT, "{scopes:?}");
        assert!(error.message.contains("scopes"), "{}", error.message);
    }
    let session = app.step_one(None).unwrap();
    assert_eq!(field(query(&session.authorization_uri), "scope").unwrap(), "sleep");
}
