//! Destinations by name: patterns of names, and what may be spent at hosts of such names.

use super::destination::Whom;
use crate::secret::ClassSet;
use detector_common::{
    destination::OWN,
    host::{Place, PlaceRow, backward, forward, kind},
    limits::{HOST_LABELS, PLACE_ROWS},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Bytes of a name without its last dot, and of a label (RFC 1035, section 2.3.4).
const NAME_BYTES: usize = 253;
const LABEL_BYTES: usize = 63;

/// Why a text is no name of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum BadHost {
    #[error(
        "not an address, network or name; write `203.0.113.7`, `203.0.113.0/24:443`, `[2001:db8::/32]:443`, `host.example.com:443`, \
         `*.example.com` (one label) or `**.example.com` (any depth, example.com too)"
    )]
    Name,
    #[error("write the host alone, without `{0}`")]
    Url(&'static str),
    #[error("a wildcard stands alone and in front: `*.example.com` (one label) or `**.example.com` (any depth)")]
    Wildcard,
    #[error("of what stands behind a wildcard, at most {HOST_LABELS} labels can be compared")]
    Deep,
    #[error("write it as the DNS has it, in ASCII (`xn--...`)")]
    Ascii,
}

/// Which names a pattern is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Depth {
    /// That name.
    Exact,
    /// Names of one label more.
    Label,
    /// That name, and names of any number of labels more.
    Any,
}

/// A name of a host, or a pattern of such names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct HostPattern {
    /// What stands behind the wildcard, in small letters.
    base: String,
    depth: Depth,
}

impl HostPattern {
    /// The pattern that `text` is.
    pub(super) fn parse(text: &str) -> Result<Self, BadHost> {
        if let Some(end) = text.find("://") {
            let known = ["https://", "http://", "ssh://"].into_iter().find(|scheme| text[..end + 3] == **scheme);
            return Err(BadHost::Url(known.unwrap_or("scheme://")));
        }
        if text.contains('/') {
            return Err(BadHost::Name);
        }
        if !text.is_ascii() {
            return Err(BadHost::Ascii);
        }
        let (depth, base) = match text.split_once('.') {
            Some(("*", base)) => (Depth::Label, base),
            Some(("**", base)) => (Depth::Any, base),
            _ => (Depth::Exact, text),
        };
        if base.contains('*') {
            return Err(BadHost::Wildcard);
        }
        let base = base.to_ascii_lowercase();
        if !is_name(&base) {
            return Err(BadHost::Name);
        }
        if depth != Depth::Exact && base.split('.').count() > HOST_LABELS {
            return Err(BadHost::Deep);
        }
        Ok(Self { base, depth })
    }

    fn new(base: &str, depth: Depth) -> Self {
        Self { base: base.to_owned(), depth }
    }

    /// What stands behind a wildcard, where there is one.
    pub(super) fn wildcard(&self) -> Option<&str> {
        (self.depth != Depth::Exact).then_some(self.base.as_str())
    }

    /// Whether names of any depth are meant.
    pub(super) fn is_deep(&self) -> bool {
        self.depth == Depth::Any
    }

    /// All patterns that every name of this one is also of, itself among them.
    fn wider(&self) -> impl Iterator<Item = Self> {
        let base = self.base.as_str();
        let own = match self.depth {
            Depth::Exact => vec![Self::new(base, Depth::Exact), Self::new(base, Depth::Any)],
            Depth::Label | Depth::Any => vec![self.clone(), Self::new(base, Depth::Any)],
        };
        let parent = base.split_once('.').map(|(_, parent)| parent).filter(|_| self.depth == Depth::Exact);
        let parent = parent.map(|parent| Self::new(parent, Depth::Label));
        let above = std::iter::successors(Some(base), |name| name.split_once('.').map(|(_, above)| above)).skip(1);
        let above = above.map(|name| Self::new(name, Depth::Any));
        own.into_iter().chain(parent).chain(above)
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let front = match self.depth {
            Depth::Exact => "",
            Depth::Label => "*.",
            Depth::Any => "**.",
        };
        write!(f, "{front}{}", self.base)
    }
}

