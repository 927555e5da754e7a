//! What the person's days were like: numbers that are always the same for a person and a day.
//!
//! Both dialects tell the same days, so that what is exported from one can be compared with what
//! is exported from the other. The person lives at UTC+1, all year round, and there are nights,
//! activities and samples from [`FIRST_DAY`] to this day.

use super::moment::Moment;
use crate::calendar::Date;

/// 2024-01-01 in days since 1970.
pub(crate) const FIRST_DAY: i64 = 19_723;
/// Seconds that the person's clock is ahead of UTC.
pub(crate) const UTC_OFFSET: i64 = 3_600;

/// A number that is always the same for this person, day and purpose.
pub(crate) fn number(user_id: &str, purpose: &str, day: i64) -> u64 {
    let bytes = user_id.bytes().chain(purpose.bytes()).chain(day.to_le_bytes());
    // FNV-1a.
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The id that Google has for a person of Fitbit's: digits.
pub(crate) fn health_user_id(user_id: &str) -> String {
    format!("{:019}", number(user_id, "health user", 0) >> 1)
}

pub(crate) fn steps(user_id: &str, day: Date) -> u64 {
    4_000 + number(user_id, "steps", day.days()) % 9_000
}

pub(crate) fn resting_heart_rate(user_id: &str) -> u64 {
    52 + number(user_id, "heart", 0) % 12
}

/// Beats per minute in a minute of any day.
pub(crate) fn heart_rate(user_id: &str, minute: u64) -> u64 {
    resting_heart_rate(user_id) + minute % 37
}

/// The night that ended on a day, by the person's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Night {
    pub(crate) start: Moment,
    pub(crate) end: Moment,
    pub(crate) minutes_asleep: i64,
    pub(crate) minutes_awake: i64,
}

impl Night {
    pub(crate) fn of(user_id: &str, day: Date) -> Self {
        let minutes_asleep = 360 + (number(user_id, "sleep", day.days()) % 120).cast_signed();
        let minutes_awake = 40;
        let end = Moment::midnight(day).plus(7 * 3_600);
        let start = end.plus(-60 * (minutes_asleep + minutes_awake));
        Self { start, end, minutes_asleep, minutes_awake }
    }
}

/// The run of a day, by the person's clock.
pub(crate) fn run(day: Date) -> (Moment, Moment) {
    let start = Moment::midnight(day).plus(7 * 3_600 + 15 * 60);
    (start, start.plus(1_800))
}

/// A recorded activity as a file.
pub(crate) fn training_file(id: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<TrainingCenterDatabase \
         xmlns=\"http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2\">\n  <Activities>\n    \
         <Activity Sport=\"Running\"><Id>{id}</Id></Activity>\n  </Activities>\n\
         </TrainingCenterDatabase>\n"
    )
}
