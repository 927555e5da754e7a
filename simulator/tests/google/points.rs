//! Google's API: the person, points and pages of them, filters, and who may see what.

use crate::calls::{Api, fitbit, fitbit_steps, length, reason};
use fitbit_simulator::{RateLimit, Reply, Simulator};
use serde_json::{Value, json};
use std::collections::BTreeMap;

type Outcome = Result<(), Box<dyn std::error::Error>>;

const SCOPES: [&str; 5] = [
    "activity_and_fitness.readonly",
    "health_metrics_and_measurements.readonly",
    "profile.readonly",
    "settings.readonly",
    "sleep.readonly",
];
const STEPS: &str = "/v4/users/me/dataTypes/steps/dataPoints";
const SLEEP: &str = "/v4/users/me/dataTypes/sleep/dataPoints";

/// A filter, encoded.
fn filter(text: &str) -> String {
    let encoded: String = text.bytes().map(|b| format!("%{b:02X}")).collect();
    format!("filter={encoded}")
}

/// Every page from the first to the last, each with its points.
fn pages(api: &Api, list: &str) -> std::io::Result<Vec<Vec<Value>>> {
    let separator = if list.contains('?') { '&' } else { '?' };
    let (mut pages, mut target) = (Vec::new(), list.to_owned());
    loop {
        let mut page = api.get(&target)?.json();
        if let Value::Array(points) = page["dataPoints"].take() {
            pages.push(points);
        }
        match page["nextPageToken"].as_str() {
            Some(token) => target = format!("{list}{separator}pageToken={token}"),
            None => return Ok(pages),
        }
    }
}

#[test]
fn the_person_has_an_identity_a_profile_settings_and_devices() -> Outcome {
    let simulator = Simulator::start()?;
    let api = Api::with(&simulator, &SCOPES)?;
    let identity = api.get("/v4/users/me/identity")?.json();
    assert_eq!(identity["legacyUserId"], "26FWFL");
    let id = identity["healthUserId"].as_str().unwrap_or("");
    assert_eq!(id, simulator.health_user_id("26FWFL"));
    for name in ["identity", "profile", "settings"] {
        let named = api.get(&format!("/v4/users/{id}/{name}"))?;
        assert_eq!(
            (named.status, named.body),
            (200, api.get(&format!("/v4/users/me/{name}"))?.body)
        );
    }
    let devices = api.get("/v4/users/me/pairedDevices?pageSize=1")?.json();
    let token = devices["nextPageToken"].as_str().unwrap_or("");
    let rest = api.get(&format!("/v4/users/me/pairedDevices?pageSize=1&pageToken={token}"))?.json();
    assert_eq!((length(&devices["pairedDevices"]), length(&rest["pairedDevices"])), (1, 1));
    assert!(rest["nextPageToken"].is_null());
    let name = rest["pairedDevices"][0]["name"].as_str().unwrap_or("");
    assert_eq!(api.get(&format!("/v4/{name}"))?.json(), rest["pairedDevices"][0]);
    Ok(())
}

#[test]
fn points_have_googles_shapes() -> Outcome {
    let simulator = Simulator::start()?;
    let api = Api::with(&simulator, &SCOPES)?;
    let step = api.get(&format!("{STEPS}?pageSize=1"))?.json()["dataPoints"][0].clone();
    assert!(step["steps"]["count"].is_string(), "64 bits are a string: {step}");
    let start = step["steps"]["interval"]["startTime"].as_str().unwrap_or("");
    assert!(start.ends_with("Z"), "{step}");
    assert_eq!(step["steps"]["interval"]["startUtcOffset"], "3600s");
    let name = step["name"].as_str().unwrap_or("");
    assert_eq!(api.get(&format!("/v4/{name}"))?.json(), step);

    let reconciled = api.get(&format!("{STEPS}:reconcile?pageSize=1"))?.json();
    assert_eq!(reconciled["dataPoints"][0]["dataPointName"], name);
    let beats = api.get("/v4/users/me/dataTypes/heart-rate/dataPoints?pageSize=1")?.json();
    assert!(beats["dataPoints"][0]["heartRate"]["beatsPerMinute"].is_string(), "{beats}");
    let run = api.get("/v4/users/me/dataTypes/exercise/dataPoints?pageSize=1")?.json();
    assert_eq!(run["dataPoints"][0]["exercise"]["activeDuration"], "1800s");
    let none = api.get("/v4/users/me/dataTypes/floors/dataPoints:reconcile")?;
    assert_eq!((none.status, none.json()), (200, json!({})), "what is empty is left out");
    Ok(())
}

