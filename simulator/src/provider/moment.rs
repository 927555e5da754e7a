//! A second on a clock on the wall, counted from 1970-01-01T00:00:00 on the same clock: UTC or
//! the person's own, whichever its owner says.

use crate::calendar::Date;
use std::fmt;

const DAY: i64 = 86_400;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) i64);

impl Moment {
    pub(crate) fn midnight(day: Date) -> Self {
        Self(day.days() * DAY)
    }

    pub(crate) fn plus(self, seconds: i64) -> Self {
        Self(self.0 + seconds)
    }

    pub(crate) fn date(self) -> Date {
        Date::from_days(self.0.div_euclid(DAY))
    }

    /// Hours, minutes and seconds.
    pub(crate) fn time(self) -> (i64, i64, i64) {
        let second = self.0.rem_euclid(DAY);
        (second / 3_600, second / 60 % 60, second % 60)
    }

    /// Reads `yyyy-MM-dd`, which is its midnight, or `yyyy-MM-ddTHH:mm` with seconds and a
    /// fraction or not; the fraction is dropped.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.split_once('T').unwrap_or((text, "00:00"));
        // No `today` here, so any date will do for it.
        let date = Date::parse(date, Date::from_days(0)).filter(|_| date != "today")?;
        let time = match time.split_once('.') {
            Some((time, fraction)) if fraction.bytes().all(|b| b.is_ascii_digit()) => time,
            Some(_) => return None,
            None => time,
        };
        let parts: Vec<i64> = time
            .split(':')
            .map(|part| part.parse().ok().filter(|_| part.len() == 2))
            .collect::<Option<_>>()?;
        match *parts.as_slice() {
            [hours @ 0..24, minutes @ 0..60, ref seconds @ ..] if seconds.len() < 2 => {
                let seconds = seconds.first().copied().unwrap_or(0);
                let seconds = (0..60).contains(&seconds).then_some(seconds)?;
                Some(Self::midnight(date).plus(hours * 3_600 + minutes * 60 + seconds))
            }
            _ => None,
        }
    }

    /// Reads an RFC 3339 timestamp, as a moment in UTC.
    pub(crate) fn parse_utc(text: &str) -> Option<Self> {
        if let Some(local) = text.strip_suffix('Z') {
            return Self::parse(local).filter(|_| local.contains('T'));
        }
        let at = text.rfind(['+', '-']).filter(|at| text[..*at].contains('T'))?;
        let (local, offset) = text.split_at(at);
        let (hours, minutes) = offset[1..].split_once(':')?;
        let ahead = hours.parse::<i64>().ok()? * 3_600 + minutes.parse::<i64>().ok()? * 60;
        Some(Self::parse(local)?.plus(if offset.starts_with('-') { ahead } else { -ahead }))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes, seconds) = self.time();
        write!(f, "{}T{hours:02}:{minutes:02}:{seconds:02}", self.date())
    }
}

#[cfg(test)]
mod tests {
    use super::Moment;

    #[test]
    fn moments_are_read_with_their_offsets() {
        let noon = Moment::parse("2026-03-01T12:00:00");
        assert_eq!(noon.map(|m| m.to_string()).as_deref(), Some("2026-03-01T12:00:00"));
        for text in
            ["2026-03-01T12:00:00Z", "2026-03-01T13:00:00.5+01:00", "2026-03-01T07:00:00-05:00"]
        {
            assert_eq!(Moment::parse_utc(text.trim()), noon, "{text}");
        }
        for text in ["2026-03-01", "2026-03-01T12:00:00", "2026-03-01T24:00:00Z", "today"] {
            assert_eq!(Moment::parse_utc(text), None, "{text}");
        }
        assert_eq!(Moment::parse("2026-02-30"), None);
        assert_eq!(Moment::parse("2026-03-01T1:00"), None);
    }
}
