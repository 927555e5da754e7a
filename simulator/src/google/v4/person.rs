//! The person: identity, profile, settings and devices.

use super::admission::Caller;
use super::paging::Question;
use crate::answer::Answer;
use crate::google::errors;
use crate::provider::figures;
use crate::request::Request;
use serde_json::{Value, json};

/// The one place that says who the person is. Any scope of the API will do.
pub(crate) fn identity(caller: &Caller) -> Answer {
    let identity = json!({
        "name": "users/me/identity",
        "legacyUserId": &*caller.user_id,
        "healthUserId": caller.health_user_id,
    });
    Answer::json(200, &identity)
}

pub(crate) fn profile(caller: &Caller) -> Result<Answer, Answer> {
    caller.need_one_of(&["profile.readonly"])?;
    let profile = json!({
        "name": "users/me/profile",
        "age": 36,
        "membershipStartDate": {"year": 2019, "month": 5, "day": 1},
        "userConfiguredWalkingStrideLengthMm": 734,
    });
    Ok(Answer::json(200, &profile))
}

pub(crate) fn settings(caller: &Caller) -> Result<Answer, Answer> {
    caller.need_one_of(&["settings.readonly"])?;
    let settings = json!({
        "name": "users/me/settings",
        "timeZone": "Europe/Berlin",
        "utcOffset": format!("{}s", figures::UTC_OFFSET),
        "distanceUnit": "DISTANCE_UNIT_KILOMETERS",
        "heightUnit": "HEIGHT_UNIT_CENTIMETERS",
        "weightUnit": "WEIGHT_UNIT_KILOGRAMS",
    });
    Ok(Answer::json(200, &settings))
}

fn devices(caller: &Caller) -> [(String, Value); 2] {
    [("tracker", "TRACKER", "Charge 6"), ("scale", "SCALE", "Aria Air")].map(
        |(purpose, kind, version)| {
            // Ids use the whole of 64 bits, which a reader that goes through a double would round.
            let id = (figures::number(&caller.user_id, purpose, 0) | 1 << 63).to_string();
            let device = json!({
                "name": format!("users/me/pairedDevices/{id}"),
                "deviceType": kind,
                "deviceVersion": version,
                "batteryStatus": "HIGH",
                "batteryLevel": 80,
                "lastSyncTime": "2026-01-15T07:30:00Z",
            });
            (id, device)
        },
    )
}

pub(crate) fn paired_devices(caller: &Caller, request: &Request) -> Result<Answer, Answer> {
    caller.need_one_of(&["settings.readonly"])?;
    let query = request.query();
    let (size, token) = (query.get("pageSize"), query.get("pageToken"));
    let asked = format!("{}?pageSize={}", request.path(), size.unwrap_or(""));
    let question = Question::new(caller, &asked, size, (5, 100), token)?;
    let first = usize::try_from(question.from.unwrap_or(0)).unwrap_or(0);
    let size = usize::try_from(question.size).unwrap_or(usize::MAX);
    let all = devices(caller);
    let page: Vec<&Value> = all.iter().skip(first).take(size).map(|(_, device)| device).collect();
    let next = first + page.len();
    let mut answer = json!({"pairedDevices": page});
    if next < all.len() {
        answer["nextPageToken"] = question.token(i64::try_from(next).unwrap_or(0)).into();
    }
    Ok(Answer::json(200, &answer))
}

pub(crate) fn paired_device(caller: &Caller, id: &str) -> Result<Answer, Answer> {
    caller.need_one_of(&["settings.readonly"])?;
    let device = devices(caller).into_iter().find(|(known, _)| known == id);
    let (_, device) = device.ok_or_else(errors::not_found)?;
    Ok(Answer::json(200, &device))
}
