//! Fitbit's lists name the address of the next page: only its path and query are taken, and only if it
//! is the provider's own. Whoever can write a list must not be able to send a token elsewhere.

use fitbit_simulator::Target;
use fitbit_test_support::world::provider;
use fitbit_test_support::{Saver, code};
use serde_json::{Value, json};

use crate::paging::{assert_refused, last_request, linking, page, script};
use crate::providers::FITBIT;

#[test]
fn path_and_query_of_the_next_address_are_taken_as_they_are() {
    let simulator = provider();
    let client = FITBIT.client(&simulator);
    let target = "/1/user/-/a%2Fb/list.json?beforeDate=2026-01-01T00:00:00.000%2B01:00&b=&a=1&a=2";
    for origin in [
        "https://api.fitbit.com",
        "https://api.fitbit.com:443",
        "HTTPS://API.Fitbit.com",
        simulator.uri(),
    ] {
        let answer = linking(format!("{origin}{target}"));
        let page = page(&simulator, &client, FITBIT.path, answer);
        script(&simulator, [json!({})]);
        assert!(client.next_page(&page).unwrap().is_some());
        let sent = last_request(&simulator);
        assert_eq!((&*sent.method, &*sent.target), ("GET", target), "{origin}");
        let bearer = format!("Bearer {}", client.token_field("access_token").unwrap());
        assert_eq!(sent.header("authorization"), Some(&*bearer));
    }
}

#[test]
fn an_endpoint_with_a_path_of_its_own_is_asked_below_that_path() {
    let simulator = provider();
    let app = FITBIT.app(&simulator);
    app.set_endpoint(3, &format!("{}/proxy/fitbit", simulator.uri())).unwrap();
    let client = app.from_token(&FITBIT.token(&simulator, 3600), &Saver::new()).unwrap();
    let own = simulator.uri();
    for next in [
        format!("{own}/proxy/fitbit/1/next.json?a=1"),
        format!("{own}/1/next.json?a=1"),
        "https://api.fitbit.com/1/next.json?a=1".to_owned(),
    ] {
        let page = page(&simulator, &client, FITBIT.path, linking(next.as_str()));
        script(&simulator, [json!({})]);
        assert!(client.next_page(&page).unwrap().is_some());
        assert_eq!(last_request(&simulator).target, "/proxy/fitbit/1/next.json?a=1", "{next}");
    }
}

#[test]
fn nothing_follows_where_no_next_address_is_given() {
    let simulator = provider();
    let client = FITBIT.client(&simulator);
    for answer in [
        linking(""),
        linking(Value::Null),
        json!({"sleep": [], "pagination": {}}),
        json!({"sleep": [], "pagination": null}),
        json!({"sleep": []}),
        json!([]),
        json!([{"pagination": {"next": "https://api.fitbit.com/1/next.json"}}]),
        json!(7),
    ] {
        let page = page(&simulator, &client, FITBIT.path, answer.clone());
        let before = simulator.requests(Target::Any);
        assert!(client.next_page(&page).unwrap().is_none(), "{answer}");
        assert_eq!(simulator.requests(Target::Any), before, "{answer}");
    }
}

