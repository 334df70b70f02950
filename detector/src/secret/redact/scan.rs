//! Text of unknown form: what is secret by its place, and runs that are tokens by their looks.

use super::{
    escape,
    token::{self, CUT, Place, TOKEN_BYTES, push_mark},
};
use std::ops::Range;

/// `bytes` as text of at most `max` bytes, plus `…` where it was cut.
pub fn text(bytes: &[u8], max: usize) -> String {
    let mut out = String::new();
    push_text(&mut out, bytes, false);
    // Cut after redaction: before it, a token could be cut to a length that is let through.
    if out.len() > max {
        out.truncate(out.floor_char_boundary(max));
        out.push(CUT);
    }
    out
}

/// A resolved path, component by component.
pub fn path(bytes: &[u8]) -> String {
    let mut out = String::new();
    push_path(&mut out, bytes, Place::Component, false);
    out
}

/// One component of a path. Whoever knows that it was cut appends `…`.
pub fn component(name: &[u8]) -> String {
    let mut out = String::new();
    push_runs(&mut out, name, Place::Component);
    out
}

/// Appends `bytes`; `cut` when their end is not the end of what was said.
pub(super) fn push_text(out: &mut String, bytes: &[u8], cut: bool) {
    let mut done = 0;
    for secret in secrets(bytes) {
        // Found by different rules, they may overlap.
        let start = secret.start.max(done);
        if start < secret.end {
            push_words(out, &bytes[done..start], false);
            push_mark(out, secret.end - start);
            done = secret.end;
        }
    }
    push_words(out, &bytes[done..], cut);
}

/// Appends the words of `bytes`: paths by component, the rest by run.
fn push_words(out: &mut String, bytes: &[u8], cut: bool) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let len = rest.iter().take_while(|b| is_path_byte(**b)).count();
        let (word, after) = rest.split_at(len);
        let end = cut && after.is_empty();
        if starts_like_path(word) {
            // Only a word without a dot can be base64.
            let slashed = word.len() >= TOKEN_BYTES && word.iter().all(|b| is_run_byte(*b) || *b == b'/');
            push_path(out, word, if slashed { Place::Slashed } else { Place::Text }, end);
        } else {
            push_runs(out, word, if end { Place::Cut } else { Place::Text });
        }
        let gap = after.iter().take_while(|b| !is_path_byte(**b)).count();
        escape::push(out, &after[..gap]);
        rest = &after[gap..];
    }
}

fn push_path(out: &mut String, path: &[u8], place: Place, cut: bool) {
    let mut names = path.split(|b| *b == b'/').peekable();
    while let Some(name) = names.next() {
        let last = names.peek().is_none();
        push_runs(out, name, if cut && last { Place::Cut } else { place });
        if !last {
            out.push('/');
        }
    }
}

/// Appends `bytes`, their runs judged as standing at `place`; `Place::Cut` holds for the last one only.
fn push_runs(out: &mut String, bytes: &[u8], place: Place) {
    let in_run = |b: &u8| is_run_byte(*b) || *b == b'/' && matches!(place, Place::Text | Place::Cut);
    let mut rest = bytes;
    while !rest.is_empty() {
        let len = rest.iter().take_while(|b| in_run(b)).count();
        let (run, after) = rest.split_at(len);
        let place = if place == Place::Cut && !after.is_empty() { Place::Text } else { place };
        // A run is ASCII.
        token::push(out, str::from_utf8(run).unwrap_or_default(), place);
        let gap = after.iter().take_while(|b| !in_run(b)).count();
        escape::push(out, &after[..gap]);
        rest = &after[gap..];
    }
}

fn is_run_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'_' | b'-')
}

pub(super) fn is_path_byte(byte: u8) -> bool {
    is_run_byte(byte) || matches!(byte, b'/' | b'.' | b'~' | b'@' | b'%')
}

pub(super) fn starts_like_path(word: &[u8]) -> bool {
    ["/", "./", "../", "~/"].iter().any(|start| word.starts_with(start.as_bytes()))
}