#[test]
fn a_filtered_list_has_a_year_page_by_page_the_latest_first_and_fitbits_steps() -> Outcome {
    let simulator = Simulator::start()?;
    let api = Api::with(&simulator, &SCOPES)?;
    let year = filter(
        "steps.interval.civil_start_time >= \"2025-01-01\" AND \
         steps.interval.civil_start_time < \"2026-01-01\"",
    );
    let pages = pages(&api, &format!("{STEPS}?{year}"))?;
    let (last, full) = pages.split_last().ok_or("no page")?;
    assert!(full.len() > 2 && full.iter().all(|page| page.len() == 1_440));
    assert!((1..=1_440).contains(&last.len()));
    let starts: Vec<&str> = pages
        .iter()
        .flatten()
        .filter_map(|point| point["steps"]["interval"]["startTime"].as_str())
        .collect();
    assert!(starts.windows(2).all(|pair| pair[0] > pair[1]), "the latest first, and none twice");

    let mut days: BTreeMap<String, u64> = BTreeMap::new();
    for point in pages.iter().flatten() {
        let date = &point["steps"]["interval"]["civilStartTime"]["date"];
        let number = |name: &str| date[name].as_u64().unwrap_or(0);
        let day = format!("{:04}-{:02}-{:02}", number("year"), number("month"), number("day"));
        let count = point["steps"]["count"].as_str().and_then(|count| count.parse().ok());
        *days.entry(day).or_default() += count.unwrap_or(0_u64);
    }
    assert_eq!(days.len(), 365);
    assert_eq!(days, fitbit_steps(&simulator, "2025-01-01", "2025-12-31")?);
    Ok(())
}

#[test]
fn nights_come_25_to_a_page_by_their_ends_and_are_fitbits() -> Outcome {
    let simulator = Simulator::start()?;
    let api = Api::with(&simulator, &SCOPES)?;
    let month = filter(
        "sleep.interval.end_time >= \"2025-12-31T23:00:00Z\" AND \
         sleep.interval.end_time < \"2026-01-31T23:00:00Z\"",
    );
    let pages = pages(&api, &format!("{SLEEP}?pageSize=10000&{month}"))?;
    let sizes: Vec<usize> = pages.iter().map(Vec::len).collect();
    assert_eq!(sizes, [25, 6]);
    let other = fitbit(&simulator, "/1.2/user/-/sleep/date/2026-01-31.json")?;
    let (night, other) = (&pages[0][0]["sleep"], &other["sleep"][0]);
    let minutes = night["summary"]["minutesAsleep"].as_str().and_then(|m| m.parse::<u64>().ok());
    assert_eq!(minutes, other["minutesAsleep"].as_u64());
    let end = &night["interval"]["civilEndTime"];
    let expected = json!({"date": {"year": 2026, "month": 1, "day": 31}, "time": {"hours": 7}});
    assert_eq!((end, &other["endTime"]), (&expected, &json!("2026-01-31T07:00:00.000")));
    Ok(())
}

#[test]
fn a_page_token_is_good_for_the_same_question_only() -> Outcome {
    let simulator = Simulator::start()?;
    let api = Api::with(&simulator, &SCOPES)?;
    let filtered = filter("steps.interval.start_time >= \"2025-01-01T00:00:00Z\"");
    let first = api.get(&format!("{STEPS}?pageSize=10&{filtered}"))?.json();
    let token = first["nextPageToken"].as_str().unwrap_or("");
    let good = api.get(&format!("{STEPS}?{filtered}&pageToken={token}&pageSize=10"))?;
    assert_eq!(good.status, 200);
    let wrong = [
        format!("{STEPS}?pageSize=11&{filtered}&pageToken={token}"),
        format!("{STEPS}?pageSize=10&pageToken={token}"),
        format!("{STEPS}:reconcile?pageSize=10&{filtered}&pageToken={token}"),
        format!("{STEPS}?pageSize=10&{filtered}&pageToken=garbage"),
    ];
    for target in wrong {
        assert_eq!(reason(&api.get(&target)?), (400, "INVALID_REQUEST_PARAMETER".to_owned()));
    }
    let other = Api::of(&simulator, "OTHER1", &SCOPES)?;
    let target = format!("{STEPS}?pageSize=10&{filtered}&pageToken={token}");
    assert_eq!(other.get(&target)?.status, 400, "another person's");
    Ok(())
}

