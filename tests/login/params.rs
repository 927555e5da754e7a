//! Step one's `params`: what one login adds to the address.

use fitbit_test_support::{App, code};

use super::steps::{error_of, field, form, json, query};
use super::world::{DIALECT, app, provider};

fn address(app: &App, params: &str) -> String {
    app.step_one(Some(params)).unwrap().authorization_uri
}

#[test]
fn params_go_into_the_address() {
    let provider = provider();
    let address = address(&app(&provider), "login_hint=a%40b.example&prompt=login+consent");
    assert_eq!(field(query(&address), "login_hint").unwrap(), "a@b.example");
    assert_eq!(field(query(&address), "prompt").unwrap(), "login consent");
}

#[test]
fn what_step_one_adds_for_the_provider_is_the_programs_to_change() {
    let provider = provider();
    let app = app(&provider);
    for (changed, _) in DIALECT.authorize_params {
        for value in ["none", ""] {
            let address = address(&app, &format!("{changed}={value}"));
            let fields = form(query(&address));
            let values: Vec<_> = fields.iter().filter(|(name, _)| name == changed).collect();
            assert_eq!(values, [&((*changed).to_owned(), value.to_owned())], "{address}");
            for (name, value) in DIALECT.authorize_params.iter().filter(|(n, _)| n != changed) {
                assert_eq!(field(query(&address), name).as_deref(), Some(*value), "{address}");
            }
        }
    }
}

#[test]
fn params_of_odd_characters_arrive_as_they_are() {
    let provider = provider();
    let address = address(&app(&provider), "x%26y=%3D%23%25+%2B%C3%A9%00&empty=");
    assert_eq!(field(query(&address), "x&y").unwrap(), "=#% +\u{e9}\0");
    assert_eq!(field(query(&address), "empty").unwrap(), "");
}

#[test]
fn a_name_without_an_equals_sign_is_refused_for_it_was_meant_otherwise() {
    let provider = provider();
    let refused = app(&provider).step_one(Some("profile&prompt=login")).unwrap_err();
    assert_eq!(refused.code, code::INVALID_ARGUMENT);
    assert!(refused.message.contains("params: profile"), "{}", refused.message);
}

#[test]
fn a_scope_in_params_holds_for_this_login_only() {
    let provider = provider();
    let app = app(&provider);
    app.set_scopes("profile").unwrap();
    for (params, scope) in [("scope=sleep+heartrate", "sleep heartrate"), ("", "profile")] {
        let address = address(&app, params);
        let scopes: Vec<_> =
            form(query(&address)).into_iter().filter(|(name, _)| name == "scope").collect();
        assert_eq!(scopes, [("scope".to_owned(), scope.to_owned())]);
    }
}

#[test]
fn an_empty_text_is_no_params() {
    let provider = provider();
    let app = app(&provider);
    let names = |address: &str| -> Vec<_> {
        form(query(address)).into_iter().map(|(name, _)| name).collect()
    };
    let without = app.step_one(None).unwrap().authorization_uri;
    assert_eq!(names(&address(&app, "")), names(&without));
}

#[test]
fn what_step_one_decides_cannot_be_set_however_it_is_written() {
    let provider = provider();
    let app = app(&provider);
    for name in [
        "response_type",
        "client_id",
        "redirect_uri",
        "state",
        "code_challenge",
        "code_challenge_method",
    ] {
        let escaped = format!("%{:02x}{}", name.as_bytes()[0], &name[1..]);
        for params in [
            format!("{name}=x"),
            format!("prompt=login&{name}="),
            format!("{name}&prompt=login"),
            format!("{escaped}=x"),
        ] {
            let error = error_of(app.step_one(Some(&params)));
            assert_eq!(error.code, code::INVALID_ARGUMENT, "{params}");
            assert!(error.message.contains("params"), "{}", error.message);
        }
    }
}

#[test]
fn params_twice_are_refused() {
    let provider = provider();
    let app = app(&provider);
    for params in ["prompt=login&prompt=login", "scope=sleep&scope=profile", "a=1&b=2&%61=3", "a&a"]
    {
        let error = error_of(app.step_one(Some(params)));
        assert_eq!(error.code, code::INVALID_ARGUMENT, "{params}");
        assert!(error.message.contains("params"), "{}", error.message);
    }
}

#[test]
fn a_scope_in_params_follows_the_rules_for_scopes() {
    let provider = provider();
    let app = app(&provider);
    for params in ["scope=", "scope", "scope=+", "scope=a%22b", "scope=sleep%09profile"] {
        let error = error_of(app.step_one(Some(params)));
        assert_eq!(error.code, code::INVALID_ARGUMENT, "{params}");
        assert!(error.message.contains("params"), "{}", error.message);
    }
}

/// A login hint that silently became another one would log in somebody else.
#[test]
fn params_that_do_not_decode_to_utf8_are_refused() {
    let provider = provider();
    let error = error_of(app(&provider).step_one(Some("login_hint=caf%E9")));
    assert_eq!(error.code, code::INVALID_ARGUMENT);
    assert!(error.message.contains("params"), "{}", error.message);
}

#[test]
fn refused_params_leave_the_app_as_it_was() {
    let provider = provider();
    let app = app(&provider);
    error_of(app.step_one(Some("state=x")));
    let session = app.step_one(None).unwrap();
    assert_ne!(json(&session.session)["state"], "x");
}
