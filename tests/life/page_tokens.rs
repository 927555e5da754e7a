//! Google Health's lists: the request that brought a page is sent again with the page's token, and
//! is otherwise the same.

use fitbit_simulator::{Entry, Fault, FaultKind, Simulator, Target};
use fitbit_test_support::world::provider;
use fitbit_test_support::{Response, Saver, code};
use serde_json::{Value, json};

use crate::paging::script;
use crate::providers::GOOGLE;

const STEPS: &str = "/v4/users/me/dataTypes/steps/dataPoints";

fn naming(token: impl Into<Value>) -> Value {
    json!({"dataPoints": [], "nextPageToken": token.into()})
}

/// Asks for a page and for the one after it; the second request as it was sent.
fn second_request(simulator: &Simulator, ask: impl Fn() -> Response, token: &str) -> Entry {
    script(simulator, [naming(token), json!({})]);
    let page = ask();
    let client = GOOGLE.client(simulator);
    client.next_page(&page).unwrap().expect("a page follows");
    simulator.log().pop().unwrap()
}

#[test]
fn the_token_is_added_to_the_query_and_the_rest_stays_as_it_is() {
    let simulator = provider();
    let client = GOOGLE.client(&simulator);
    let filter = "filter=steps.interval.start_time%20%3E%3D%20%222026-01-01T00:00:00Z%22";
    for (asked, expected) in [
        (STEPS.to_owned(), format!("{STEPS}?pageToken=second")),
        (format!("{STEPS}?"), format!("{STEPS}?pageToken=second")),
        (
            format!("{STEPS}?pageSize=25&{filter}&b=&b=2&a"),
            format!("{STEPS}?pageSize=25&{filter}&b=&b=2&a&pageToken=second"),
        ),
        (
            format!("{STEPS}:reconcile?dataSourceFamily=users/me/dataSourceFamilies/all-sources"),
            format!(
                "{STEPS}:reconcile?dataSourceFamily=users/me/dataSourceFamilies/all-sources\
                 &pageToken=second"
            ),
        ),
        (
            format!("{STEPS}?pageToken=first&pageSize=25"),
            format!("{STEPS}?pageSize=25&pageToken=second"),
        ),
        (
            format!("{STEPS}?xpageToken=x&pageTokens=y&pageToken"),
            format!("{STEPS}?xpageToken=x&pageTokens=y&pageToken=second"),
        ),
    ] {
        let sent = second_request(&simulator, || client.get(&asked).unwrap(), "second");
        assert_eq!((&*sent.method, &*sent.target), ("GET", &*expected));
        assert_eq!(sent.body, b"");
    }
}

#[test]
fn a_token_of_any_characters_arrives_as_it_is() {
    let simulator = provider();
    let client = GOOGLE.client(&simulator);
    for (token, encoded) in [
        ("CAEQ-_.~", "CAEQ-_.~"),
        ("a+b/c==", "a%2Bb%2Fc%3D%3D"),
        ("a&pageSize=1#x?y", "a%26pageSize%3D1%23x%3Fy"),
        ("%2F%", "%252F%25"),
        ("a\\b\"", "a%5Cb%22"),
        ("../..//", "..%2F..%2F%2F"),
        ("é\u{1F600}", "%C3%A9%F0%9F%98%80"),
        ("\r\nHost: evil", "%0D%0AHost%3A%20evil"),
    ] {
        let sent = second_request(&simulator, || client.get(STEPS).unwrap(), token);
        // A form writes the space as a plus, and may escape what need not be escaped.
        let sent = sent.target.replace('+', "%20").replace("%7E", "~");
        assert_eq!(sent, format!("{STEPS}?pageToken={encoded}"));

        let roll_up = format!("{STEPS}:rollUp");
        let ask = || client.request("POST", &roll_up, Some("application/json"), Some(b"{}"));
        let sent = second_request(&simulator, || ask().unwrap(), token);
        let body: Value = serde_json::from_slice(&sent.body).unwrap();
        assert_eq!((&*sent.target, body), (&*roll_up, json!({ "pageToken": token })));
    }
}

