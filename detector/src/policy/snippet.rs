//! The line of a file that a message is about, with a mark under the place.
//!
//! The file may come from a pull request, and may not even be a policy: nothing in it reaches the terminal as it is,
//! and nothing that looks like a secret is shown.

use super::error::Place;
use crate::secret::redact::{self, CLOSE, CUT, OPEN};
use unicode_width::UnicodeWidthStr;

/// Columns of the terminal that a line may take.
const WIDTH: usize = 100;
/// Of them, how many stand before the place when the line is cut.
const BEFORE: usize = 40;
/// Bytes of a line that are looked at on each side of the place: far more than is shown.
const SIDE: usize = 4096;

/// Texts of the files that were read, by the names that messages call them.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources(Vec<(String, String)>);

impl Sources {
    /// Keeps the text of the file called `name`, where it may be shown: what never says that it is a policy may be
    /// any file that `extends` was pointed at.
    pub(super) fn keep(&mut self, name: &str, text: &str) {
        // Some editors put a mark before the first line.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.lines().any(|line| line.starts_with("version:")) {
            self.0.push((name.to_owned(), text.to_owned()));
        }
    }

    /// The line at `place` and a mark under it, each with a line break in front; empty where there is none to show.
    pub(super) fn snippet(&self, place: &Place) -> String {
        let Some((line, column)) = place.at else { return String::new() };
        let text = self.0.iter().find(|(name, _)| *name == place.file).map(|(_, text)| text);
        let number = |n: u64| usize::try_from(n).ok()?.checked_sub(1);
        let shown = number(line).and_then(|line| text?.lines().nth(line)).zip(number(column));
        let Some((code, mark)) = shown.map(|(text, column)| marked(text, column)) else { return String::new() };
        let number = line.to_string();
        format!("\n  {number} | {code}\n  {:1$} | {mark}", "", number.len())
    }
}

/// A character of the line, or a redacted run of them, and how it is shown.
struct Piece {
    /// Byte of the line where it starts.
    start: usize,
    shown: String,
}

impl Piece {
    fn width(&self) -> usize {
        self.shown.width()
    }
}

/// `line` as it can be shown, and the line with carets under what starts at the character `column` (from 0).
fn marked(line: &str, column: usize) -> (String, String) {
    let at = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
    let (from, to) = (line.ceil_char_boundary(at.saturating_sub(SIDE)), line.floor_char_boundary(at + SIDE));
    let goes_on = to < line.len();
    let (line, at) = (&line[from..to], at - from);
    let end = at + token(&line[at..]);
    let pieces = pieces(line);
    // The piece in which the place lies, or the end.
    let first = pieces.iter().rposition(|piece| piece.start <= at).filter(|_| at < line.len()).unwrap_or(pieces.len());
    let last = pieces.iter().rposition(|piece| piece.start < end).map_or(first, |last| last.max(first));

    let total: usize = pieces.iter().map(Piece::width).sum();
    let mut start = 0;
    if total > WIDTH {
        let mut before = 0;
        start = first;
        while start > 0 && before + pieces[start - 1].width() <= BEFORE {
            start -= 1;
            before += pieces[start].width();
        }
    }
    let (mut code, mut mark, mut width) = (String::new(), String::new(), 0);
    if from > 0 || start > 0 {
        code.push(CUT);
        mark.push(' ');
    }
    let mut stop = start;
    for (i, piece) in pieces.iter().enumerate().skip(start) {
        if width + piece.width() > WIDTH {
            break;
        }
        width += piece.width();
        code.push_str(&piece.shown);
        let sign = if i < first { " " } else { "^" };
        if i <= last {
            mark.push_str(&sign.repeat(piece.width()));
        }
        stop = i + 1;
    }
    if stop < pieces.len() || goes_on {
        code.push(CUT);
    }
    if !mark.ends_with('^') {
        mark.push('^');
    }
    (code, mark)
}

/// The pieces of `line`: redaction said of each how many bytes it stands for.
fn pieces(line: &str) -> Vec<Piece> {
    let (head, tail) = line.split_at(value(line));
    let redacted = [head, tail].map(|part| redact::text(part.as_bytes(), usize::MAX)).concat();
    let (mut pieces, mut start, mut rest) = (Vec::new(), 0, redacted.as_str());
    while let Some(c) = rest.chars().next() {
        // What the line itself has of these marks is escaped there.
        let mark = rest.strip_prefix(OPEN).and_then(|mark| mark.split_once(CLOSE));
        let (len, taken) = match mark {
            Some((mark, after)) => {
                let len = mark.rsplit(':').next().and_then(|len| len.parse().ok()).unwrap_or(line.len() - start);
                (len, rest.len() - after.len())
            }
            None => (line[start..].chars().next().map_or(1, char::len_utf8), escape(rest, c)),
        };
        let (shown, after) = rest.split_at(taken);
        let shown = match shown {
            "\\x09" => "\\t",
            // Read by people, who look for what they wrote.
            "\\\\" => "\\",
            other => other,
        };
        pieces.push(Piece { start, shown: shown.to_owned() });
        // A mark stands for whole characters; the last one for what is left.
        start = line.floor_char_boundary((start + len).min(line.len()));
        rest = after;
    }
    pieces
}

/// Bytes of the one escaped or plain character that `rest`, which begins with `c`, begins with.
fn escape(rest: &str, c: char) -> usize {
    match rest.as_bytes() {
        [b'\\', b'x', ..] => 4,
        [b'\\', b'u', ..] => rest.find('}').map_or(rest.len(), |end| end + 1),
        [b'\\', ..] => 2,
        _ => c.len_utf8(),
    }
}