#[test]
fn an_address_that_is_not_the_providers_is_not_followed() {
    let (simulator, evil) = (provider(), provider());
    let client = FITBIT.client(&simulator);
    let (own, port) = (simulator.uri(), simulator.port());
    let evil_host = format!("127.0.0.1:{}", evil.port());
    for next in [
        format!("http://{evil_host}/1/next.json"),
        format!("https://{evil_host}/1/next.json"),
        format!("//{evil_host}/1/next.json"),
        format!("\\\\{evil_host}\\1\\next.json"),
        format!("http:\\\\{evil_host}\\1\\next.json"),
        format!("http:/{evil_host}/1/next.json"),
        format!("http://api.fitbit.com@{evil_host}/1/next.json"),
        format!("http://127.0.0.1:{port}@{evil_host}/1/next.json"),
        format!("http://user@127.0.0.1:{port}/1/next.json"),
        format!("http://localhost:{port}/1/next.json"),
        format!("https://127.0.0.1:{port}/1/next.json"),
        format!("{own}.evil.example/1/next.json"),
        format!("{own}\\@{evil_host}/1/next.json"),
        format!("{own}//{evil_host}/1/next.json"),
        format!("{own}/1/../../next.json"),
        format!("{own}/1/%2e%2e/next.json"),
        format!("{own}/1/next\\.json"),
        format!("{own}/1/next.json\n"),
        format!("{own}/1/next.json\r\nHost: {evil_host}"),
        format!("{own}/1/\u{0}next.json"),
        format!(" {own}/1/next.json"),
        format!("{own}/1/ next.json"),
        format!("{own}/1/next.json?{}", "a".repeat(40_000)),
        format!("{own}/1/next.json?{}", "a".repeat(1_000_000)),
        "http://api.fitbit.com/1/next.json".to_owned(),
        "https://api.fitbit.com:8443/1/next.json".to_owned(),
        "https://api.fitbit.com@127.0.0.1/1/next.json".to_owned(),
        "https://api.fitbit.com.evil.example/1/next.json".to_owned(),
        "https://evil.example/https://api.fitbit.com/1/next.json".to_owned(),
        "https://www.fitbit.com/1/next.json".to_owned(),
        "https://user:password@api.fitbit.com/1/next.json".to_owned(),
        "/1/next.json".to_owned(),
        "1/next.json".to_owned(),
        "?offset=20".to_owned(),
        "*".to_owned(),
        "file:///etc/passwd".to_owned(),
        "javascript:alert(1)".to_owned(),
        "next page".to_owned(),
    ] {
        let page = page(&simulator, &client, FITBIT.path, linking(next.as_str()));
        let shown: String = next.chars().take(100).collect();
        let before = simulator.requests(Target::Any);
        let error = client.next_page(&page).expect_err(&shown);
        assert_eq!(error.code, code::PROTOCOL, "{shown:?}: {error:?}");
        assert_eq!(simulator.requests(Target::Any), before, "{shown:?}");
        assert!(!error.message.contains("password") && error.message.len() < 1000, "{error:?}");
    }
    assert_eq!(evil.connections(), 0);
}

#[test]
fn an_address_with_a_fragment_is_not_followed() {
    let simulator = provider();
    let client = FITBIT.client(&simulator);
    for fragment in ["#", "#fragment", "#@evil.example/"] {
        let next = format!("{}/1/next.json?a=1{fragment}", simulator.uri());
        let page = page(&simulator, &client, FITBIT.path, linking(next.as_str()));
        assert_refused(&simulator, client.next_page(&page), &next);
    }
}

#[test]
fn an_address_that_is_no_text_is_not_followed() {
    let simulator = provider();
    let client = FITBIT.client(&simulator);
    for next in [json!(7), json!(true), json!(["https://api.fitbit.com/1/a.json"]), json!({})] {
        let page = page(&simulator, &client, FITBIT.path, linking(next.clone()));
        assert_refused(&simulator, client.next_page(&page), &next.to_string());
    }
}

#[test]
fn a_page_that_leads_to_itself_is_not_asked_for_again() {
    let simulator = provider();
    let prefixed = FITBIT.app(&simulator);
    prefixed.set_endpoint(3, &format!("{}/proxy", simulator.uri())).unwrap();
    let token = FITBIT.token(&simulator, 3600);
    let prefixed = prefixed.from_token(&token, &Saver::new()).unwrap();
    let path = "/1/user/-/list.json?limit=1&name=a%20b";
    for (client, origin) in [
        (&FITBIT.client(&simulator), simulator.uri()),
        (&FITBIT.client(&simulator), "https://api.fitbit.com"),
        (&prefixed, simulator.uri()),
        (&prefixed, "https://api.fitbit.com"),
    ] {
        for asked in [path, "/1/user/-/list.json?limit=1&name=a b"] {
            let next = linking(format!("{origin}{path}"));
            let page = page(&simulator, client, asked, next);
            assert_refused(&simulator, client.next_page(&page), &format!("{origin} {asked}"));
        }
    }
}

#[test]
fn writing_is_not_repeated_for_an_address_that_an_answer_names() {
    for method in ["DELETE", "POST", "PUT"] {
        let simulator = provider();
        let client = FITBIT.client(&simulator);
        let next = format!("{}/1/user/-/activities/1.json", simulator.uri());
        script(&simulator, [linking(next), json!({})]);
        let page = client.request(method, FITBIT.path, None, None).unwrap();
        // Asking with GET would do, and refusing too.
        let _ = client.next_page(&page);
        let wrote = simulator.log().iter().filter(|entry| entry.method != "GET").count();
        assert_eq!(wrote, 1, "{method} was sent to where an answer led");
    }
}