#[test]
fn the_token_is_put_into_the_body_of_a_post_whose_other_fields_stay_byte_for_byte() {
    let simulator = provider();
    let client = GOOGLE.client(&simulator);
    let roll_up = format!("{STEPS}:rollUp?alt=json");
    let fields = [
        r#""range": {"startTime":"2026-01-01T00:00:00Z",  "endTime":"2026-01-02T00:00:00Z"}"#,
        r#""windowSize":"3600s""#,
        r#""big":18446744073709551615"#,
        r#""exact":1.10"#,
        r#""huge":1e400"#,
        r#""text":"\u00e9\/é""#,
        r#""twice":{"a":1,"a":2}"#,
    ];
    let body = format!("{{{}, \"pageToken\":\"first\"}}", fields.join(",\n "));
    let kind = "application/json; charset=utf-8";
    let ask = || client.request("POST", &roll_up, Some(kind), Some(body.as_bytes())).unwrap();
    let sent = second_request(&simulator, ask, "second");
    assert_eq!((&*sent.method, &*sent.target), ("POST", &*roll_up));
    assert_eq!(sent.header("content-type"), Some(kind));
    let text = String::from_utf8(sent.body).unwrap();
    for field in fields {
        let (name, value) = field.split_once(':').unwrap();
        let found = text.contains(&format!("{name}:{}", value.trim_start()));
        assert!(found, "{field} is missing in {text}");
    }
    assert!(text.contains(r#""pageToken":"second""#) && !text.contains("first"), "{text}");
}

#[test]
fn a_post_without_a_body_gets_one_with_the_token() {
    let simulator = provider();
    let client = GOOGLE.client(&simulator);
    let roll_up = format!("{STEPS}:rollUp");
    let sent = second_request(&simulator, || client.post(&roll_up, None).unwrap(), "second");
    assert_eq!(sent.body, br#"{"pageToken":"second"}"#);
}

#[test]
fn a_post_whose_body_is_not_json_is_not_repeated() {
    let simulator = provider();
    let client = GOOGLE.client(&simulator);
    for body in ["a=b", "[]", "\"text\"", "{"] {
        script(&simulator, [naming("second")]);
        let page = client.request("POST", STEPS, None, Some(body.as_bytes())).unwrap();
        let before = simulator.requests(Target::Any);
        let error = client.next_page(&page).unwrap_err();
        assert_eq!(error.code, code::INVALID_ARGUMENT, "{error:?}");
        assert_eq!(simulator.requests(Target::Any), before);
    }
}

#[test]
fn a_list_is_followed_page_by_page_to_its_end() {
    let simulator = provider();
    let client = GOOGLE.client(&simulator);
    for post in [false, true] {
        simulator.clear_faults();
        script(&simulator, ["a", "b", "c"].map(naming));
        script(&simulator, [json!({"dataPoints": [], "nextPageToken": ""})]);
        let mut page = match post {
            false => client.get(&format!("{STEPS}?pageSize=1")).unwrap(),
            true => client.request("POST", STEPS, None, Some(br#"{"pageSize":1}"#)).unwrap(),
        };
        let mut pages = 1;
        while let Some(next) = client.next_page(&page).unwrap() {
            (page, pages) = (next, pages + 1);
        }
        assert_eq!(pages, 4);
        let sent = simulator.log().pop().unwrap();
        let last = match post {
            false => sent.target,
            true => String::from_utf8(sent.body).unwrap(),
        };
        let expected = match post {
            false => format!("{STEPS}?pageSize=1&pageToken=c"),
            true => r#"{"pageSize":1,"pageToken":"c"}"#.to_owned(),
        };
        assert_eq!(last, expected, "only the newest token is sent");
    }
}

#[test]
fn nothing_follows_where_no_token_is_given() {
    let simulator = provider();
    let client = GOOGLE.client(&simulator);
    for answer in [naming(""), naming(Value::Null), json!({}), json!([naming("second")]), json!(1)]
    {
        script(&simulator, [answer.clone()]);
        let page = client.get(STEPS).unwrap();
        let before = simulator.requests(Target::Any);
        assert!(client.next_page(&page).unwrap().is_none(), "{answer}");
        assert_eq!(simulator.requests(Target::Any), before);
    }
}

#[test]
fn a_token_that_cannot_be_used_is_refused() {
    let simulator = provider();
    let client = GOOGLE.client(&simulator);
    let tokens = [json!(7), json!(true), json!(["a"]), json!({}), json!("a".repeat(100_000))];
    for token in tokens {
        script(&simulator, [naming(token)]);
        let page = client.get(STEPS).unwrap();
        let before = simulator.requests(Target::Any);
        let error = client.next_page(&page).unwrap_err();
        assert_eq!(error.code, code::PROTOCOL, "{error:?}");
        assert!(error.message.len() < 1000);
        assert_eq!(simulator.requests(Target::Any), before);
    }
}

#[test]
fn a_token_that_brings_itself_again_ends_in_an_error_and_not_never() {
    let simulator = provider();
    let client = GOOGLE.client(&simulator);
    for token in ["again", "a+b/c= ~*é"] {
        for post in [false, true] {
            simulator.fault(Fault::always(Target::Any, FaultKind::Json(200, naming(token))));
            let mut page = match post {
                false => client.get(STEPS).unwrap(),
                true => client.request("POST", STEPS, None, Some(b"{}")).unwrap(),
            };
            simulator.reset_counts();
            let error = loop {
                match client.next_page(&page) {
                    Ok(next) => page = next.expect("a page follows"),
                    Err(error) => break error,
                }
                assert!(simulator.requests(Target::Any) < 5, "it goes on for ever");
            };
            assert_eq!(error.code, code::PROTOCOL, "{error:?}");
            simulator.clear_faults();
        }
    }
}

#[test]
fn an_endpoint_with_a_path_of_its_own_is_asked_below_that_path() {
    let simulator = provider();
    let app = GOOGLE.app(&simulator);
    app.set_endpoint(3, &format!("{}/proxy/google/", simulator.uri())).unwrap();
    let client = app.from_token(&GOOGLE.token(&simulator, 3600), &Saver::new()).unwrap();
    script(&simulator, [naming("second"), json!({})]);
    let page = client.get(STEPS).unwrap();
    client.next_page(&page).unwrap().unwrap();
    let sent = simulator.log().pop().unwrap();
    assert_eq!(sent.target, format!("/proxy/google{STEPS}?pageToken=second"));

    let elsewhere = GOOGLE.client(&simulator);
    script(&simulator, [naming("second")]);
    let page = elsewhere.get(STEPS).unwrap();
    let error = client.next_page(&page).unwrap_err();
    assert_eq!(error.code, code::INVALID_ARGUMENT, "a page from elsewhere: {error:?}");
}

#[test]
fn writing_is_not_repeated_for_a_token_that_an_answer_names() {
    let simulator = provider();
    let client = GOOGLE.client(&simulator);
    for method in ["DELETE", "PATCH", "PUT"] {
        script(&simulator, [naming("second"), json!({})]);
        let page = client.request(method, STEPS, None, Some(b"{\"a\":1}")).unwrap();
        simulator.reset_counts();
        let _ = client.next_page(&page);
        let again = simulator.requests(Target::Any);
        let sent = simulator.log().pop().unwrap();
        // Sent again as it was, or not at all; never with its body lost.
        assert!(again == 0 || sent.body == b"{\"a\":1}", "{method} {sent:?}");
        simulator.clear_faults();
    }
}

#[test]
fn a_token_that_expires_between_two_pages_is_renewed() {
    let simulator = provider();
    let saver = Saver::new();
    let client = GOOGLE.client_with(&simulator, 3600, &saver);
    script(&simulator, [naming("second")]);
    let page = client.get(STEPS).unwrap();
    simulator.fault(Fault::once(Target::Api, FaultKind::Status401Expired));
    simulator.fault(Fault::once(Target::Api, FaultKind::Json(200, json!({}))));
    assert_eq!(client.next_page(&page).unwrap().unwrap().text(), "{}");
    assert_eq!((simulator.requests(Target::Refresh), saver.offered().len()), (1, 1));
}