/// Where the list or map begins that is the value of the line's first key; 0 when there is none. A class may have a
/// telling name (`npm-token: { path: ... }`), and its value is no secret as a whole.
fn value(line: &str) -> usize {
    let key = line.trim_start().trim_start_matches("- ");
    let name = key.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')).count();
    let rest = &key[name..];
    let opens = rest.strip_prefix(':').is_some_and(|value| value.trim_start().starts_with(['{', '[']));
    if name > 0 && opens { line.len() - rest.len() + rest.find(['{', '[']).unwrap_or_default() } else { 0 }
}

/// Bytes of the key or value that `text` begins with.
fn token(text: &str) -> usize {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    if let Some(quote) = quote {
        return text[1..].find(quote).map_or(text.len(), |end| end + 2);
    }
    let ends = |(at, c): &(usize, char)| match c {
        '[' | ']' | '{' | '}' | ',' => true,
        ':' => text[at + 1..].is_empty() || text[at + 1..].starts_with([' ', '\t', '[', '{']),
        '#' => text[..*at].ends_with(' '),
        _ => false,
    };
    let end = text.char_indices().find(ends).map_or(text.len(), |(at, _)| at);
    text[..end].trim_end().len().max(text.chars().next().map_or(0, char::len_utf8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn shows(line: &str, column: usize, expected: [&str; 2]) {
        let (code, mark) = marked(line, column);
        assert_eq!([code.as_str(), mark.as_str()], expected);
    }

    #[test]
    fn the_mark_stands_under_what_is_meant() {
        shows("    path: [~/x]", 4, ["    path: [~/x]", "    ^^^^"]);
        shows("    path: [~/x]", 11, ["    path: [~/x]", "           ^^^"]);
        shows("  - \"~/a b\" # x", 4, ["  - \"~/a b\" # x", "    ^^^^^^^"]);
        shows("mode: enforced   # really", 6, ["mode: enforced   # really", "      ^^^^^^^^"]);
        shows("to: 10.0.0.1:99999", 4, ["to: 10.0.0.1:99999", "    ^^^^^^^^^^^^^^"]);
        shows("x: {", 3, ["x: {", "   ^"]);
        shows("x: [", 9, ["x: [", "    ^"]);
        shows("", 0, ["", "^"]);
        shows("x: \"open", 3, ["x: \"open", "   ^^^^^"]);
    }

    #[test]
    fn columns_are_characters_and_carets_are_columns_of_the_terminal() {
        shows("  - 鍵/世: x", 7, ["  - 鍵/世: x", "         ^"]);
        shows("  - \"世界\"", 4, ["  - \"世界\"", "    ^^^^^^"]);
        shows("e\u{301}: y", 4, ["e\u{301}: y", "   ^"]);
        shows("\tmode: x", 1, ["\\tmode: x", "  ^^^^"]);
    }

    #[test]
    fn nothing_of_the_file_acts_on_the_terminal() {
        shows("a\u{1b}[31m: \u{202e}b", 8, ["a\\x1b[31m: \\u{202e}b", "           ^^^^^^^^^"]);
        shows("a: …‹redacted:9›", 3, ["a: \\u{2026}\\u{2039}redacted:9\\u{203a}", &format!("   {}", "^".repeat(34))]);
        shows("a\\b: c", 5, ["a\\b: c", "     ^"]);
    }

    #[test]
    fn secrets_are_not_shown_and_do_not_move_the_mark() {
        let (code, mark) = marked("  npm_token: hunter2, x: ghp_0123456789abcdefABCDEF012345, bad: 1", 58);
        assert!(!code.contains("hunter2") && !code.contains("0123456789"), "{code}");
        assert!(mark.ends_with('^'), "{mark}");
        shows("to: ghp_0123456789abcdefABCDEF012345", 4, ["to: ‹redacted:32›", "    ^^^^^^^^^^^^^"]);
        shows("x: [ghp_0123456789abcdefABCDEF012345, y]", 38, ["x: [‹redacted:32›, y]", "                   ^"]);
        // A class of a telling name is still shown, and what is in it is judged by itself.
        shows("  npm-token: { path: [/x] }", 15, ["  npm-token: { path: [/x] }", "               ^^^^"]);
        shows("  a-token: { token: hunter2 }", 2, ["  a-token: { token: ‹redacted:9›", "  ^^^^^^^"]);
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let line = format!("x: [{}bad, {}]", "/a, ".repeat(500), "/b, ".repeat(500));
        let column = 4 + 2000;
        let (code, mark) = marked(&line, column);
        assert!(code.starts_with('…') && code.ends_with('…') && code.width() <= WIDTH + 2, "{code}");
        let at = mark.find('^').unwrap_or_default();
        let shown: String = code.chars().skip(at).take(3).collect();
        assert_eq!((shown.as_str(), mark.matches('^').count()), ("bad", 3));
        // A file of one line: no more of it is looked at than is needed.
        let (code, _) = marked(&"://".repeat(300_000), 450_000);
        assert!(code.width() <= WIDTH + 2);
        let (code, _) = marked(&"x1".repeat(50_000), 0);
        assert!(code.starts_with('‹'), "{code}");
    }

    #[test]
    fn what_is_no_policy_is_not_shown() {
        let place = Place { file: "a".to_owned(), at: Some((2, 1)) };
        let mut sources = Sources::default();
        sources.keep("a", "machine h\npassword hunter2\n");
        assert_eq!(sources.snippet(&place), "");
        sources.keep("a", "\u{feff}version: 1\nmodes: audit\n");
        assert_eq!(sources.snippet(&place), "\n  2 | modes: audit\n    | ^^^^^");
        assert_eq!(sources.snippet(&Place { at: Some((9, 1)), ..place.clone() }), "");
        assert_eq!(sources.snippet(&Place::file("a")), "");
    }
}
