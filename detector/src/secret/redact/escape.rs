//! Bytes as printable text.

use super::token::{CLOSE, CUT, OPEN};
use std::fmt::Write;

/// Appends `bytes`: what is not UTF-8 and ASCII controls as `\xNN`, other invisible characters and our own marks
/// as `\u{..}`, a backslash as `\\`.
pub(super) fn push(out: &mut String, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            push_char(out, c);
        }
        for byte in chunk.invalid() {
            push_hex(out, *byte);
        }
    }
}

fn push_char(out: &mut String, c: char) {
    match c {
        '\\' => out.push_str("\\\\"),
        '\0'..='\x1f' | '\x7f' => push_hex(out, c as u8),
        c if c.is_control() || is_invisible(c) || [OPEN, CLOSE, CUT].contains(&c) => out.extend(c.escape_unicode()),
        c => out.push(c),
    }
}

fn push_hex(out: &mut String, byte: u8) {
    // Writing to a string cannot fail.
    let _ = write!(out, "\\x{byte:02x}");
}

/// Characters without a glyph, and those that reorder the text around them (Unicode `Cf`, `Zl`, `Zp`, fillers,
/// variation selectors).
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(bytes: &[u8]) -> String {
        let mut out = String::new();
        push(&mut out, bytes);
        out
    }

    #[test]
    fn what_cannot_be_seen_is_spelled_out() {
        assert_eq!(escaped(b"a\x1b[31m\n\x7f\0"), "a\\x1b[31m\\x0a\\x7f\\x00");
        assert_eq!(escaped(b"\xff\xc3"), "\\xff\\xc3");
        assert_eq!(escaped(b"a\\xff"), "a\\\\xff");
        assert_eq!(escaped("x\u{202e}y\u{200b}z\u{85}\u{feff}".as_bytes()), "x\\u{202e}y\\u{200b}z\\u{85}\\u{feff}");
        assert_eq!(escaped("Grüße, 世界".as_bytes()), "Grüße, 世界");
    }

    #[test]
    fn our_own_marks_cannot_be_forged() {
        assert_eq!(escaped("…/‹redacted:9›".as_bytes()), "\\u{2026}/\\u{2039}redacted:9\\u{203a}");
    }
}
