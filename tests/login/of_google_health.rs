//! What only Google does in a login: an issuer and more in its redirects, redirect URIs on loopback
//! with any port, scopes that are addresses, no refresh token unless it is asked for.

use fitbit_simulator::{Fault, Registration, Target};
use fitbit_test_support::{Client, Error, Saver, code};

use super::steps::{answer, error_of, field, form, granted, json, log_in_under, query};
use super::world::{DIALECT, PROFILE, app, app_at, new_app, provider, saved_token, token_uri};

#[test]
fn every_default_scope_is_one_of_google_healths_and_only_reads() {
    let provider = provider();
    let session = app(&provider).step_one(None).unwrap();
    let scope = field(query(&session.authorization_uri), "scope").unwrap();
    for scope in scope.split(' ') {
        let name = scope.strip_prefix("https://www.googleapis.com/auth/googlehealth.");
        assert!(name.is_some_and(|name| name.ends_with(".readonly")), "{scope}");
    }
}

#[test]
fn a_login_asks_for_a_refresh_token_and_for_consent_each_time() {
    let provider = provider();
    let app = app(&provider);
    for _ in 0..2 {
        let session = app.step_one(None).unwrap();
        let address = query(&session.authorization_uri);
        assert_eq!(field(address, "access_type").as_deref(), Some("offline"));
        assert_eq!(field(address, "prompt").as_deref(), Some("consent"));
        let client = app.step_two(&session.session, &granted(&provider, &session), &Saver::new());
        assert!(client.unwrap().token_field("refresh_token").is_some());
    }
}

/// `access_type=online` is the program's to ask for: it gets an hour.
#[test]
fn a_login_without_a_refresh_token_lasts_as_long_as_its_access_token() {
    let provider = provider();
    let app = app(&provider);
    let session = app.step_one(Some("access_type=online")).unwrap();
    let client =
        app.step_two(&session.session, &granted(&provider, &session), &Saver::new()).unwrap();
    assert_eq!(client.token_field("refresh_token"), None);
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    provider.expire_access_tokens();
    assert_eq!(error_of(client.get(PROFILE)).code, code::REAUTHORIZE);
    assert_eq!(provider.requests(Target::Refresh), 0);
}

#[test]
fn other_prompts_than_consent_are_the_programs_to_ask_for() {
    let provider = provider();
    let session = app(&provider).step_one(Some("prompt=select_account+consent")).unwrap();
    let prompt = field(query(&session.authorization_uri), "prompt");
    assert_eq!(prompt.as_deref(), Some("select_account consent"));
}

#[test]
fn what_google_adds_to_its_redirects_does_not_matter() {
    let provider = provider();
    let app = app(&provider);
    let session = app.step_one(None).unwrap();
    let redirect = granted(&provider, &session);
    let mut names: Vec<_> = form(query(&redirect)).into_iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    assert_eq!(names, ["authuser", "code", "iss", "prompt", "scope", "state"]);
    app.step_two(&session.session, &redirect, &Saver::new()).unwrap();
}

/// A code of Google's has a slash in it, which a redirect may or may not escape.
#[test]
fn a_code_arrives_as_it_was_however_it_is_escaped() {
    for escaped in [true, false] {
        let provider = provider();
        let app = app(&provider);
        let session = app.step_one(None).unwrap();
        let redirect = granted(&provider, &session);
        let code = field(query(&redirect), "code").unwrap();
        assert!(code.starts_with("4/"), "{code}");
        let state = field(query(&redirect), "state").unwrap();
        let code = if escaped { code.replace('/', "%2F") } else { code };
        let redirect = format!("/callback?state={state}&code={code}");
        app.step_two(&session.session, &redirect, &Saver::new()).unwrap();
    }
}

/// An app whose login page is Google's own, and a redirect from there with this in it.
fn step_two_after(issuer: &str) -> (u64, Result<Client, Error>) {
    let provider = provider();
    let (id, secret) = (DIALECT.client_id, Some(DIALECT.client_secret));
    let app = new_app(id, secret, Some(DIALECT.callback_uri)).unwrap();
    app.set_endpoint(1, &token_uri(&provider)).unwrap();
    app.set_endpoint(3, provider.uri()).unwrap();
    let session = app.step_one(None).unwrap();
    let own_page = format!("{}?", DIALECT.authorize_uri);
    assert!(session.authorization_uri.starts_with(&own_page));
    // The person visits the simulator's page instead, which sends them to where Google's would.
    let [authorize_path, ..] = DIALECT.oauth_paths;
    let at_the_simulator = format!("{}{authorize_path}?", provider.uri());
    let session_there = fitbit_test_support::Session {
        authorization_uri: session.authorization_uri.replace(&own_page, &at_the_simulator),
        session: session.session.clone(),
    };
    let redirect = granted(&provider, &session_there);
    let fields = query(&redirect).split('&').filter(|field| !field.starts_with("iss="));
    let redirect = format!("/callback?{}{issuer}", fields.collect::<Vec<_>>().join("&"));
    let outcome = app.step_two(&session.session, &redirect, &Saver::new());
    (provider.requests(Target::Exchange), outcome)
}

