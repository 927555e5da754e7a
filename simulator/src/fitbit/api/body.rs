//! The person: profile and devices.

use super::admission::{Caller, Units};
use crate::answer::Answer;
use serde_json::json;

pub(crate) fn profile(caller: &Caller) -> Answer {
    let (unit, height, weight) = match caller.units {
        Units::Us => ("en_US", 69.7, 154.3),
        Units::Uk => ("en_GB", 177.0, 11.0),
        Units::Metric => ("METRIC", 177.0, 70.0),
    };
    let name = format!("Person {}", caller.user_id);
    let profile = json!({"user": {
        "age": 36,
        "dateOfBirth": "1990-03-14",
        "displayName": name,
        "distanceUnit": unit,
        "encodedId": &*caller.user_id,
        "fullName": name,
        "height": height,
        "heightUnit": unit,
        "locale": "en_US",
        "memberSince": "2019-05-01",
        "offsetFromUTCMillis": 3_600_000,
        "strideLengthWalking": 73.4,
        "timezone": "Europe/Berlin",
        "weight": weight,
        "weightUnit": unit,
    }});
    Answer::json(200, &profile)
}

/// One of the resources whose answer is an array.
pub(crate) fn devices(caller: &Caller) -> Answer {
    let device = |id: u64, version: &str, kind: &str| {
        json!({
            "battery": "High",
            "batteryLevel": 80,
            "deviceVersion": version,
            "features": [],
            "id": id.to_string(),
            "lastSyncTime": "2026-01-15T08:30:00.000",
            "mac": "000000000000",
            "type": kind,
        })
    };
    // Ids use the whole of 64 bits, which a reader that goes through a double would round.
    let tracker = caller.number("tracker", 0) | 1 << 63;
    let scale = caller.number("scale", 0) | 1 << 63;
    let devices = [device(tracker, "Charge 6", "TRACKER"), device(scale, "Aria Air", "SCALE")];
    Answer::json(200, &json!(devices))
}
