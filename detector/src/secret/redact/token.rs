//! Which runs of characters are tokens: keys, passwords, digests, identifiers.

use std::{fmt::Write, ops::Range};

/// Opens a mark.
pub(crate) const OPEN: char = '‹';
/// Closes a mark.
pub(crate) const CLOSE: char = '›';
/// Stands where text was cut.
pub(crate) const CUT: char = '…';

/// Bytes from which on a run may be a token.
pub(super) const TOKEN_BYTES: usize = 16;
/// The same for a run that starts as tokens of a known issuer do, or whose end is not known.
const KNOWN_BYTES: usize = 8;
/// Letters of a word that is taken for one of a language.
const WORD_LETTERS: usize = 12;

/// How tokens of well-known issuers start.
const ISSUERS: &[&str] = &[
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "gldt-",
    "glrt-",
    "npm_",
    "pypi-",
    "AKIA",
    "ASIA",
    "AIza",
    "xox",
    "sk-",
    "sk_",
    "rk_",
    "hf_",
    "dckr_pat_",
    "eyJ",
];
/// Names that start the same way.
const NOT_ISSUED: &[&str] = &["npm_config_", "npm_lifecycle_", "npm_package_"];

/// Where a run stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In running text.
    Text,
    /// At the end of text that was cut: the rest of it is not known.
    Cut,
    /// In a component of a path that was really walked.
    Component,
    /// Between two slashes of what may be a path or base64.
    Slashed,
}

/// Appends the mark of `len` redacted bytes.
pub(super) fn push_mark(out: &mut String, len: usize) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{OPEN}redacted:{len}{CLOSE}");
}

/// Appends `run` (ASCII), the token in it replaced by its mark.
pub(super) fn push(out: &mut String, run: &str, place: Place) {
    if is_issued(run) || is_token(run, place) {
        // Patterns of policy look at both ends of a name: words that surround the token stay.
        let core = if place == Place::Component && !is_issued(run) { core(run) } else { 0..run.len() };
        out.push_str(&run[..core.start]);
        push_mark(out, core.len());
        out.push_str(&run[core.end..]);
    } else {
        out.push_str(run);
    }
}

fn is_issued(run: &str) -> bool {
    let plain = |rest: &str| rest.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    run.len() >= KNOWN_BYTES
        && ISSUERS.iter().any(|start| run.starts_with(start))
        && !NOT_ISSUED.iter().any(|start| run.strip_prefix(start).is_some_and(plain))
}

fn is_token(run: &str, place: Place) -> bool {
    let count = |is: fn(&u8) -> bool| run.bytes().filter(is).count();
    let (digits, upper, lower) =
        (count(u8::is_ascii_digit), count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase));
    let least = match place {
        Place::Text | Place::Component => TOKEN_BYTES,
        Place::Cut => KNOWN_BYTES,
        // What base64 leaves between two slashes: short, and of everything something.
        Place::Slashed if digits > 0 && upper > 0 && lower > 0 => 6,
        Place::Slashed => TOKEN_BYTES,
    };
    if run.len() < least {
        return false;
    }
    if digits == 0 {
        // Letters alone: words and CamelCase have fewer capitals than base64.
        return lower * 4 > run.len() && upper * 3 > run.len();
    }
    upper + lower > 0 && !is_words(run)
}

/// Whether `run` is made of words, each with a few digits behind it: `x86_64-unknown-linux-gnu`, `id_ed25519`.
fn is_words(run: &str) -> bool {
    run.split(['-', '_', '/']).all(|word| {
        let letters = word.bytes().take_while(u8::is_ascii_alphabetic).count();
        let small = word.bytes().skip(1).take(letters.saturating_sub(1)).all(|b| b.is_ascii_lowercase());
        let digits = word.len() - letters;
        small
            && letters <= WORD_LETTERS
            && digits <= if letters == 0 { 4 } else { 5 }
            && word.bytes().skip(letters).all(|b| b.is_ascii_digit())
    })
}

/// `run` without the lower-case words at both its ends.
fn core(run: &str) -> Range<usize> {
    let plain = |word: &&str| (1..=WORD_LETTERS).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase());
    let separators = ['-', '_'];
    let start: usize = run.split(separators).take_while(plain).map(|word| word.len() + 1).sum();
    let tail: usize = run.rsplit(separators).take_while(plain).map(|word| word.len() + 1).sum();
    if start + tail < run.len() { start..run.len() - tail } else { 0..run.len() }
}
