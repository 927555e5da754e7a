//! Lists that come page by page, for both providers: every entry once, to the end, and a page that can
//! be used again.

use std::collections::HashSet;

use fitbit_simulator::{Entry, Fault, FaultKind, Simulator, Target};
use fitbit_test_support::world::provider;
use fitbit_test_support::{Client, Error, Response, Saver, code};
use serde_json::{Value, json};

use crate::providers::{BOTH, FITBIT, GOOGLE, Provider};

const ACTIVITIES: &str = "/1/user/-/activities/list.json?afterDate=2026-01-01&sort=asc&offset=0";
const NIGHTS: &str = "/1.2/user/-/sleep/list.json?beforeDate=2026-03-01&sort=desc&offset=0";

/// What the next requests of the API are answered with, in this order.
pub fn script(simulator: &Simulator, answers: impl IntoIterator<Item = Value>) {
    for answer in answers {
        simulator.fault(Fault::once(Target::Any, FaultKind::Json(200, answer)));
    }
}

/// A page of Fitbit's whose `pagination.next` is this.
pub fn linking(next: impl Into<Value>) -> Value {
    json!({"sleep": [], "pagination": {"next": next.into(), "previous": ""}})
}

/// The page that this answer is, asked for with GET.
pub fn page(simulator: &Simulator, client: &Client, path: &str, answer: Value) -> Response {
    script(simulator, [answer]);
    client.get(path).unwrap()
}

pub fn last_request(simulator: &Simulator) -> Entry {
    simulator.log().pop().expect("there was a request")
}

/// It is PROTOCOL, and nobody was asked anything.
#[track_caller]
pub fn assert_refused(simulator: &Simulator, outcome: Result<Option<Response>, Error>, what: &str) {
    let before = simulator.requests(Target::Any);
    let error = outcome.expect_err(what);
    assert_eq!(error.code, code::PROTOCOL, "{what}: {error:?}");
    assert_eq!(simulator.requests(Target::Any), before, "{what}");
}

/// What is in the list; Google leaves an empty one out.
fn entries(page: &Response, name: &str) -> Vec<Value> {
    let page: Value = serde_json::from_slice(&page.body).unwrap();
    page[name].as_array().cloned().unwrap_or_default()
}

/// Every entry of a list, and how many pages it came in.
fn read_to_the_end(client: &Client, first: Response, name: &str) -> (Vec<Value>, usize) {
    let (mut all, mut pages, mut page) = (vec![], 0, Some(first));
    while let Some(this) = page {
        all.extend(entries(&this, name));
        pages += 1;
        page = client.next_page(&this).unwrap();
    }
    (all, pages)
}

#[test]
fn fitbits_lists_are_read_to_their_end_with_every_entry_once() {
    let simulator = provider();
    let client = FITBIT.client(&simulator);
    for origin in [None, Some("https://api.fitbit.com")] {
        simulator.settings(|settings| settings.links_origin = origin.map(str::to_owned));
        for (list, name) in [(ACTIVITIES, "activities"), (NIGHTS, "sleep")] {
            let (whole, _) =
                read_to_the_end(&client, client.get(&format!("{list}&limit=100")).unwrap(), name);
            let ids: HashSet<_> = whole.iter().map(|entry| entry["logId"].to_string()).collect();
            assert!(ids.len() == whole.len() && ids.len() > 50, "{name}");
            for limit in [3, 20] {
                let first = client.get(&format!("{list}&limit={limit}")).unwrap();
                let (all, pages) = read_to_the_end(&client, first, name);
                assert!(all == whole, "{name} {limit}");
                assert_eq!(pages, whole.len().div_ceil(limit), "{name} {limit}");
            }
        }
    }
}