/// Whether `text` is a name as hosts have them: letters, digits, `-` and, before its last label, `_`; and no number at its end, as
/// addresses have (RFC 1123, section 2.1).
fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        let good = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        (1..=LABEL_BYTES).contains(&label.len())
            && label.bytes().all(good)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or(text);
    let is_number = last.bytes().all(|b| b.is_ascii_digit());
    text.len() <= NAME_BYTES && text.split('.').all(label) && !is_number && !last.contains('_')
}

/// What may be spent at a host, by whom and port.
pub(super) type Rows = BTreeMap<Whom, ClassSet>;

/// Patterns, with what may be spent at hosts of such names.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts(BTreeMap<HostPattern, Rows>);

/// A row of the kernel's table of names: one of [`kind`], and the labels that it is about, with the number of their place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRow {
    kind: u32,
    base: String,
    /// The place.
    pub place: u32,
}

impl HostRow {
    /// Kind and hash of the row's key, where hashes begin with `seed`.
    pub fn key(&self, seed: u64) -> (u32, u64) {
        let labels = self.base.split('.').map(str::as_bytes);
        (self.kind, if self.kind == kind::EXACT { forward(seed, labels) } else { backward(seed, labels) })
    }
}

impl Hosts {
    /// Adds a row.
    pub(super) fn add(&mut self, pattern: HostPattern, whom: Whom, accepted: ClassSet) {
        let row = self.0.entry(pattern).or_default().entry(whom).or_default();
        *row = row.union(accepted);
    }

    /// What rows say of all names of `pattern`; those for any port and for anyone are not merged into the others.
    pub(super) fn rows(&self, pattern: &HostPattern) -> Rows {
        self.merged(pattern.wider())
    }

    /// The rows of all these patterns.
    fn merged(&self, patterns: impl Iterator<Item = HostPattern>) -> Rows {
        let mut rows = Rows::new();
        for (whom, accepted) in patterns.collect::<BTreeSet<_>>().iter().filter_map(|it| self.0.get(it)).flatten() {
            let row = rows.entry(*whom).or_default();
            *row = row.union(*accepted);
        }
        rows
    }

    /// As [`Self::rows`], of the host called `name`, which is no pattern.
    pub(super) fn of(&self, name: &str) -> Rows {
        if self.0.is_empty() { Rows::new() } else { self.rows(&HostPattern::new(name, Depth::Exact)) }
    }

    /// As [`Self::rows`], without the rows of exactly `pattern`.
    pub(super) fn wider_than(&self, pattern: &HostPattern) -> Rows {
        self.merged(pattern.wider().filter(|it| it != pattern))
    }

    /// The rows of exactly `pattern`.
    pub(super) fn exactly(&self, pattern: &HostPattern) -> Option<&Rows> {
        self.0.get(pattern)
    }

    /// Each pattern, with what anyone may spend there and what whoever read it himself may, over all ports.
    pub(super) fn over_all_ports(&self) -> Vec<(String, ClassSet, ClassSet)> {
        let all = |rows: &Rows, wanted: u16| {
            let rows = rows.iter().filter(|((reader, _), _)| *reader == wanted);
            rows.fold(ClassSet::EMPTY, |all, (_, accepted)| all.union(*accepted))
        };
        self.0.iter().map(|(pattern, rows)| (pattern.to_string(), all(rows, 0), all(rows, OWN))).collect()
    }

