//! Made-up secrets: random, so that meeting one anywhere is never chance.

use anyhow::Context as _;
use std::{
    collections::HashMap,
    fmt,
    fs::File,
    io::{Read as _, Write as _},
};

/// Length of a canary's value in bytes, all of `[A-Za-z0-9]`.
pub const LENGTH: usize = 40;

/// Length in bytes of the shortest part of a canary that counts as the canary.
pub const WINDOW: usize = 12;

/// A made-up secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Canary {
    name: &'static str,
    value: String,
}

impl Canary {
    /// A new one from the kernel's random numbers; `name` says where it will be planted.
    pub fn fresh(name: &'static str) -> anyhow::Result<Self> {
        const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut random = [0_u8; LENGTH];
        File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut random)).context("cannot read /dev/urandom")?;
        let value = random.iter().map(|&b| char::from(ALPHABET[usize::from(b) % ALPHABET.len()])).collect();
        Ok(Self { name, value })
    }

    /// Where it is planted.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The secret.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether all of it is in `bytes`, in the clear.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        bytes.windows(LENGTH).any(|w| w == self.value.as_bytes())
    }
}

impl fmt::Debug for Canary {
    /// The name only: a failing test must not print what it guards.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Canary({})", self.name)
    }
}

/// Part of a canary, found where it should not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The canary's name.
    pub name: &'static str,
    /// How it was written: `plain`, `hex` or `base64`.
    pub encoding: &'static str,
    /// Where in the searched bytes; white space is not counted when `unwrapped`.
    pub offset: usize,
    /// Found only after white space was taken out (encodings that wrap lines).
    pub unwrapped: bool,
}

/// The first trace of any canary in `bytes`: at least [`WINDOW`] bytes of it, plain, in hex or in base64 (both alphabets,
/// every alignment), also across line breaks.
pub fn trace(canaries: &[Canary], bytes: &[u8]) -> Option<Trace> {
    let patterns = Patterns::new(canaries);
    patterns.find(bytes, false).or_else(|| {
        let unwrapped: Vec<u8> = bytes.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
        patterns.find(&unwrapped, true)
    })
}

/// Bytes of whole canaries in `bytes`, in the clear; each is counted once.
pub fn spelled(canaries: &[Canary], bytes: &[u8]) -> usize {
    canaries.iter().filter(|canary| canary.is_in(bytes)).count() * LENGTH
}

/// Panics when any canary left a trace in `bytes`; `what` names the bytes in the message.
///
/// # Panics
/// That is its purpose.
#[track_caller]
pub fn assert_absent(canaries: &[Canary], what: &str, bytes: &[u8]) {
    if let Some(found) = trace(canaries, bytes) {
        panic!("a planted secret is in {what} ({} bytes): {found:?}", bytes.len());
    }
}

type Spelling = (&'static str, &'static str);

/// Every spelling of every window, by length.
struct Patterns {
    by_length: Vec<Length>,
}

struct Length {
    length: usize,
    spellings: HashMap<Vec<u8>, Spelling>,
    /// The first two bytes of a spelling decide almost every position without hashing: recordings are long.
    starts: Vec<bool>,
}

impl Patterns {
    fn new(canaries: &[Canary]) -> Self {
        let mut lengths: HashMap<usize, HashMap<Vec<u8>, Spelling>> = HashMap::new();
        for canary in canaries {
            for window in canary.value.as_bytes().windows(WINDOW) {
                for (encoding, spelled) in spell(window) {
                    lengths.entry(spelled.len()).or_default().insert(spelled, (canary.name, encoding));
                }
            }
        }
        let by_length = lengths
            .into_iter()
            .map(|(length, spellings)| {
                let mut starts = vec![false; 1 << 16];
                spellings.keys().for_each(|p| starts[start(p)] = true);
                Length { length, spellings, starts }
            })
            .collect();
        Self { by_length }
    }

