//! The Web API's resources: their shapes, who may see them, and the limits.

use fitbit_simulator::{Client, DEMO_CLIENT_ID, DEMO_PERSONAL_ID, RateLimit, Reply, Simulator};
use serde_json::{Value, json};
use std::error::Error;

type Outcome = Result<(), Box<dyn Error>>;

const SCOPES: [&str; 7] =
    ["activity", "heartrate", "location", "nutrition", "profile", "settings", "sleep"];

/// A person's way to the API.
struct Api {
    client: Client,
    bearer: String,
}

impl Api {
    fn with(simulator: &Simulator, client_id: &str, scopes: &[&str]) -> std::io::Result<Self> {
        let token = simulator.issue_token(client_id, "26FWFL", scopes);
        let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap_or(""));
        Ok(Self { client: simulator.client()?, bearer })
    }

    fn all(simulator: &Simulator) -> std::io::Result<Self> {
        Self::with(simulator, DEMO_CLIENT_ID, &SCOPES)
    }

    fn get(&self, target: &str) -> std::io::Result<Reply> {
        self.client.get(target, &[("Authorization", &self.bearer)])
    }
}

fn error_type(reply: &Reply) -> (u16, String) {
    let json = reply.json();
    (reply.status, json["errors"][0]["errorType"].as_str().unwrap_or("").to_owned())
}

fn length(value: &Value) -> usize {
    value.as_array().map_or(0, Vec::len)
}

#[test]
fn resources_have_the_providers_shapes() -> Outcome {
    let simulator = Simulator::start()?;
    let api = Api::all(&simulator)?;
    let day = api.get("/1/user/-/activities/date/2026-01-15.json")?.json();
    assert!(day["summary"]["steps"].as_u64() > Some(0));
    let heart = api.get("/1/user/-/activities/heart/date/2026-01-15/1d/1min.json")?.json();
    assert_eq!(length(&heart["activities-heart-intraday"]["dataset"]), 1440);
    let night = api.get("/1.2/user/26FWFL/sleep/date/today.json")?.json();
    assert_eq!(night["sleep"][0]["isMainSleep"], true);
    assert_eq!(length(&api.get("/1/user/-/devices.json")?.json()), 2, "a top-level array");
    let steps = api.get("/1/user/-/activities/steps/date/2024-02-28/2024-03-01.json")?.json();
    assert_eq!(length(&steps["activities-steps"]), 3, "2024 is a leap year");
    assert!(steps["activities-steps"][0]["value"].is_string());
    let week = api.get("/1/user/-/activities/steps/date/2024-03-01/1w.json")?.json();
    assert_eq!(week["activities-steps"][6]["dateTime"], "2024-03-01");
    let file = api.get("/1/user/-/activities/123.tcx?includePartialTCX=true")?;
    assert!(file.text().starts_with("<?xml"));
    assert_eq!(file.header("content-type"), Some("application/vnd.garmin.tcx+xml"));
    for size in [1, 5, 12, 13, 2048, 100_000] {
        let reply = api.get(&format!("/1/user/-/bytes/{size}.json"))?;
        assert_eq!(reply.body.len(), size);
        assert!(!reply.json().is_null(), "{size} bytes of JSON");
    }
    Ok(())
}

#[test]
fn accept_language_chooses_the_units() -> Outcome {
    let simulator = Simulator::start()?;
    let api = Api::all(&simulator)?;
    let units = |language: &str| -> std::io::Result<Value> {
        let headers = [("Authorization", api.bearer.as_str()), ("accept-language", language)];
        let profile = api.client.get("/1/user/-/profile.json", &headers)?.json();
        Ok(json!([profile["user"]["distanceUnit"], profile["user"]["weight"]]))
    };
    assert_eq!(units("en_US")?, json!(["en_US", 154.3]));
    assert_eq!(units("en_GB")?, json!(["en_GB", 11.0]));
    assert_eq!(units("de_DE")?, json!(["METRIC", 70.0]));
    Ok(())
}

