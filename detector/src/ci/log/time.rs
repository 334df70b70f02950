//! Time stamps of the log.

/// Nanoseconds since 1970, UTC.
pub type UtcNanos = u64;

/// A second, the granularity of the log.
pub(super) const SECOND: UtcNanos = 1_000_000_000;

/// `2026-03-01 10:00:00Z`, .NET's format `u`.
pub(super) fn parse(text: &[u8]) -> Option<UtcNanos> {
    let separators = [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':'), (19, b'Z')];
    if text.len() != 20 || separators.iter().any(|(at, separator)| text[*at] != *separator) {
        return None;
    }
    let number = |at: usize, len: usize| {
        text[at..at + len]
            .iter()
            .try_fold(0_u64, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u64::from(digit - b'0')))
    };
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    let valid = (1970..2500).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !valid || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some((((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * SECOND)
}

/// Days since 1970-01-01: years begin in March, so that the leap day is the last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = year - u64::from(month <= 2);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    // 719,468 days from 0000-03-01 to 1970-01-01.
    year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_read() {
        assert_eq!(parse(b"1970-01-01 00:00:00Z"), Some(0));
        assert_eq!(parse(b"2000-02-29 12:00:01Z"), Some(951_825_601 * SECOND));
        assert_eq!(parse(b"2026-03-01 10:00:00Z"), Some(1_772_359_200 * SECOND));
    }

    #[test]
    fn other_text_is_no_stamp() {
        for text in [
            "2026-03-01T10:00:00Z",
            "2026-13-01 10:00:00Z",
            "2026-00-01 10:00:00Z",
            "1969-12-31 23:59:59Z",
            "9999-12-31 23:59:59Z",
            "2026-03-01 24:00:00Z",
            "2026-03-01 10:00:0xZ",
            "2026-03-01 10:00:00",
            "",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