    fn find(&self, bytes: &[u8], unwrapped: bool) -> Option<Trace> {
        self.by_length.iter().find_map(|Length { length, spellings, starts }| {
            bytes.windows(*length).enumerate().find_map(|(offset, window)| {
                let &(name, encoding) = starts[start(window)].then(|| spellings.get(window)).flatten()?;
                Some(Trace { name, encoding, offset, unwrapped })
            })
        })
    }
}

fn start(pattern: &[u8]) -> usize {
    usize::from(pattern[0]) << 8 | usize::from(pattern[1])
}

fn spell(window: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut lower = Vec::new();
    // Writing to a vector cannot fail.
    window.iter().for_each(|b| _ = write!(lower, "{b:02x}"));
    let mut spelled = vec![("plain", window.to_vec()), ("hex", lower.to_ascii_uppercase()), ("hex", lower)];
    for alignment in 0..3 {
        let standard = base64_inside(window, alignment);
        let url = standard.iter().map(|b| [*b, b'-', b'_'][usize::from(*b == b'+') + 2 * usize::from(*b == b'/')]);
        spelled.push(("base64", url.collect()));
        spelled.push(("base64", standard));
    }
    spelled
}

/// The base64 characters that `window` alone decides when it starts `alignment` bytes into a group of three.
fn base64_inside(window: &[u8], alignment: usize) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (first, last) = (alignment * 8, (alignment + window.len()) * 8);
    let bit = |n: usize| window[(n - first) / 8] >> (7 - (n - first) % 8) & 1;
    (first.div_ceil(6)..last / 6)
        .map(|character| (character * 6..character * 6 + 6).fold(0, |value, n| value << 1 | bit(n)))
        .map(|value| ALPHABET[usize::from(value)])
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    fn through(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut child =
            Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap().stdout
    }

    #[test]
    fn found_in_every_spelling_at_every_alignment() {
        let canaries = [Canary::fresh("one").unwrap(), Canary::fresh("two").unwrap()];
        let part = &canaries[1].value().as_bytes()[9..9 + WINDOW + 2];
        for before in 0..6 {
            let mut text = vec![b'!'; before];
            text.extend_from_slice(part);
            text.extend_from_slice(b"???");
            let plain = trace(&canaries, &text).unwrap();
            assert_eq!((plain.name, plain.encoding, plain.offset), ("two", "plain", before));
            let hex: String = text.iter().map(|b| format!("{b:02X}")).collect();
            assert_eq!(trace(&canaries, hex.as_bytes()).unwrap().encoding, "hex");
            let wrapped = through("base64", &["-w", "7"], &text);
            let base64 = trace(&canaries, &wrapped).unwrap();
            assert_eq!((base64.name, base64.encoding, base64.unwrapped), ("two", "base64", true));
        }
    }

    #[test]
    fn url_alphabet() {
        // 0xfb.. gives '+' and '/': windows of real canaries seldom do.
        let window = [0xfb_u8, 0xff, 0xbf, 0xfb, 0xff, 0xbf, 0xfb, 0xff, 0xbf, 0xfb, 0xff, 0xbf];
        let all: Vec<_> = spell(&window).into_iter().map(|(_, s)| String::from_utf8_lossy(&s).into_owned()).collect();
        assert!(all.contains(&"+/+/+/+/+/+/+/+/".to_owned()), "{all:?}");
        assert!(all.contains(&"-_-_-_-_-_-_-_-_".to_owned()), "{all:?}");
    }

    #[test]
    fn silent_where_nothing_is() {
        let canaries = [Canary::fresh("one").unwrap()];
        assert_eq!(trace(&canaries, &canaries[0].value().as_bytes()[..WINDOW - 1]), None);
        assert_eq!(trace(&canaries, Canary::fresh("other").unwrap().value().as_bytes()), None);
        assert_eq!(trace(&canaries, b""), None);
        assert!(!format!("{canaries:?}").contains(canaries[0].value()));
    }
}
