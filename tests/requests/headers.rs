//! The headers that a program sets: which are refused, and where the others go.

use fitbit_simulator::{Simulator, Target};
use fitbit_test_support::world::{PROFILE, app, client, provider, saved_token};
use fitbit_test_support::{App, Saver, code};

use crate::scripted::{Scripted, ok};
use crate::setup::{ANY, client_at, client_with};

const REFUSED: [&str; 12] = [
    "Authorization",
    "Host",
    "Content-Length",
    "Transfer-Encoding",
    "Connection",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Proxy-Anything",
    "Expect",
    "TE",
    "Upgrade",
    "Proxy-",
];

#[test]
fn headers_that_are_the_librarys_are_refused_in_any_case() {
    let provider = provider();
    let client = client(&provider);
    for name in REFUSED {
        for name in [name.to_owned(), name.to_lowercase(), name.to_uppercase()] {
            for value in [Some("x"), Some(""), None] {
                let app = App::new("ID", None, None).unwrap();
                for error in [
                    app.set_header(&name, value).expect_err(&name),
                    client.set_header(&name, value).expect_err(&name),
                ] {
                    assert_eq!(error.code, code::INVALID_ARGUMENT, "{name}");
                    assert!(error.message.starts_with("name"), "{}", error.message);
                }
            }
        }
    }
}

#[test]
fn a_name_is_a_token_and_a_value_has_no_control_characters() {
    let provider = provider();
    let client = client(&provider);
    for name in ["", " ", "a b", "a:", ":a", "a\r\nb", "a\n", "é", "a\u{1}", "(a)", "a/b", "\"a\""]
    {
        let error = client.set_header(name, Some("x")).expect_err(name);
        assert_eq!(error.code, code::INVALID_ARGUMENT, "{name:?}");
        assert!(error.message.starts_with("name"), "{name:?}: {}", error.message);
    }
    for value in ["a\r\nX-Forged: 1", "a\nb", "a\rb", "\r", "\n", "a\u{1}b", "\u{7f}", "\u{1b}[m"] {
        let error = client.set_header("X-Test", Some(value)).expect_err(value);
        assert_eq!(error.code, code::INVALID_ARGUMENT, "{value:?}");
        assert!(error.message.starts_with("value"), "{value:?}: {}", error.message);
    }
}

#[test]
fn any_other_value_arrives_as_it_is() {
    let server = Scripted::saying(ok);
    let client = client_at(&server.uri);
    for value in ["", "a", "two words, and \"more\"; q=0.5", "tab\there", "%0d%0a", "Jörg 😀"] {
        client.set_header("X-Test", Some(value)).unwrap_or_else(|e| panic!("{value}: {e:?}"));
        client.get(ANY).unwrap();
        assert_eq!(server.asked().last().unwrap().headers("x-test"), [value]);
    }
}

#[test]
fn the_apps_header_is_on_every_api_request_and_the_clients_own_goes_over_it() {
    let server = Scripted::saying(ok);
    let app = App::at(&server.uri, "ID", None, "https://app.example/");
    app.set_header("X-Test", Some("the first")).unwrap();
    app.set_header("x-test", Some("the app's")).unwrap();
    let token = crate::setup::token("token");
    let first = app.from_token(&token, &Saver::new()).unwrap();
    let second = app.from_token(&token, &Saver::new()).unwrap();
    let sent = |client: &fitbit_test_support::Client| {
        client.get(ANY).unwrap();
        let asked = server.asked();
        let values = asked.last().unwrap().headers("x-test").join(" and ");
        (!values.is_empty()).then_some(values)
    };
    assert_eq!(sent(&first).as_deref(), Some("the app's"));
    first.set_header("X-TEST", Some("the client's")).unwrap();
    assert_eq!(sent(&first).as_deref(), Some("the client's"));
    assert_eq!(sent(&second).as_deref(), Some("the app's"), "one person's header is their own");
    first.set_header("X-Test", None).unwrap();
    assert_eq!(sent(&first), None, "NULL sends none, also where the app has one");
    first.set_header("X-Test", Some("again")).unwrap();
    assert_eq!(sent(&first).as_deref(), Some("again"));
}

#[test]
fn an_apps_header_can_be_taken_back() {
    let server = Scripted::saying(ok);
    let client = client_with(&server.uri, |app| {
        app.set_header("X-Test", Some("a")).unwrap();
        app.set_header("X-Test", None).unwrap();
        app.set_header("X-Never-Set", None).unwrap();
    });
    client.get(ANY).unwrap();
    assert!(server.asked_once().headers("x-test").is_empty());
}

