//! Calendar dates in the proleptic Gregorian calendar, counted in days since 1970-01-01.
//!
//! The provider's data has dates but no time zones; a number of days is all it takes to walk a
//! range. The two conversions are the usual ones for a year that begins in March.

use std::fmt;
use std::time::Duration;

const SECONDS_PER_DAY: u64 = 86_400;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Date(i64);

impl Date {
    pub(crate) fn from_unix(time: Duration) -> Self {
        Self((time.as_secs() / SECONDS_PER_DAY).cast_signed())
    }

    /// Reads `yyyy-MM-dd` or `today`, the two spellings the provider takes.
    pub(crate) fn parse(text: &str, today: Date) -> Option<Self> {
        if text == "today" {
            return Some(today);
        }
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return None;
        }
        let number = |range: std::ops::Range<usize>| -> Option<i64> {
            let digits = text.get(range)?;
            digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
        };
        let date = Self::from_civil(number(0..4)?, number(5..7)?, number(8..10)?);
        // 31 February counts on into March and so does not read back as it was written.
        (date.to_string() == text).then_some(date)
    }

    pub(crate) fn plus_days(self, days: i64) -> Self {
        Self(self.0 + days)
    }

    /// Days from 1970-01-01 to this date.
    pub(crate) fn days(self) -> i64 {
        self.0
    }

    pub(crate) fn from_days(days: i64) -> Self {
        Self(days)
    }

    fn from_civil(year: i64, month: i64, day: i64) -> Self {
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Self(era * 146_097 + day_of_era - 719_468)
    }

    /// Year, month and day.
    pub(crate) fn civil(self) -> (i64, i64, i64) {
        let days = self.0 + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        (year, month, day)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// `time` since 1970 as an HTTP date (RFC 9110 section 5.6.7), e.g. for `Retry-After`.
pub(crate) fn http_date(time: Duration) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let date = Date::from_unix(time);
    let (year, month, day) = date.civil();
    let second = time.as_secs() % SECONDS_PER_DAY;
    let weekday = DAYS[date.0.rem_euclid(7).unsigned_abs() as usize];
    let month = MONTHS[(month - 1).unsigned_abs() as usize];
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_back_as_they_were_written() {
        let today = Date::from_unix(Duration::from_secs(1_795_305_600));
        for text in ["1970-01-01", "2000-02-29", "2024-12-31", "2026-11-22"] {
            assert_eq!(Date::parse(text, today).map(|d| d.to_string()).as_deref(), Some(text));
        }
        for text in ["2023-02-29", "2026-13-01", "2026-1-01", "+026-01-01", "tomorrow", ""] {
            assert_eq!(Date::parse(text, today), None, "{text}");
        }
        assert_eq!(Date::parse("today", today), Some(today));
    }

    #[test]
    fn an_http_date_is_the_one_of_the_standard() {
        // The example of RFC 9110 section 5.6.7.
        assert_eq!(http_date(Duration::from_secs(784_111_777)), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