#[test]
fn requests_are_refused_in_the_providers_words() -> Outcome {
    let simulator = Simulator::start()?;
    let api = Api::all(&simulator)?;
    let cases = [
        ("/1/user/-/nothing.json", 404, "not_found"),
        ("/1/user/-/profile", 404, "not_found"),
        ("/1.2/user/-/profile.json", 404, "not_found"),
        ("/1/user/OTHER/profile.json", 403, "insufficient_permissions"),
        ("/1/user/-/activities/date/2026-02-30.json", 400, "validation"),
        ("/1/user/-/activities/steps/date/2020-01-01/2023-01-01.json", 400, "validation"),
        ("/1/user/-/activities/steps/date/2023-01-01/2020-01-01.json", 400, "validation"),
        ("/1/user/-/activities/heart/date/today/1d/2min.json", 400, "validation"),
    ];
    for (path, status, expected) in cases {
        assert_eq!(error_type(&api.get(path)?), (status, expected.to_owned()), "{path}");
    }
    for method in ["PUT", "PATCH"] {
        let headers = [("Authorization", api.bearer.as_str())];
        assert_eq!(api.client.send(method, "/1/user/-/profile.json", &headers, b"")?.status, 405);
    }
    let no_token = [None, Some("Bearer "), Some("Bearer garbled"), Some("Basic YTpi")];
    for authorization in no_token {
        let headers: Vec<_> =
            authorization.map(|value| ("Authorization", value)).into_iter().collect();
        let reply = api.client.get("/1/user/-/profile.json", &headers)?;
        assert_eq!(error_type(&reply), (401, "invalid_token".to_owned()));
        assert!(reply.header("fitbit-rate-limit-limit").is_some());
    }
    let narrow = Api::with(&simulator, DEMO_CLIENT_ID, &["activity"])?;
    for path in ["/1/user/-/profile.json", "/1/user/-/activities/1.tcx"] {
        assert_eq!(error_type(&narrow.get(path)?), (403, "insufficient_scope".to_owned()));
    }
    Ok(())
}

#[test]
fn intraday_data_may_be_kept_for_personal_applications() -> Outcome {
    let simulator = Simulator::start()?;
    simulator.settings(|settings| settings.intraday = false);
    let path = "/1/user/-/activities/heart/date/today/1d/15min.json";
    let client = Api::all(&simulator)?.get(path)?;
    assert_eq!(error_type(&client), (403, "insufficient_permissions".to_owned()));
    assert_eq!(Api::with(&simulator, DEMO_PERSONAL_ID, &SCOPES)?.get(path)?.status, 200);
    Ok(())
}

#[test]
fn food_can_be_logged_read_back_and_deleted() -> Outcome {
    let simulator = Simulator::start()?;
    let api = Api::all(&simulator)?;
    let bearer = [("Authorization", api.bearer.as_str())];
    let fields = [
        ("foodName", "Caf\u{e9} & cake"),
        ("calories", "320"),
        ("mealTypeId", "3"),
        ("unitId", "304"),
        ("amount", "1.5"),
        ("date", "2026-01-15"),
    ];
    let logged = api.client.post_form("/1/user/-/foods/log.json", &bearer, &fields)?;
    assert_eq!(logged.status, 201);
    assert_eq!(logged.json()["foodLog"]["loggedFood"]["name"], "Caf\u{e9} & cake");
    let query =
        "/1/user/-/foods/log.json?foodId=1&mealTypeId=7&unitId=304&amount=2&date=2026-01-15";
    assert_eq!(api.client.send("POST", query, &bearer, b"")?.status, 201);
    let missing = api.client.post_form("/1/user/-/foods/log.json", &bearer, &fields[..4])?;
    assert_eq!(error_type(&missing), (400, "validation".to_owned()));
    assert_eq!(missing.json()["errors"][0]["fieldName"], "amount");

    let day = "/1/user/-/foods/log/date/2026-01-15.json";
    assert_eq!(api.get(day)?.json()["summary"]["calories"], 415);
    let path = format!("/1/user/-/foods/log/{}.json", logged.json()["foodLog"]["logId"]);
    let deleted = api.client.send("DELETE", &path, &bearer, b"")?;
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    assert_eq!(deleted.header("content-length"), None);
    assert_eq!(api.client.send("DELETE", &path, &bearer, b"")?.status, 404);
    assert_eq!(length(&api.get(day)?.json()["foods"]), 1);
    Ok(())
}

#[test]
fn a_meal_is_json_and_nothing_else() -> Outcome {
    let simulator = Simulator::start()?;
    let api = Api::all(&simulator)?;
    let post = |content_type, body: &str| {
        let headers = [("Authorization", api.bearer.as_str()), ("Content-Type", content_type)];
        api.client.send("POST", "/1/user/-/meals.json", &headers, body.as_bytes())
    };
    let meal = json!({"name": "Breakfast", "mealFoods": [{"foodId": 1}]}).to_string();
    let created = post("application/json", &meal)?;
    assert_eq!((created.status, &created.json()["meal"]["name"]), (201, &json!("Breakfast")));
    assert_eq!(post("application/x-www-form-urlencoded", &meal)?.status, 400);
    assert_eq!(post("application/json", "{")?.status, 400);
    Ok(())
}

