//! Lines of bounded width that nothing from the watched side can break or fake.

/// Widest line, characters.
pub(super) const WIDTH: usize = 120;

/// `text` in at most `max` characters, cut at its end.
///
/// The decoder escapes, but a recording may come from anywhere: what could move the cursor, start a line or hide
/// is escaped here too. So is what opens a command in the logs of some providers: the first of two `#`
/// (`##[group]`, `##vso[...]`) and of two `:` where a line could start (`::group::`).
pub(super) fn clip(text: &str, max: usize) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    let mut room = max;
    let mut starts = true;
    while let Some(c) = chars.next() {
        let shown = match (c, chars.peek()) {
            ('#', Some('#')) => "\\x23".to_owned(),
            (':', Some(':')) if starts => "\\x3a".to_owned(),
            (c, _) => printed(c),
        };
        starts = c == ' ';
        let width = shown.chars().count();
        if width > room || (width == room && chars.peek().is_some()) {
            out.push('…');
            break;
        }
        out.push_str(&shown);
        room -= width;
    }
    out
}

/// As [`clip`], cut in the middle: of a path, both ends say something.
pub(super) fn squeeze(text: &str, max: usize) -> String {
    let length = text.chars().count();
    let shown = if length > 2 * max {
        // Escapes only widen: more than this at either end is never shown.
        clip(&text.chars().take(max).chain(text.chars().skip(length - max)).collect::<String>(), usize::MAX)
    } else {
        clip(text, usize::MAX)
    };
    let length = shown.chars().count();
    if length <= max {
        return shown;
    }
    let tail = (max - 1) * 2 / 3;
    let head = shown.chars().take(max - 1 - tail);
    head.chain(['…']).chain(shown.chars().skip(length - tail)).collect()
}

/// `c` itself, or its escape where it is a control, a mark that changes direction, or a space of its own kind.
fn printed(c: char) -> String {
    let plain = matches!(c, '"' | '\'' | '\\') || c.escape_debug().count() == 1;
    if plain { c.to_string() } else { c.escape_unicode().collect() }
}

/// Appends `parts`, joined by spaces, in lines no wider than [`WIDTH`]: the first after `label`, the others as far
/// in. Parts were clipped; one that is wider than a line is clipped again.
pub(super) fn wrap(out: &mut String, label: &str, parts: impl IntoIterator<Item = String>) {
    let indent = label.chars().count();
    let mut column = indent;
    out.push_str(label);
    for part in parts {
        let part = if part.chars().count() > WIDTH - indent { squeeze(&part, WIDTH - indent) } else { part };
        let width = part.chars().count();
        if column > indent {
            if column + 1 + width > WIDTH {
                out.push('\n');
                out.push_str(&" ".repeat(indent));
                column = indent;
            } else {
                out.push(' ');
                column += 1;
            }
        }
        out.push_str(&part);
        column += width;
    }
    out.truncate(out.trim_end_matches(' ').len());
    out.push('\n');
}

/// At most `most` of `items`, then how many more there are.
pub(super) fn bounded<T>(items: &[T], most: usize, show: impl Fn(&T) -> String) -> Vec<String> {
    let mut shown = items.iter().take(most).map(show).collect::<Vec<_>>();
    if items.len() > most {
        shown.push(format!("+{} more", items.len() - most));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_moves_the_cursor_or_starts_a_line() {
        assert_eq!(clip("a\n::error::\u{1b}[2J\r\u{202e}", 80), "a\\u{a}::error::\\u{1b}[2J\\u{d}\\u{202e}");
        assert_eq!(clip("##[group] ##vso[x] a#b", 80), "\\x23#[group] \\x23#vso[x] a#b");
        assert_eq!(clip("::a ::b [::1] c::d", 80), "\\x3a:a \\x3a:b [::1] c::d");
        assert_eq!(clip("\u{3000}::x\u{a0}", 80), "\\u{3000}::x\\u{a0}");
        assert_eq!(clip("C:\\x41 'é' \"日本\"", 80), "C:\\x41 'é' \"日本\"");
    }

    #[test]
    fn a_cut_is_seen_and_exact() {
        assert_eq!((clip("abcdef", 6), clip("abcdef", 5)), ("abcdef".into(), "abcd…".into()));
        assert_eq!((clip("abc\n", 7), clip("abc\n", 8)), ("abc…".into(), "abc\\u{a}".into()));
        assert_eq!((squeeze("abcdef", 6), squeeze("abcdefg", 6)), ("abcdef".into(), "ab…efg".into()));
        for length in 0..200 {
            for text in ["x", "\u{7}", "#"].map(|c| c.repeat(length)) {
                for max in [8, 20, 60] {
                    assert!(clip(&text, max).chars().count() <= max);
                    assert!(squeeze(&text, max).chars().count() <= max);
                }
            }
        }
    }

    #[test]
    fn lines_are_filled_and_never_wider() {
        let mut out = String::new();
        wrap(&mut out, "label ", (0..40).map(|n| "x".repeat(n * 4)));
        assert!(out.lines().all(|line| line.chars().count() <= WIDTH));
        assert!(out.lines().skip(1).all(|line| line.starts_with("      ")));
        out.clear();
        wrap(&mut out, "label  ", []);
        assert_eq!(out, "label\n");
    }
}
