//! Days, for exceptions that end.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{
    fmt,
    str::FromStr,
    time::{SystemTime, UNIX_EPOCH},
};

/// A day of the Gregorian calendar, in UTC. Written `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// The text is no day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a day; write it as `2026-12-31`")]
pub struct BadDate;

const SECONDS_A_DAY: u64 = 86_400;

impl Date {
    /// Today, by the clock of this machine. A clock before 1970 gives its first day.
    pub(super) fn today() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::after_epoch(since.as_secs() / SECONDS_A_DAY)
    }

    /// The day `days` after 1970-01-01; the last day of the year 9999 for all that come later.
    fn after_epoch(days: u64) -> Self {
        let (mut year, mut left) = (1970, days);
        while left >= days_of(year) && year < 9999 {
            left -= days_of(year);
            year += 1;
        }
        let mut left = left.min(days_of(year) - 1);
        let mut month = 1;
        while left >= u64::from(days_in(year, month)) {
            left -= u64::from(days_in(year, month));
            month += 1;
        }
        Self { year, month, day: u8::try_from(left).unwrap_or_default() + 1 }
    }
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of(year: u16) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_in(year: u16, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl FromStr for Date {
    type Err = BadDate;

    fn from_str(text: &str) -> Result<Self, BadDate> {
        let part = |from: usize, to: usize| {
            let digits = text.get(from..to).filter(|part| part.bytes().all(|b| b.is_ascii_digit()));
            digits.and_then(|part| part.parse::<u16>().ok()).ok_or(BadDate)
        };
        let small = |number: u16| u8::try_from(number).or(Err(BadDate));
        let (year, month, day) = (part(0, 4)?, small(part(5, 7)?)?, small(part(8, 10)?)?);
        let dashes = text.len() == 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
        let good = dashes && year >= 1970 && (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
        if good { Ok(Self { year, month, day }) } else { Err(BadDate) }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;

    #[test]
    fn days_are_counted_as_the_calendar_does() {
        for (days, text) in [
            (0, "1970-01-01"),
            (30, "1970-01-31"),
            (31, "1970-02-01"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (20_453, "2025-12-31"),
            (20_454, "2026-01-01"),
            (20_818, "2026-12-31"),
            (u64::MAX, "9999-12-31"),
        ] {
            assert_eq!(Date::after_epoch(days).to_string(), text);
            assert_eq!(text.parse(), Ok(Date::after_epoch(days)));
        }
        assert!(Date::today() > "2020-01-01".parse().unwrap());
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "2026",
            "2026-1-1",
            "26-01-01",
            "2026-13-01",
            "2026-00-01",
            "2026-02-29",
            "2026-04-31",
            "2026-01-00",
            "2026-01-01T00:00",
            "+026-01-01",
            "2026/01/01",
            "1969-12-31",
            "２026-1-1",
        ] {
            assert_eq!(text.parse::<Date>(), Err(BadDate), "{text}");
        }
        assert!("2028-02-29".parse::<Date>().is_ok());
    }
}