/// The simulator refuses a token whose other parameters are not those that it was given for.
#[test]
fn googles_lists_are_read_to_their_end_with_every_point_once() {
    let simulator = provider();
    let client = GOOGLE.client(&simulator);
    let days = "interval.start_time >= \"2026-01-05T00:00:00Z\" AND \
                steps.interval.start_time < \"2026-01-08T00:00:00Z\"";
    for list in ["dataPoints", "dataPoints:reconcile"] {
        let path = format!("/v4/users/me/dataTypes/steps/{list}?filter=steps.{days}");
        let whole = client.get(&path).unwrap();
        let (whole, pages) = read_to_the_end(&client, whole, "dataPoints");
        assert!(pages == 1 && whole.len() > 20, "{pages} {}", whole.len());
        for size in [1, 7, whole.len() - 1, whole.len()] {
            let first = client.get(&format!("{path}&pageSize={size}")).unwrap();
            let (all, pages) = read_to_the_end(&client, first, "dataPoints");
            assert_eq!((all == whole, pages), (true, whole.len().div_ceil(size)), "{list} {size}");
        }
    }
    let roll_up = |size: usize| {
        let range = r#"{"startTime":"2026-01-05T00:00:00Z","endTime":"2026-01-08T00:00:00Z"}"#;
        let body = format!(r#"{{"windowSize":"3600s", "range":{range}, "pageSize":{size}}}"#);
        let path = "/v4/users/me/dataTypes/steps/dataPoints:rollUp";
        let first = client.request("POST", path, Some("application/json"), Some(body.as_bytes()));
        read_to_the_end(&client, first.unwrap(), "rollupDataPoints")
    };
    let (whole, pages) = roll_up(100);
    assert!(pages == 1 && whole.len() > 20, "{pages} {}", whole.len());
    for size in [1, 7, 71, 72] {
        let (all, pages) = roll_up(size);
        assert_eq!((all == whole, pages), (true, 72usize.div_ceil(size)), "{size}");
    }
}

#[test]
fn a_page_that_is_not_json_is_refused() {
    for of in BOTH {
        let simulator = provider();
        let client = of.client(&simulator);
        for body in [&b"<html></html>"[..], b"", b"{\"pagination\":", b"{} {}", b"\xff", b"\0"] {
            let head = format!(
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            let answer = FaultKind::Raw([head.as_bytes(), body].concat());
            simulator.fault(Fault::once(Target::Api, answer));
            let page = client.get(of.path).unwrap();
            assert_refused(&simulator, client.next_page(&page), &format!("{body:?}"));
        }
    }
}

/// What the providers' pages have in common, below.
fn with_next(of: &Provider, simulator: &Simulator) -> Value {
    if of.client_id == GOOGLE.client_id {
        json!({"dataPoints": [], "nextPageToken": "second"})
    } else {
        linking(format!("{}/1/user/-/next.json", simulator.uri()))
    }
}

#[test]
fn a_page_stays_the_callers_and_can_be_used_from_many_threads() {
    for of in BOTH {
        let simulator = provider();
        let client = of.client(&simulator);
        let page = page(&simulator, &client, of.path, with_next(&of, &simulator));
        simulator.fault(Fault::always(Target::Any, FaultKind::Json(200, json!({}))));
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| client.next_page(&page).unwrap().unwrap())).collect();
            for thread in threads {
                assert_eq!(thread.join().unwrap().text(), "{}");
            }
        });
        drop(client);
        assert_eq!(page.status, 200);
        assert!(page.header("content-type").is_some());
    }
}

#[test]
fn a_page_of_one_client_is_followed_as_the_person_of_another() {
    for of in BOTH {
        let simulator = provider();
        let app = of.app(&simulator);
        let new = || app.from_token(&of.token(&simulator, 3600), &Saver::new()).unwrap();
        let (first, second) = (new(), new());
        let page = page(&simulator, &first, of.path, with_next(&of, &simulator));
        drop(first);
        script(&simulator, [json!({})]);
        second.next_page(&page).unwrap().unwrap();
        let bearer = format!("Bearer {}", second.token_field("access_token").unwrap());
        assert_eq!(last_request(&simulator).header("authorization"), Some(&*bearer));
    }
}

#[test]
fn a_page_from_another_server_leads_no_token_there() {
    for of in BOTH {
        let (simulator, evil) = (provider(), provider());
        let client = of.client(&simulator);
        let elsewhere = of.client(&evil);
        let page = page(&evil, &elsewhere, of.path, with_next(&of, &evil));
        let before = evil.requests(Target::Any);
        script(&simulator, [json!({})]);
        let _ = client.next_page(&page);
        assert_eq!(evil.requests(Target::Any), before);
    }
}

#[test]
fn a_token_that_expires_between_two_pages_is_renewed() {
    let simulator = provider();
    let saver = Saver::new();
    let client = FITBIT.client_with(&simulator, 3600, &saver);
    let page = client.get(&format!("{ACTIVITIES}&limit=5")).unwrap();
    simulator.expire_access_tokens();
    let next = client.next_page(&page).unwrap().unwrap();
    assert_eq!(entries(&next, "activities").len(), 5);
    assert_ne!(entries(&next, "activities"), entries(&page, "activities"));
    assert_eq!((simulator.requests(Target::Refresh), saver.offered().len()), (1, 1));
}

#[test]
fn what_goes_wrong_with_the_next_request_is_its_own_error_and_the_page_can_be_used_again() {
    for of in BOTH {
        let simulator = provider();
        let client = of.client(&simulator);
        let page = page(&simulator, &client, of.path, with_next(&of, &simulator));
        simulator.fault(Fault::once(Target::Any, FaultKind::Status503));
        let error = client.next_page(&page).unwrap_err();
        assert_eq!((error.code, error.http_status), (code::HTTP, 503));
        script(&simulator, [json!({})]);
        assert!(client.next_page(&page).unwrap().is_some());
    }
}

#[test]
fn the_result_is_cleared_on_failure_and_null_is_refused() {
    let simulator = provider();
    let client = FITBIT.client(&simulator);
    let page = page(&simulator, &client, FITBIT.path, linking("nowhere"));
    let next_page = fitbit_test_support::interface().next_page;
    let somewhere = std::ptr::dangling_mut();
    for (client, page, expected) in [
        (client.handle, page.handle, code::PROTOCOL),
        (client.handle, std::ptr::null_mut(), code::INVALID_ARGUMENT),
        (std::ptr::null_mut(), page.handle, code::INVALID_ARGUMENT),
    ] {
        let mut next = somewhere;
        let error = Error::check(unsafe { next_page(client, page, &mut next) }).unwrap_err();
        assert_eq!((error.code, next.is_null()), (expected, true), "{error:?}");
    }
    let nowhere = unsafe { next_page(client.handle, page.handle, std::ptr::null_mut()) };
    assert_eq!(Error::check(nowhere).unwrap_err().code, code::INVALID_ARGUMENT);
}