#[test]
fn wrong_requests_are_refused_with_their_reason() -> Outcome {
    let simulator = Simulator::start()?;
    let api = Api::with(&simulator, &SCOPES)?;
    let filters = [
        "steps.interval.start_time >= 2025",
        "steps.interval.start_time > \"2025-01-01T00:00:00Z\"",
        "steps.interval.start_time <= \"2025-01-01T00:00:00Z\"",
        "steps.interval.start_time >= \"2025-01-01\"",
        "steps.count >= \"1\"",
        "sleep.interval.end_time >= \"2025-01-01T00:00:00Z\"",
        "steps.interval.civil_start_time >= \"2025-02-30\"",
        "nonsense",
    ];
    for text in filters {
        let reply = api.get(&format!("{STEPS}?{}", filter(text)))?;
        assert_eq!(reason(&reply), (400, "INVALID_DATA_POINT_FILTER".to_owned()), "{text}");
    }
    let cases = [
        ("/v4/users/me/nothing", 404, "NOT_FOUND"),
        ("/v4/users/me/dataTypes/steps/dataPoints/1", 404, "NOT_FOUND"),
        ("/v4/users/12345/identity", 403, "PERMISSION_DENIED"),
        ("/v4/users/me/dataTypes/luck/dataPoints", 400, "INVALID_PARENT_DATA_TYPE_COLLECTION"),
        ("/v4/users/me/dataTypes/total-calories/dataPoints", 400, "UNSUPPORTED_DATA_TYPE"),
        ("/v4/users/me/dataTypes/steps/dataPoints?pageSize=-1", 400, "INVALID_REQUEST_PARAMETER"),
    ];
    for (path, status, expected) in cases {
        assert_eq!(reason(&api.get(path)?), (status, expected.to_owned()), "{path}");
    }
    Ok(())
}

#[test]
fn a_missing_scope_or_token_is_refused_in_googles_words() -> Outcome {
    let simulator = Simulator::start()?;
    let narrow = Api::with(&simulator, &["sleep.readonly"])?;
    for path in ["/v4/users/me/profile", "/v4/users/me/pairedDevices", STEPS] {
        let refused = narrow.get(path)?;
        assert_eq!(reason(&refused), (403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT".to_owned()), "{path}");
        assert_eq!(refused.json()["error"]["status"], "PERMISSION_DENIED");
    }
    assert_eq!(narrow.get("/v4/users/me/identity")?.status, 200, "any scope will do");
    assert_eq!(narrow.get(SLEEP)?.status, 200);

    let unauthenticated = |reply: &Reply| {
        let json = reply.json();
        assert_eq!((reply.status, &json["error"]["status"]), (401, &json!("UNAUTHENTICATED")));
        assert_eq!(json["error"]["code"], 401);
        assert_eq!(
            json["error"]["details"][0]["@type"],
            "type.googleapis.com/google.rpc.ErrorInfo"
        );
    };
    simulator.expire_access_tokens();
    unauthenticated(&narrow.get(SLEEP)?);
    let client = simulator.client()?;
    unauthenticated(&client.get(SLEEP, &[])?);
    unauthenticated(&client.get(SLEEP, &[("Authorization", "Bearer ya29.garbage")])?);
    Ok(())
}

#[test]
fn the_minute_ends_in_429_without_quota_headers() -> Outcome {
    let simulator = Simulator::start()?;
    simulator.settings(|settings| {
        settings.rate_limit = RateLimit { limit: 2, ..RateLimit::default() };
    });
    let api = Api::with(&simulator, &SCOPES)?;
    for _ in 0..2 {
        let reply = api.get("/v4/users/me/identity")?;
        assert_eq!(reply.status, 200);
        assert!(reply.headers.iter().all(|(name, _)| !name.to_lowercase().contains("limit")));
    }
    let over = api.get("/v4/users/me/identity")?;
    assert_eq!(over.json()["error"]["status"], "RESOURCE_EXHAUSTED");
    assert_eq!(over.status, 429);
    let wait: u64 = over.header("retry-after").unwrap_or("").parse()?;
    assert!((1..=60).contains(&wait), "{wait}: by the minute");
    Ok(())
}
