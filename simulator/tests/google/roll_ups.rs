//! Google's roll-ups, and the requests that write.

use crate::calls::{Api, fitbit_steps, length, reason};
use fitbit_simulator::Simulator;
use serde_json::{Value, json};
use std::collections::BTreeMap;

type Outcome = Result<(), Box<dyn std::error::Error>>;

const SCOPES: [&str; 5] = [
    "activity_and_fitness.readonly",
    "activity_and_fitness.writeonly",
    "health_metrics_and_measurements.readonly",
    "location.readonly",
    "sleep.readonly",
];
const STEPS: &str = "/v4/users/me/dataTypes/steps/dataPoints";

fn days(from: (i64, i64, i64), until: (i64, i64, i64)) -> Value {
    let date = |(year, month, day)| json!({"date": {"year": year, "month": month, "day": day}});
    json!({"range": {"start": date(from), "end": date(until)}})
}

#[test]
fn a_daily_roll_up_has_fitbits_days() -> Outcome {
    let simulator = Simulator::start()?;
    let api = Api::with(&simulator, &SCOPES)?;
    let rolled = api.post(&format!("{STEPS}:dailyRollUp"), &days((2025, 12, 1), (2026, 3, 1)))?;
    let rolled = rolled.json();
    assert_eq!(length(&rolled["rollupDataPoints"]), 90);
    assert!(rolled["nextPageToken"].is_null());
    let day = |point: &Value| {
        let number = |name: &str| point["civilStartTime"]["date"][name].as_i64();
        let date = format!("{:04}-{:02}-{:02}", number("year")?, number("month")?, number("day")?);
        Some((date, point["steps"]["countSum"].as_str()?.parse().ok()?))
    };
    let points = rolled["rollupDataPoints"].as_array().into_iter().flatten();
    let rolled: BTreeMap<String, u64> = points.filter_map(day).collect();
    assert_eq!(rolled, fitbit_steps(&simulator, "2025-12-01", "2026-02-28")?);
    Ok(())
}

#[test]
fn a_roll_up_of_hours_comes_in_pages() -> Outcome {
    let simulator = Simulator::start()?;
    let api = Api::with(&simulator, &SCOPES)?;
    let path = format!("{STEPS}:rollUp");
    // A day of the person's, who is an hour ahead of UTC.
    let mut body = json!({"range": {"startTime": "2026-01-14T23:00:00Z",
        "endTime": "2026-01-15T23:00:00Z"}, "windowSize": "3600s", "pageSize": 10});
    let (mut pages, mut sum) = (0, 0);
    loop {
        let page = api.post(&path, &body)?.json();
        pages += 1;
        let points = page["rollupDataPoints"].as_array();
        sum += points
            .into_iter()
            .flatten()
            .filter_map(|point| point["steps"]["countSum"].as_str()?.parse::<u64>().ok())
            .sum::<u64>();
        match page["nextPageToken"].as_str() {
            Some(token) => body["pageToken"] = token.into(),
            None => break,
        }
    }
    let steps = fitbit_steps(&simulator, "2026-01-15", "2026-01-15")?;
    assert_eq!((pages, Some(&sum)), (3, steps.get("2026-01-15")));
    body["windowSize"] = "1800s".into();
    assert_eq!(api.post(&path, &body)?.status, 400, "a token of another question");
    Ok(())
}

#[test]
fn ranges_have_their_longest() -> Outcome {
    let simulator = Simulator::start()?;
    let api = Api::with(&simulator, &SCOPES)?;
    let roll = |data_type: &str, body: &Value| {
        api.post(&format!("/v4/users/me/dataTypes/{data_type}/dataPoints:dailyRollUp"), body)
    };
    let too_long = (400, "INVALID_ROLLUP_QUERY_DURATION".to_owned());
    assert_eq!(reason(&roll("steps", &days((2025, 12, 1), (2026, 3, 2)))?), too_long);
    for data_type in ["heart-rate", "total-calories"] {
        let fortnight = roll(data_type, &days((2026, 1, 1), (2026, 1, 15)))?;
        assert_eq!(length(&fortnight.json()["rollupDataPoints"]), 14, "{}", fortnight.text());
        assert_eq!(reason(&roll(data_type, &days((2026, 1, 1), (2026, 1, 16)))?), too_long);
    }
    assert_eq!(
        reason(&roll("sleep", &days((2026, 1, 1), (2026, 1, 2)))?).1,
        "UNSUPPORTED_DATA_TYPE"
    );
    for body in [days((2026, 1, 2), (2026, 1, 1)), days((2026, 2, 30), (2026, 3, 1)), json!({})] {
        assert_eq!(reason(&roll("steps", &body)?).1, "INVALID_REQUEST_PARAMETER", "{body}");
    }
    Ok(())
}

#[test]
fn writing_is_answered_with_a_finished_operation() -> Outcome {
    let simulator = Simulator::start()?;
    let api = Api::with(&simulator, &SCOPES)?;
    let point = json!({"exercise": {"exerciseType": "WALKING"}});
    let path = "/v4/users/me/dataTypes/exercise/dataPoints";
    let operation = api.post(path, &point)?.json();
    assert_eq!(operation["done"], true);
    assert_eq!(operation["response"]["exercise"], point["exercise"]);
    assert_eq!(api.post(path, &json!({"steps": {}}))?.status, 400);
    let name = &operation["response"]["name"];
    let delete = |data_type: &str, names: Value| {
        let path = format!("/v4/users/me/dataTypes/{data_type}/dataPoints:batchDelete");
        api.post(&path, &json!({"names": names}))
    };
    for data_type in ["exercise", "-"] {
        assert_eq!(delete(data_type, json!([name]))?.json()["done"], true);
    }
    assert_eq!(delete("steps", json!([name]))?.status, 400);
    assert_eq!(delete("-", json!([]))?.status, 400);
    let denied = api.post("/v4/users/me/dataTypes/sleep/dataPoints", &json!({"sleep": {}}))?;
    assert_eq!(reason(&denied), (403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT".to_owned()));
    Ok(())
}

#[test]
fn an_exercise_is_a_file_or_json_with_a_file() -> Outcome {
    let simulator = Simulator::start()?;
    let api = Api::with(&simulator, &SCOPES)?;
    let list = api.get("/v4/users/me/dataTypes/exercise/dataPoints?pageSize=1")?.json();
    let name = list["dataPoints"][0]["name"].as_str().unwrap_or("");
    let file = api.get(&format!("/v4/{name}:exportExerciseTcx?alt=media"))?;
    assert_eq!(file.header("content-type"), Some("application/vnd.garmin.tcx+xml"));
    assert!(file.text().starts_with("<?xml"));
    let inside = api.get(&format!("/v4/{name}:exportExerciseTcx"))?.json();
    assert_eq!(inside["tcxData"], file.text());
    let narrow = Api::with(&simulator, &["activity_and_fitness.readonly"])?;
    assert_eq!(narrow.get(&format!("/v4/{name}:exportExerciseTcx?alt=media"))?.status, 403);
    Ok(())
}