/// Google is only beginning to send one (RFC 9207 section 2.4 leaves that to the client).
#[test]
fn the_right_issuer_and_none_at_all_lead_to_a_login() {
    for issuer in ["", "&iss=https://accounts.google.com", "&iss=https%3A%2F%2Faccounts.google.com"]
    {
        let (exchanges, outcome) = step_two_after(issuer);
        assert_eq!((exchanges, outcome.err()), (1, None), "{issuer}");
    }
}

#[test]
fn a_wrong_issuer_exchanges_nothing() {
    for issuer in ["&iss=https://accounts.google.com/", "&iss=https://www.fitbit.com"] {
        let (exchanges, outcome) = step_two_after(issuer);
        assert_eq!((exchanges, error_of(outcome).code), (0, code::STATE_MISMATCH), "{issuer}");
    }
}

/// RFC 8252 section 7.3: the port is chosen when the program listens, and nobody registered it.
#[test]
fn a_redirect_uri_on_loopback_may_have_any_port() {
    let provider = provider();
    for callback_uri in
        ["http://127.0.0.1:49152/callback", "http://127.0.0.1:1/", "http://[::1]:65535/a/b"]
    {
        let (id, secret) = (DIALECT.client_id, Some(DIALECT.client_secret));
        let app = app_at(provider.uri(), id, secret, callback_uri);
        let session = app.step_one(None).unwrap();
        let redirect = granted(&provider, &session);
        assert!(redirect.starts_with(callback_uri), "{redirect}");
        app.step_two(&session.session, &redirect, &Saver::new()).unwrap();
    }
}

/// Google says `invalid_request` then, and means the app, not the login.
#[test]
fn an_app_that_forgot_its_secret_does_not_cost_the_login() {
    let provider = provider();
    let without = app_at(provider.uri(), DIALECT.client_id, None, DIALECT.callback_uri);
    let saver = Saver::new();
    let client = without.from_token(&saved_token(&provider, 3600), &saver).unwrap();
    for _ in 0..2 {
        let error = error_of(client.refresh());
        assert_eq!((error.code, error.http_status), (code::HTTP, 400));
        assert!(error.message.contains("client_secret is missing"), "{}", error.message);
    }
    assert_eq!(provider.requests(Target::Refresh), 2, "it is asked each time, and once");
    assert!(saver.offered().is_empty());
    app(&provider).from_token(&client.token(), &saver).unwrap().refresh().unwrap();
}

/// Scopes of OpenID Connect are words, as Fitbit's are.
#[test]
fn a_scope_that_is_no_address_may_stand_among_the_others() {
    let provider = provider();
    let mut token = json(&saved_token(&provider, 3600));
    token["scope"] = format!("openid profile {}", token["scope"].as_str().unwrap()).into();
    let client = app(&provider).from_token(&token.to_string(), &Saver::new()).unwrap();
    assert_eq!(client.token_field("scope").as_deref(), token["scope"].as_str());
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
}

/// There is one if `openid` was asked for: the program may want to know who logged in.
#[test]
fn an_id_token_is_the_programs_to_read_and_outlives_renewals() {
    let provider = provider();
    let app = app(&provider);
    let text = r#"{"access_token":"a","refresh_token":"1//0r","id_token":"e30.e30.x"}"#;
    let client = log_in_under(&provider, &app, answer(text)).unwrap();
    provider.fault(Fault::once(Target::Refresh, answer(r#"{"access_token":"b"}"#)));
    client.refresh().unwrap();
    let again = app.from_token(&client.token(), &Saver::new()).unwrap();
    assert_eq!(again.token_field("id_token").as_deref(), Some("e30.e30.x"));
    assert_eq!(again.token_field("access_token").as_deref(), Some("b"));
}

#[test]
fn an_application_of_fitbits_is_nobody_here() {
    let provider = provider();
    provider.register(Registration {
        client_id: "22SRVR".to_owned(),
        client_secret: Some("a secret".to_owned()),
        kind: DIALECT.other().kind,
        redirect_uris: vec![DIALECT.callback_uri.to_owned()],
    });
    let app = app_at(provider.uri(), "22SRVR", Some("a secret"), DIALECT.callback_uri);
    let client = app.from_token(&saved_token(&provider, -10), &Saver::new()).unwrap();
    assert_eq!(error_of(client.get(PROFILE)).code, code::INVALID_CLIENT);
}