#[test]
fn lists_are_followed_by_absolute_links_to_the_end() -> Outcome {
    let simulator = Simulator::start()?;
    let api = Api::all(&simulator)?;
    let firsts = [
        ("activities", "/1/user/-/activities/list.json?afterDate={DAY}&sort=asc"),
        ("sleep", "/1.2/user/-/sleep/list.json?beforeDate=2024-01-26&sort=desc"),
    ];
    let steps = api.get("/1/user/-/activities/steps/date/today/30d.json")?.json();
    let day = steps["activities-steps"][4]["dateTime"].as_str().unwrap_or("").to_owned();
    for (name, first) in firsts {
        let first = first.replace("{DAY}", &day);
        let mut seen: Vec<Value> = Vec::new();
        let mut sizes = Vec::new();
        let mut target = format!("{first}&offset=0&limit=10");
        while !target.is_empty() {
            let page = api.get(&target)?.json();
            sizes.push(length(&page[name]));
            seen.extend(page[name].as_array().into_iter().flatten().map(|e| e["logId"].clone()));
            let next = page["pagination"]["next"].as_str().unwrap_or("").to_owned();
            assert!(next.is_empty() || next.starts_with(simulator.uri()), "{next}");
            target = next.strip_prefix(simulator.uri()).unwrap_or("").to_owned();
        }
        assert_eq!(sizes, [10, 10, 5]);
        seen.sort_by_key(Value::as_u64);
        seen.dedup();
        assert_eq!(seen.len(), 25, "every entry once");
    }
    let wrong = [
        "?afterDate=2026-01-01&sort=asc&offset=0&limit=101",
        "?afterDate=2026-01-01&sort=asc&offset=10&limit=10",
        "?afterDate=2026-01-01&sort=desc&offset=0&limit=10",
        "?afterDate=2026-01-01&beforeDate=2026-02-01&sort=asc&offset=0&limit=10",
        "",
    ];
    for query in wrong {
        let reply = api.get(&format!("/1/user/-/activities/list.json{query}"))?;
        assert_eq!(error_type(&reply), (400, "validation".to_owned()), "{query}");
    }
    Ok(())
}

#[test]
fn links_to_next_pages_may_lead_elsewhere() -> Outcome {
    let simulator = Simulator::start()?;
    let api = Api::all(&simulator)?;
    let list = "/1.2/user/-/sleep/list.json?afterDate=2024-01-01&sort=asc&offset=0&limit=5";
    for origin in ["https://api.fitbit.com", "https://evil.example"] {
        simulator.settings(|settings| settings.links_origin = Some(origin.to_owned()));
        let next = api.get(list)?.json()["pagination"]["next"].clone();
        let expected = "/1.2/user/-/sleep/list.json?afterDate=2024-01-06&sort=asc&offset=0&limit=5";
        assert_eq!(next, format!("{origin}{expected}"));
    }
    Ok(())
}

#[test]
fn the_hour_counts_down_and_ends_in_429() -> Outcome {
    let simulator = Simulator::start()?;
    simulator.settings(|settings| {
        settings.rate_limit = RateLimit { limit: 2, ..RateLimit::DOCUMENTED };
    });
    let api = Api::all(&simulator)?;
    let number = |reply: &Reply, name: &str| -> Option<u64> { reply.header(name)?.parse().ok() };
    for remaining in [1, 0] {
        let reply = api.get("/1/user/-/profile.json")?;
        assert_eq!(number(&reply, "fitbit-rate-limit-limit"), Some(2));
        assert_eq!(number(&reply, "fitbit-rate-limit-remaining"), Some(remaining));
        assert!((1..=3600).contains(&number(&reply, "fitbit-rate-limit-reset").unwrap_or(0)));
    }
    let over = api.get("/1/user/-/profile.json")?;
    assert_eq!(error_type(&over), (429, "system".to_owned()));
    assert_eq!(over.json()["errors"][0]["fieldName"], "n/a");
    assert!(number(&over, "retry-after") >= Some(1));
    let other = Api::with(&simulator, DEMO_PERSONAL_ID, &SCOPES)?;
    assert_eq!(other.get("/1/user/-/profile.json")?.status, 200, "per person and application");
    Ok(())
}
