//! Sleep: the night that ended on a day.

use super::admission::Caller;
use crate::answer::Answer;
use crate::calendar::Date;
use serde_json::{Value, json};

pub(crate) fn of_day(caller: &Caller, day: Date) -> Answer {
    let minutes = minutes_asleep(caller, day);
    let answer = json!({
        "sleep": [night(caller, day)],
        "summary": {
            "totalMinutesAsleep": minutes,
            "totalSleepRecords": 1,
            "totalTimeInBed": minutes + 40,
        },
    });
    Answer::json(200, &answer)
}

fn minutes_asleep(caller: &Caller, day: Date) -> u64 {
    360 + caller.number("sleep", day.days()) % 120
}

pub(crate) fn night(caller: &Caller, day: Date) -> Value {
    let minutes = minutes_asleep(caller, day);
    json!({
        "dateOfSleep": day.to_string(),
        "duration": (minutes + 40) * 60_000,
        "efficiency": 93,
        "endTime": format!("{day}T07:00:00.000"),
        "infoCode": 0,
        "isMainSleep": true,
        "levels": {
            "data": [{"dateTime": format!("{day}T00:10:00.000"), "level": "light", "seconds": 900}],
            "shortData": [],
            "summary": {"light": {"count": 20, "minutes": minutes}},
        },
        "logId": caller.number("night", day.days()) | 1 << 63,
        "logType": "auto_detected",
        "minutesAfterWakeup": 0,
        "minutesAsleep": minutes,
        "minutesAwake": 40,
        "minutesToFallAsleep": 0,
        "startTime": format!("{day}T00:10:00.000"),
        "timeInBed": minutes + 40,
        "type": "stages",
    })
}
