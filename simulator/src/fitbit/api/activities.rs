//! Activity: the summary of a day, series over days, heart rate by the minute, and files.

use super::admission::Caller;
use crate::answer::Answer;
use crate::calendar::Date;
use crate::fitbit::errors;
use crate::provider::figures;
use serde_json::{Value, json};

const LONGEST_SERIES: i64 = 1095;
const RESOURCES: [&str; 12] = [
    "activityCalories",
    "calories",
    "caloriesBMR",
    "distance",
    "elevation",
    "floors",
    "minutesSedentary",
    "minutesLightlyActive",
    "minutesFairlyActive",
    "minutesVeryActive",
    "steps",
    "swimming-strokes",
];

pub(crate) fn of_day(caller: &Caller, day: Date) -> Answer {
    let steps = figures::steps(&caller.user_id, day);
    let distance = caller.units.distance(kilometres(steps));
    let summary = json!({
        "activities": [],
        "goals": {"activeMinutes": 30, "caloriesOut": 2_500, "distance": 8.05, "steps": 10_000},
        "summary": {
            "activeScore": -1,
            "activityCalories": steps / 12,
            "caloriesBMR": 1_600,
            "caloriesOut": 1_600 + steps / 12,
            "distances": [{"activity": "total", "distance": distance}],
            "fairlyActiveMinutes": 14,
            "lightlyActiveMinutes": 180,
            "marginalCalories": steps / 20,
            "restingHeartRate": 58,
            "sedentaryMinutes": 720,
            "steps": steps,
            "veryActiveMinutes": 21,
        },
    });
    Answer::json(200, &summary)
}

fn kilometres(steps: u64) -> f64 {
    // No day has more steps than 32 bits hold.
    f64::from(u32::try_from(steps).unwrap_or(u32::MAX)) * 0.000_734
}

/// A series of days up to a date, or ending with `from` and as long as a period says.
pub(crate) fn series(
    caller: &Caller,
    resource: &str,
    from: Date,
    until: &str,
    today: Date,
) -> Result<Answer, Answer> {
    if !RESOURCES.contains(&resource) {
        return Err(errors::not_found());
    }
    let (first, last) = match (period(until), Date::parse(until, today)) {
        (Some(days), _) => (from.plus_days(1 - days), from),
        (None, Some(last)) => (from, last),
        (None, None) => return Err(errors::validation("date", "Invalid date or period")),
    };
    let days = last.days() - first.days() + 1;
    if !(1..=LONGEST_SERIES).contains(&days) {
        let message = format!("The range is longer than {LONGEST_SERIES} days or backwards");
        return Err(errors::validation("date", &message));
    }
    let points = (0..days).map(|offset| {
        let day = first.plus_days(offset);
        let value = match resource {
            "steps" => figures::steps(&caller.user_id, day).to_string(),
            "distance" => {
                caller.units.distance(kilometres(figures::steps(&caller.user_id, day))).to_string()
            }
            _ => (caller.number(resource, offset) % 1_000).to_string(),
        };
        // The provider has these numbers as strings.
        json!({"dateTime": day.to_string(), "value": value})
    });
    let name = format!("activities-{resource}");
    Ok(Answer::json(200, &json!({name: points.collect::<Vec<Value>>()})))
}

fn period(text: &str) -> Option<i64> {
    Some(match text {
        "1d" => 1,
        "7d" | "1w" => 7,
        "30d" | "1m" => 30,
        "3m" => 90,
        "6m" => 180,
        "1y" => 365,
        "max" => LONGEST_SERIES,
        _ => return None,
    })
}

pub(crate) fn heart_rate(caller: &Caller, day: Date, detail: &str) -> Result<Answer, Answer> {
    let (step, interval, unit) = match detail {
        "1sec" => (1, 1, "second"),
        "1min" => (60, 1, "minute"),
        "5min" => (300, 5, "minute"),
        "15min" => (900, 15, "minute"),
        _ => return Err(errors::validation("detail-level", "Invalid detail level")),
    };
    let resting = figures::resting_heart_rate(&caller.user_id);
    let point = |second: u64| {
        let time = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
        json!({"time": time, "value": figures::heart_rate(&caller.user_id, second / 60)})
    };
    let points: Vec<Value> = (0..86_400).step_by(step).map(point).collect();
    let zone = json!({"caloriesOut": 1_400.5, "max": 98, "min": 30, "minutes": 1_260,
        "name": "Out of Range"});
    let value = json!({"customHeartRateZones": [], "heartRateZones": [zone],
        "restingHeartRate": resting});
    let answer = json!({
        "activities-heart": [{"dateTime": day.to_string(), "value": value}],
        "activities-heart-intraday": {
            "dataset": points,
            "datasetInterval": interval,
            "datasetType": unit,
        },
    });
    Ok(Answer::json(200, &answer))
}

/// A recorded activity as a file: the one resource that is not JSON.
pub(crate) fn tcx(id: &str) -> Result<Answer, Answer> {
    if id.parse::<u64>().is_err() {
        return Err(errors::not_found());
    }
    Ok(Answer::new(200, "application/vnd.garmin.tcx+xml", figures::training_file(id).into_bytes()))
}
