//! The points of a data type as one long row, the earliest first: so many a day, from the first
//! day there is to this one.
//!
//! Times in here are by the person's clock.

use super::admission::Caller;
use super::data_types::DataType;
use crate::calendar::Date;
use crate::provider::figures::{self, Night};
use crate::provider::moment::Moment;
use serde_json::{Value, json};

/// The hours of the day in which the person moves.
const ACTIVE_HOURS: (i64, i64) = (7, 16);
/// Ids begin here, beyond what a double holds exactly.
const FIRST_ID: u64 = 1 << 62;

#[derive(Debug)]
pub(crate) struct Series<'a> {
    pub(crate) data_type: DataType,
    caller: &'a Caller,
    per_day: i64,
    length: i64,
}

impl<'a> Series<'a> {
    pub(crate) fn new(caller: &'a Caller, data_type: DataType, today: Date) -> Self {
        let per_day = match data_type.name {
            "steps" | "distance" => ACTIVE_HOURS.1,
            "heart-rate" => 1_440,
            "sleep" | "exercise" | "weight" | "daily-resting-heart-rate" => 1,
            // The person has no such data.
            _ => 0,
        };
        let days = (today.days() - figures::FIRST_DAY + 1).max(0);
        Self { data_type, caller, per_day, length: days * per_day }
    }

    pub(crate) fn len(&self) -> i64 {
        self.length
    }

    /// How many points are before `moment`: those that began (for sleep: ended) earlier.
    pub(crate) fn before(&self, moment: Moment) -> i64 {
        let (mut low, mut high) = (0, self.length);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.key(middle) < moment {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    fn day(&self, index: i64) -> Date {
        Date::from_days(figures::FIRST_DAY + index / self.per_day)
    }

    /// What the points are ordered by and filtered by.
    fn key(&self, index: i64) -> Moment {
        let (start, end) = self.span(index);
        if self.data_type.name == "sleep" { end } else { start }
    }

    fn span(&self, index: i64) -> (Moment, Moment) {
        let day = self.day(index);
        let midnight = Moment::midnight(day);
        let slot = index % self.per_day;
        let from = |start: i64, length: i64| (midnight.plus(start), midnight.plus(start + length));
        match self.data_type.name {
            "steps" | "distance" => from((ACTIVE_HOURS.0 + slot) * 3_600, 3_600),
            "heart-rate" => from(slot * 60, 0),
            "weight" => from(6 * 3_600 + 45 * 60, 0),
            "exercise" => figures::run(day),
            "sleep" => {
                let night = Night::of(&self.caller.user_id, day);
                (night.start, night.end)
            }
            _ => from(0, 0),
        }
    }

    /// Steps of an hour; those of a day's hours add up to the day's.
    pub(crate) fn steps(&self, index: i64) -> u64 {
        let of_day = figures::steps(&self.caller.user_id, self.day(index));
        let (slot, slots) = ((index % self.per_day).cast_unsigned(), self.per_day.cast_unsigned());
        of_day * (slot + 1) / slots - of_day * slot / slots
    }

    pub(crate) fn beats_per_minute(&self, index: i64) -> u64 {
        figures::heart_rate(&self.caller.user_id, (index % self.per_day).cast_unsigned())
    }

    pub(crate) fn user_id(&self) -> &str {
        &self.caller.user_id
    }

    pub(crate) fn index_of(&self, id: &str) -> Option<i64> {
        let index = id.parse::<u64>().ok()?.checked_sub(FIRST_ID)?;
        i64::try_from(index).ok().filter(|index| *index < self.length)
    }

    pub(crate) fn name(&self, index: i64) -> String {
        let (user, data_type) = (&self.caller.health_user_id, self.data_type.name);
        format!(
            "users/{user}/dataTypes/{data_type}/dataPoints/{}",
            FIRST_ID + index.cast_unsigned()
        )
    }

    /// What is under the type's name in a point.
    pub(crate) fn value(&self, index: i64) -> Value {
        let (start, end) = self.span(index);
        let interval = || {
            json!({
                "startTime": utc(start),
                "startUtcOffset": offset(),
                "endTime": utc(end),
                "endUtcOffset": offset(),
                "civilStartTime": civil(start),
                "civilEndTime": civil(end),
            })
        };
        let sample_time = || json!({"physicalTime": utc(start), "utcOffset": offset(), "civilTime": civil(start)});
        // Numbers of 64 bits are strings (the JSON mapping of proto3).
        match self.data_type.name {
            "steps" => json!({"interval": interval(), "count": self.steps(index).to_string()}),
            "distance" => {
                let millimeters = (self.steps(index) * 734).to_string();
                json!({"interval": interval(), "millimeters": millimeters})
            }
            "heart-rate" => {
                let beats = self.beats_per_minute(index).to_string();
                json!({"sampleTime": sample_time(), "beatsPerMinute": beats})
            }
            "weight" => json!({"sampleTime": sample_time(), "weightGrams": 70_000.5}),
            "exercise" => json!({
                "interval": interval(),
                "exerciseType": "RUNNING",
                "activeDuration": format!("{}s", end.0 - start.0),
            }),
            "sleep" => self.sleep(index, &interval()),
            _ => json!({
                "date": date(start),
                "beatsPerMinute": figures::resting_heart_rate(&self.caller.user_id).to_string(),
            }),
        }
    }

    fn sleep(&self, index: i64, interval: &Value) -> Value {
        let night = Night::of(&self.caller.user_id, self.day(index));
        let light_until = night.start.plus(60 * night.minutes_asleep);
        json!({
            "interval": interval,
            "type": "STAGES",
            "stages": [
                {"type": "LIGHT", "startTime": utc(night.start), "startUtcOffset": offset(),
                    "endTime": utc(light_until), "endUtcOffset": offset()},
                {"type": "AWAKE", "startTime": utc(light_until), "startUtcOffset": offset(),
                    "endTime": utc(night.end), "endUtcOffset": offset()},
            ],
            "summary": {
                "minutesAsleep": night.minutes_asleep.to_string(),
                "minutesAwake": night.minutes_awake.to_string(),
                "minutesInSleepPeriod": (night.minutes_asleep + night.minutes_awake).to_string(),
            },
        })
    }
}

/// A moment by the person's clock as a timestamp.
pub(crate) fn utc(moment: Moment) -> String {
    format!("{}Z", moment.plus(-figures::UTC_OFFSET))
}

fn offset() -> String {
    format!("{}s", figures::UTC_OFFSET)
}

fn date(moment: Moment) -> Value {
    let (year, month, day) = moment.date().civil();
    json!({"year": year, "month": month, "day": day})
}

/// Date and time; what is zero of the time is left out.
pub(crate) fn civil(moment: Moment) -> Value {
    let (hours, minutes, seconds) = moment.time();
    let parts = [("hours", hours), ("minutes", minutes), ("seconds", seconds)];
    let time: serde_json::Map<String, Value> = parts
        .into_iter()
        .filter(|(_, part)| *part != 0)
        .map(|(name, part)| (name.to_owned(), part.into()))
        .collect();
    let mut civil = json!({"date": date(moment)});
    if !time.is_empty() {
        civil["time"] = time.into();
    }
    civil
}
