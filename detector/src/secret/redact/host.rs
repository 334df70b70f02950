//! Names of hosts. Whoever asks a name server may spell a secret in labels.

use super::{scan::component, token::push_mark};
use std::fmt::Write;

/// Labels at the end of a name that tell whose it is.
const TELLING: usize = 2;
/// Letters of a label in front of those that stays: `storage`, `registry`.
const WORD_LETTERS: usize = 12;

/// The name that stands in a message as `bytes` (RFC 1035, section 3.1), in small letters, without the root's dot; what hosts have
/// not in their names as `\\DDD` (section 5.1), dots in labels too. Nothing is redacted yet: see [`host`]. `None` when it is no
/// name.
pub fn name(bytes: &[u8]) -> Option<String> {
    let (mut text, mut rest) = (String::new(), bytes);
    while let [len @ 1..=63, behind @ ..] = rest {
        let label = behind.get(..usize::from(*len))?;
        if !text.is_empty() {
            text.push('.');
        }
        for byte in label {
            match byte.to_ascii_lowercase() {
                plain if plain.is_ascii_alphanumeric() || matches!(plain, b'-' | b'_') => text.push(char::from(plain)),
                // Writing to a string cannot fail.
                other => _ = write!(text, "\\{other:03}"),
            }
        }
        rest = behind.get(usize::from(*len)..)?;
    }
    matches!(rest, [0]).then_some(text).filter(|text| !text.is_empty())
}

/// `name` without what may be a secret; the last `known` labels are no secret. As many labels as before are there.
pub fn host(name: &str, known: usize) -> String {
    let labels: Vec<_> = name.split('.').collect();
    let mut out = String::new();
    for (n, label) in labels.iter().enumerate() {
        let from_end = labels.len() - n;
        if n != 0 {
            out.push('.');
        }
        let word = label.len() <= WORD_LETTERS && label.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-');
        if from_end <= known || from_end <= TELLING || word && from_end == TELLING + 1 {
            let plain = component(label.as_bytes());
            // A backslash of ours stays what it is.
            out.push_str(if from_end <= known || label.contains('\\') { label } else { &plain });
        } else if label.len() <= 3 {
            out.push_str(label);
        } else {
            push_mark(&mut out, label.len());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_by_its_labels() {
        assert_eq!(name(b"\x03WWW\x07example\x04test\0").as_deref(), Some("www.example.test"));
        assert_eq!(name(b"\x03a.b\x04t\n\xff*\0").as_deref(), Some("a\\046b.t\\010\\255\\042"));
        for bad in [b"".as_slice(), b"\0", b"\x03ab\0", b"\x01a", b"\xc0\x0c\0", b"\x01a\0\0"] {
            assert_eq!(name(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn what_may_be_a_secret_is_not_told() {
        for (given, known, told) in [
            ("api.example.test", 0, "api.example.test"),
            ("us-east-1.storage.example.test", 0, "‹redacted:9›.storage.example.test"),
            ("s3.us-east-1.example.test", 0, "s3.‹redacted:9›.example.test"),
            ("s3.us-east-1.example.test", 3, "s3.us-east-1.example.test"),
            ("4eadbeef00112233.evil.test", 0, "‹redacted:16›.evil.test"),
            ("4eadbeef00112233.x.evil.test", 3, "‹redacted:16›.x.evil.test"),
            ("ghs_0123456789abcdefABCDEF0123456789abcd.test", 0, "‹redacted:40›.test"),
            ("test", 0, "test"),
        ] {
            assert_eq!(host(given, known), told);
            assert_eq!(told.split('.').count(), given.split('.').count());
        }
    }
}