#[test]
fn sixty_four_headers_are_sent_and_one_more_is_refused() {
    let server = Scripted::saying(ok);
    let client = client_with(&server.uri, |app| {
        for number in 0..64 {
            app.set_header(&format!("X-{number}"), Some("v")).unwrap();
        }
        let error = app.set_header("X-64", Some("v")).unwrap_err();
        assert!(error.message.starts_with("name: "), "{error:?}");
    });
    client.get(ANY).unwrap();
    let asked = server.asked_once();
    assert!((0..64).all(|number| asked.headers(&format!("x-{number}")) == ["v"]));
}

#[test]
fn headers_that_the_library_sends_by_itself_can_be_taken_away() {
    let server = Scripted::saying(ok);
    let names = ["Accept", "Accept-Encoding", "User-Agent"];
    let client = client_with(&server.uri, |app| {
        names.into_iter().for_each(|name| app.set_header(name, None).unwrap());
    });
    client.get(ANY).unwrap();
    let asked = server.asked_once();
    assert!(names.into_iter().all(|name| asked.headers(&name.to_lowercase()).is_empty()));
}

#[test]
fn a_content_type_that_fits_into_no_head_is_refused_by_name() {
    let server = Scripted::saying(ok);
    let client = client_with(&server.uri, |_| ());
    let long = "a".repeat(8 * 1024 + 1);
    let error = client.request("POST", ANY, Some(&long), Some(b"x")).err().unwrap();
    assert_eq!(error.code, code::INVALID_ARGUMENT);
    assert!(error.message.starts_with("content_type: "), "{error:?}");
    client.request("POST", ANY, Some(&long[1..]), Some(b"x")).unwrap();
}

/// What the API and the token endpoint were sent under this name.
fn on_both(set_up: impl FnOnce(&App), name: &str) -> (Vec<String>, Vec<String>) {
    let provider = provider();
    let app = app(&provider);
    set_up(&app);
    let client = app.from_token(&saved_token(&provider, 3600), &Saver::new()).unwrap();
    client.refresh().unwrap();
    client.get(PROFILE).unwrap();
    let of = |target: &str| {
        let log = provider.log();
        let entry = log.iter().find(|entry| entry.target == target).expect(target);
        let same = entry.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        same.map(|(_, value)| value.clone()).collect()
    };
    (of(PROFILE), of("/oauth2/token"))
}

#[test]
fn the_user_agent_is_the_librarys_unless_the_program_says_otherwise() {
    let version = unsafe { std::ffi::CStr::from_ptr((fitbit_test_support::interface().version)()) };
    let default = vec![format!("libfitbit/{}", version.to_str().unwrap())];
    assert_eq!(on_both(|_| (), "user-agent"), (default.clone(), default));

    let own = vec!["own/1.0 (test)".to_owned()];
    let set = |app: &App| app.set_header("User-Agent", Some("own/1.0 (test)")).unwrap();
    assert_eq!(on_both(set, "user-agent"), (own.clone(), own));

    let none = |app: &App| app.set_header("user-agent", None).unwrap();
    assert_eq!(on_both(none, "user-agent"), (vec![], vec![]));
}

#[test]
fn no_other_header_of_the_app_goes_to_the_token_endpoint() {
    let set = |app: &App| app.set_header("Accept-Language", Some("en_US")).unwrap();
    assert_eq!(on_both(set, "accept-language"), (vec!["en_US".to_owned()], vec![]));
}

#[test]
fn accept_language_changes_the_units_of_one_person() {
    let provider = provider();
    let app = app(&provider);
    let person =
        |provider: &Simulator| app.from_token(&saved_token(provider, 3600), &Saver::new()).unwrap();
    let (american, other) = (person(&provider), person(&provider));
    american.set_header("Accept-Language", Some("en_US")).unwrap();
    let unit = |client: &fitbit_test_support::Client| {
        let profile = client.get(PROFILE).unwrap();
        let profile: serde_json::Value = serde_json::from_slice(&profile.body).unwrap();
        profile["user"]["weightUnit"].as_str().unwrap().to_owned()
    };
    assert_eq!(unit(&american), "en_US");
    assert_eq!(unit(&other), "METRIC");
    american.set_header("accept-language", Some("en_GB")).unwrap();
    assert_eq!(unit(&american), "en_GB");
    american.set_header("Accept-Language", None).unwrap();
    assert_eq!(unit(&american), "METRIC");
    assert_eq!(provider.requests(Target::Api), 4);
}
