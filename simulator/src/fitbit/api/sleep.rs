//! Sleep: the night that ended on a day.

use super::admission::Caller;
use crate::answer::Answer;
use crate::calendar::Date;
use crate::provider::figures::Night;
use serde_json::{Value, json};

pub(crate) fn of_day(caller: &Caller, day: Date) -> Answer {
    let Night { minutes_asleep, minutes_awake, .. } = Night::of(&caller.user_id, day);
    let answer = json!({
        "sleep": [night(caller, day)],
        "summary": {
            "totalMinutesAsleep": minutes_asleep,
            "totalSleepRecords": 1,
            "totalTimeInBed": minutes_asleep + minutes_awake,
        },
    });
    Answer::json(200, &answer)
}

pub(crate) fn night(caller: &Caller, day: Date) -> Value {
    let Night { start, end, minutes_asleep, minutes_awake } = Night::of(&caller.user_id, day);
    let time_in_bed = minutes_asleep + minutes_awake;
    json!({
        "dateOfSleep": day.to_string(),
        "duration": time_in_bed * 60_000,
        "efficiency": 93,
        "endTime": format!("{end}.000"),
        "infoCode": 0,
        "isMainSleep": true,
        "levels": {
            "data": [{"dateTime": format!("{start}.000"), "level": "light", "seconds": 900}],
            "shortData": [],
            "summary": {"light": {"count": 20, "minutes": minutes_asleep}},
        },
        "logId": caller.number("night", day.days()) | 1 << 63,
        "logType": "auto_detected",
        "minutesAfterWakeup": 0,
        "minutesAsleep": minutes_asleep,
        "minutesAwake": minutes_awake,
        "minutesToFallAsleep": 0,
        "startTime": format!("{start}.000"),
        "timeInBed": time_in_bed,
        "type": "stages",
    })
}
