//! No secret appears in an error: every fault of every request, searched for every secret that
//! the simulator issued, was given or received.

use fitbit_simulator::{
    ApplicationKind, DEMO_REDIRECT_URIS, DEMO_SERVER_ID, DEMO_SERVER_SECRET, Decision, Fault,
    FaultKind, Registration, Simulator, Target,
};
use fitbit_test_support::world::{PROFILE, provider};
use fitbit_test_support::{App, Error, Saver};

/// Asserts that no secret of the simulator's is in the errors, whole or its first half.
fn none_shows(provider: &Simulator, errors: &[(String, Error)]) {
    let secrets = provider.secrets();
    for (what, error) in errors {
        let text = error.all_text();
        for secret in &secrets {
            let half = &secret[..secret.char_indices().nth(secret.chars().count() / 2).unwrap().0];
            assert!(half.len() < 6 || !text.contains(half), "{what}: {half} of {secret} in {text}");
            assert!(!text.contains(secret.as_str()), "{what}: {secret} in {text}");
        }
    }
}

/// Every error that an app with this secret meets at a simulator under these faults.
fn every_error(
    provider: &Simulator,
    secret: &str,
    client_auth: u32,
    faults: &[(&'static str, FaultKind)],
) -> Vec<(String, Error)> {
    let app = App::at(provider.uri(), DEMO_SERVER_ID, Some(secret), DEMO_REDIRECT_URIS[0]);
    app.set_client_auth(client_auth).unwrap();
    app.set_max_body(1024 * 1024).unwrap();
    // A lost renewal is asked for again until the time is over.
    app.set_timeout_ms(150).unwrap();
    let mut errors = Vec::new();
    for (name, kind) in faults {
        let mut keep = |what: &str, error: Option<Error>| {
            errors.extend(error.map(|error| (format!("{what} under {name}"), error)));
        };
        provider.clear_faults();
        let token = provider.issue_token(DEMO_SERVER_ID, "26FWFL", &["profile"]).to_string();
        // Without an expires_at the token is renewed first: two of them are then held.
        let client = app.from_token(&token, &Saver::new()).unwrap();
        for target in [Target::Api, Target::Refresh, Target::Exchange] {
            provider.fault(Fault::always(target, kind.clone()));
        }
        keep("get", client.get(PROFILE).err());
        keep("post", client.post(PROFILE, Some(&format!("a={secret}"))).err());
        keep("refresh", client.refresh().err());
        let login = app.step_one(None).unwrap();
        let redirect = provider.visit(&login.authorization_uri, Decision::Grant).unwrap();
        keep("step two", app.step_two(&login.session, &redirect, &Saver::new()).err());
        provider.clear_faults();
        keep("replay", app.step_two(&login.session, &redirect, &Saver::new()).err());
    }
    errors
}

#[test]
fn no_secret_shows_in_any_error_under_any_fault() {
    let provider = provider();
    let errors = every_error(&provider, DEMO_SERVER_SECRET, 0, &FaultKind::all());
    assert!(errors.len() > 100, "most of them fail: {}", errors.len());
    assert!(
        errors.iter().any(|(_, error)| error.all_text().contains("[redacted]")),
        "something was there to be redacted"
    );
    none_shows(&provider, &errors);
}

/// Secrets with whatever JSON, HTML, forms and addresses write otherwise.
const SPECIAL: [&str; 4] = [
    "plus+slash/equals=percent%25and&more",
    "quote\"backslash\\apostrophe'<tag>",
    "two words and a : colon ;{}|^`~#?",
    "sécrèt-ключ-秘密-😀😀",
];

#[test]
fn client_secrets_with_special_characters_show_no_more_than_others() {
    // The faults that repeat something of the request.
    let mut talkative = FaultKind::all();
    talkative.retain(|(name, _)| {
        ["echo_secrets", "status_400_invalid_grant", "status_401_invalid", "status_401_expired"]
            .contains(name)
            || name.starts_with("redirect")
    });
    for secret in SPECIAL {
        for client_auth in [1, 2] {
            let provider = provider();
            provider.settings(|settings| settings.allow_body_secret = true);
            provider.register(Registration {
                client_id: DEMO_SERVER_ID.to_owned(),
                client_secret: Some(secret.to_owned()),
                kind: ApplicationKind::Server,
                redirect_uris: vec![DEMO_REDIRECT_URIS[0].to_owned()],
            });
            let errors = every_error(&provider, secret, client_auth, &talkative);
            assert!(errors.len() > 20, "{}", errors.len());
            none_shows(&provider, &errors);
        }
    }
}