/// What is secret by its place: userinfo of a URL, the value of a telling name. In order of their starts.
fn secrets(bytes: &[u8]) -> Vec<Range<usize>> {
    let is_url = |at: usize| bytes[at..].starts_with(b"://");
    let mut found: Vec<_> =
        (0..bytes.len()).filter(|at| is_url(*at)).filter_map(|at| userinfo(bytes, at + 3)).collect();
    let logins = found.clone();
    let is_sign = |at: &usize| match bytes[*at] {
        b'=' => true,
        // Neither a URL's nor a path's of a language (`a::b`).
        b':' => !is_url(*at) && !bytes[at + 1..].starts_with(b":") && !bytes[..*at].ends_with(b":"),
        _ => false,
    };
    let in_login = |at: &usize| logins.iter().any(|login| login.contains(at));
    found.extend((0..bytes.len()).filter(is_sign).filter(|at| !in_login(at)).filter_map(|at| value(bytes, at)));
    found.sort_by_key(|range| range.start);
    found
}

/// `user:password` of the URL whose authority starts at `start`.
pub(super) fn userinfo(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let url = &bytes[start..];
    let end = url.iter().position(|b| ends_value(*b)).unwrap_or(url.len());
    let authority = url[..end].iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(end);
    let at = url[..authority].iter().rposition(|b| *b == b'@').or_else(|| {
        // A password may hold a raw slash: what stands behind the colon is no port then.
        let colon = url[..authority].iter().position(|b| *b == b':')?;
        let port = url[colon + 1..authority].iter().all(u8::is_ascii_digit);
        if port { None } else { url[..end].iter().rposition(|b| *b == b'@') }
    })?;
    (at > 0).then_some(start..start + at)
}

/// The value that belongs to the name before the `:` or `=` at `sign`, when the name tells that it is secret.
fn value(bytes: &[u8], sign: usize) -> Option<Range<usize>> {
    let before = bytes[..sign].trim_ascii_end();
    let before = before.strip_suffix(b"\"").or_else(|| before.strip_suffix(b"'")).unwrap_or(before);
    let name = before.iter().rev().take_while(|b| is_run_byte(**b) || **b == b'.').count();
    if !is_telling(&before[before.len() - name..]) {
        return None;
    }
    let mut start = sign + 1;
    start += bytes[start..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let quote = bytes.get(start).copied().filter(|b| matches!(b, b'"' | b'\''));
    start += usize::from(quote.is_some());
    let ends = |b: &u8| match quote {
        Some(quote) => *b == quote,
        // A header's value has spaces in it (`Bearer ...`).
        None if bytes[sign] == b':' => matches!(b, b'"' | b'\'' | b'\n' | b'\r'),
        None => ends_value(*b) || matches!(b, b'&' | b';'),
    };
    let len = bytes[start..].iter().position(ends).unwrap_or(bytes.len() - start);
    (len > 0).then_some(start..start + len)
}

fn ends_value(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'')
}

/// Whether an option, variable or header of this name holds a secret.
pub(super) fn is_telling(name: &[u8]) -> bool {
    const PARTS: &[&str] = &[
        "password",
        "passwd",
        "passphrase",
        "token",
        "secret",
        "apikey",
        "api-key",
        "api_key",
        "accesskey",
        "access-key",
        "access_key",
        "privatekey",
        "private-key",
        "private_key",
        "credential",
        "authorization",
        "cookie",
        "bearer",
    ];
    const LAST: &[&str] = &["auth", "pass"];
    // Said elsewhere: the value is a place or a yes.
    const ELSEWHERE: &[&str] = &["-file", "_file", "-stdin", "-path", "_path", "-url", "_url"];
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let last = name.rsplit(['-', '_', '.', ':']).next().unwrap_or_default();
    !ELSEWHERE.iter().any(|end| name.ends_with(end))
        && (PARTS.iter().any(|part| name.contains(part)) || LAST.contains(&last))
}