    /// How many of the last labels of `name` a pattern has that it is of.
    pub(super) fn known_labels(&self, name: &str) -> usize {
        let wider = HostPattern::new(name, Depth::Exact);
        let known = wider.wider().filter(|pattern| self.0.contains_key(pattern));
        known.map(|pattern| pattern.base.split('.').count()).max().unwrap_or(0)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The kernel's tables: names with their places, and the places, numbered from 1.
    pub(super) fn tables(&self) -> (Vec<HostRow>, Vec<Place>) {
        let (hosts, numbers) = self.numbered();
        let mut places: Vec<_> = numbers.iter().map(|(rows, number)| (*number, place(rows))).collect();
        places.sort_unstable_by_key(|(number, _)| *number);
        (hosts, places.into_iter().map(|(_, place)| place).collect())
    }

    /// How many places there are, and the most rows that one has.
    pub(super) fn extent(&self) -> (usize, usize) {
        let (_, numbers) = self.numbered();
        (numbers.len(), numbers.keys().map(BTreeMap::len).max().unwrap_or(0))
    }

    /// Names with their places, and the places with their numbers.
    fn numbered(&self) -> (Vec<HostRow>, BTreeMap<Rows, u32>) {
        let (mut hosts, mut numbers) = (Vec::new(), BTreeMap::new());
        let mut keys: BTreeSet<HostPattern> = self.0.keys().cloned().collect();
        // A name that is also below another one's wildcard has a row of its own.
        keys.extend(self.0.keys().map(|pattern| HostPattern::new(&pattern.base, Depth::Exact)));
        for pattern in keys {
            let rows = self.rows(&pattern);
            if rows.is_empty() {
                continue;
            }
            let kind = match pattern.depth {
                Depth::Exact => kind::EXACT,
                Depth::Label => kind::LABEL,
                Depth::Any => kind::BELOW,
            };
            let next = u32::try_from(numbers.len() + 1).unwrap_or(u32::MAX);
            let number = *numbers.entry(rows).or_insert(next);
            hosts.push(HostRow { kind, base: pattern.base, place: number });
        }
        (hosts, numbers)
    }
}

/// The rows, for the kernel's tables; no more than there is room for.
pub(super) fn place(rows: &Rows) -> Place {
    let mut place = Place::default();
    for (row, ((reader, port), accepted)) in place.rows.iter_mut().zip(rows) {
        *row = PlaceRow { accepted: accepted.bits(), port: *port, reader: *reader, reserved: 0 };
        match *reader {
            0 => place.anyone |= accepted.bits(),
            OWN => place.own |= accepted.bits(),
            _ => {}
        }
    }
    place.count = rows.len().min(PLACE_ROWS) as u64;
    place
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;
    use crate::secret::ClassId;

    fn class(n: usize) -> ClassSet {
        ClassSet::EMPTY.with(ClassId::new(n).unwrap())
    }

    fn table(patterns: &[&str]) -> Hosts {
        let mut hosts = Hosts::default();
        for (n, text) in patterns.iter().enumerate() {
            hosts.add(HostPattern::parse(text).unwrap(), (0, 0), class(n));
        }
        hosts
    }

    #[test]
    fn names_are_matched_by_whole_labels() {
        // Pattern, names that are of it, names that are not.
        let golden: [(&str, &[&str], &[&str]); 8] = [
            ("a.test", &["a.test"], &["b.a.test", "ba.test", "test", "a.test.b"]),
            ("*.a.test", &["b.a.test", "_x.a.test"], &["a.test", "c.b.a.test", "ba.test", "b-a.test"]),
            ("**.a.test", &["a.test", "b.a.test", "d.c.b.a.test"], &["ba.test", "test", "xa.test", "a.test.b.test"]),
            ("*.test", &["a.test"], &["test", "b.a.test", "atest"]),
            ("**.test", &["test", "a.test", "1.2.3.4.5.6.7.8.9.test"], &["atest", "a.tes"]),
            ("A.Test", &["a.test"], &[]),
            ("xn--bcher-kva.test", &["xn--bcher-kva.test"], &["bcher-kva.test"]),
            ("_dns.a.test", &["_dns.a.test"], &["dns.a.test"]),
        ];
        for (pattern, good, bad) in golden {
            let hosts = table(&[pattern]);
            assert!(good.iter().all(|name| !hosts.of(name).is_empty()), "{pattern}");
            assert!(bad.iter().all(|name| hosts.of(name).is_empty()), "{pattern}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused_with_its_rule() {
        use BadHost::{Ascii, Deep, Name, Url, Wildcard};
        for (text, rule) in [
            ("", Name),
            (".", Name),
            ("a..test", Name),
            ("a.test.", Name),
            ("-a.test", Name),
            ("a-.test", Name),
            ("a b.test", Name),
            ("1.2.3.4", Name),
            ("300.1.1.1", Name),
            ("a.test/x", Name),
            ("a.1", Name),
            ("a_b", Name),
            ("*", Wildcard),
            ("**", Wildcard),
            ("a.*.test", Wildcard),
            ("a*.test", Wildcard),
            ("*.*.test", Wildcard),
            ("***.test", Wildcard),
            ("https://a.test", Url("https://")),
            ("ftp://a.test", Url("scheme://")),
            ("bücher.test", Ascii),
            ("*.1.2.3.4.5.6.7.8.test", Deep),
        ] {
            assert_eq!(HostPattern::parse(text), Err(rule), "{text}");
        }
        assert!(HostPattern::parse("1.2.3.4.5.6.7.8.9.test").is_ok(), "no wildcard");
        assert!(HostPattern::parse(&format!("{}.test", "a".repeat(64))).is_err());
        assert!(
            HostPattern::parse(&["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(63)].join(".")).is_err()
        );
        assert_eq!(HostPattern::parse("**.A.test").unwrap().to_string(), "**.a.test");
    }

    #[test]
    fn a_row_has_what_wider_rows_say() {
        let hosts = table(&["a.b.test", "*.b.test", "**.b.test", "**.test", "*.test"]);
        let of = |name: &str| hosts.of(name).get(&(0, 0)).map_or(0, |set| set.bits());
        assert_eq!(of("a.b.test"), 0b01111);
        assert_eq!(of("x.b.test"), 0b01110);
        assert_eq!(of("x.a.b.test"), 0b01100);
        assert_eq!(of("b.test"), 0b11100);
        assert_eq!(of("c.test"), 0b11000);
        assert_eq!(of("test"), 0b01000);
    }

    /// The kernel's way through its table, for names of any depth.
    fn looked_up(hosts: &Hosts, name: &str) -> u64 {
        const SEED: u64 = 99;
        let (rows, places) = hosts.tables();
        let find = |kind: u32, hash: u64| {
            let row = rows.iter().find(|row| row.key(SEED) == (kind, hash))?;
            places[row.place as usize - 1].rows.first().map(|row| row.accepted)
        };
        let labels: Vec<_> = name.split('.').map(str::as_bytes).collect();
        let exact = find(kind::EXACT, forward(SEED, labels.iter().copied()));
        let ends = (1..labels.len()).filter(|n| labels.len() - n <= HOST_LABELS);
        let mut ends = ends.map(|n| (n, backward(SEED, labels[n..].iter().copied())));
        let wild = |(n, hash): (usize, u64)| {
            let one = if n == 1 { find(kind::LABEL, hash) } else { None };
            one.or_else(|| find(kind::BELOW, hash))
        };
        exact.or_else(|| ends.find_map(wild)).unwrap_or(0)
    }

    #[test]
    fn the_nearest_row_of_the_kernels_table_is_enough() {
        let hosts = table(&["a.b.test", "*.b.test", "**.b.test", "**.c.test", "*.x.c.test", "**.y.x.c.test", "d.test"]);
        let labels = ["a", "b", "c", "x", "y", "d"];
        let mut names = vec!["test".to_owned()];
        for _ in 0..4 {
            let more: Vec<_> =
                names.iter().flat_map(|name| labels.iter().map(move |label| format!("{label}.{name}"))).collect();
            for name in &more {
                let all = hosts.of(name).get(&(0, 0)).map_or(0, |set| set.bits());
                assert_eq!(looked_up(&hosts, name), all, "{name}");
            }
            names = more;
        }
    }
}
