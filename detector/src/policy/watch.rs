//! Rows of the kernel's table of watched paths.

use super::{
    class::{Access, Class},
    pattern::{BadPattern, Edge, Meaning, Pattern, Step},
};
use detector_common::{
    set::Bits,
    watch::{
        ANY, CHAIN, Component, GATE_BYTES, LeafGlob, Part, TRIED_STEPS, WatchKey, WatchValue, chain, door, end, gate,
        hash, kind, start,
    },
};
use std::{collections::BTreeMap, fmt};

/// Files of `/proc/<pid>` that open another process, and that of `/proc` which opens all.
const PROC: [(&str, u32); 7] = [
    ("mem", door::MEM),
    ("environ", door::ENVIRON),
    ("maps", door::MAPS),
    ("smaps", door::SMAPS),
    ("pagemap", door::PAGEMAP),
    ("auxv", door::AUXV),
    ("kcore", door::KCORE),
];

/// Why a pattern has no place in the table.
pub(super) enum NoRow {
    /// The pattern itself.
    Bad(BadPattern),
    /// No glob is free for its directory.
    Full,
}

/// The rows, by kind and hash.
#[derive(Clone)]
pub(super) struct Watches(BTreeMap<(u32, u64), WatchValue>);

impl Default for Watches {
    /// The gates of procfs alone.
    fn default() -> Self {
        let gate = |door| WatchValue { door, ..WatchValue::default() };
        Self(PROC.iter().map(|(name, door)| ((kind::PROC, name_hash(name)), gate(*door))).collect())
    }
}

impl fmt::Debug for Watches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Hashes say nothing, and there are many.
        write!(f, "Watches({} rows)", self.0.len())
    }
}

/// What `step` is in a chain.
fn link(step: &Step) -> u64 {
    match step {
        Step::Name { raw, .. } => name_hash(raw),
        Step::Any | Step::Glob { .. } => ANY,
    }
}

/// What `step` is in a chain of a row of kind `TRIED`.
fn probed_link(step: &Step) -> u64 {
    match step {
        Step::Glob { prefix, .. } if prefix.len() >= GATE_BYTES => start(prefix.as_bytes()),
        step => link(step),
    }
}

/// Hash of the component `name`.
pub(super) fn name_hash(name: &str) -> u64 {
    hash(&zerocopy::transmute!(Component::new(name.as_bytes())))
}

impl Watches {
    /// Adds the rows and the gates of `pattern`, which is one of `class`. Where that fails, rows of some of its meanings
    /// may be there.
    pub(super) fn add(&mut self, class: &Class, pattern: &Pattern) -> Result<(), NoRow> {
        let bits = 1 << class.id.index();
        let gate = if class.access == Access::Write { gate::WRITE } else { gate::OPEN | gate::PROBE };
        if class.access == Access::Write && !pattern.meanings.is_empty() {
            self.0.entry((kind::WRITES, 0)).or_default().bits |= bits;
        }
        pattern.meanings.iter().try_for_each(|meaning| self.add_meaning(bits, &class.except, gate, meaning))
    }

    /// Adds the rows and the gates of `pattern`, which is of files of the SDK of `class`.
    pub(super) fn add_sdk(&mut self, class: &Class, pattern: &Pattern) -> Result<(), BadPattern> {
        for meaning in &pattern.meanings {
            match &meaning.steps[..] {
                [Step::Glob { prefix, suffix }, ..] if !prefix.is_empty() || !suffix.is_empty() => {
                    return Err(BadPattern::Sdk);
                }
                _ => self.row(meaning).sdk |= 1 << class.id.index(),
            }
            // By the directory where it can be: `package.json` is the name of too many.
            let gate = match &meaning.steps[..] {
                [_, Step::Name { raw, .. }, ..] => (kind::PARENT, name_hash(raw)),
                [_, Step::Any, Step::Name { raw, .. }, ..] => (kind::GRANDPARENT, name_hash(raw)),
                [leaf, ..] => (kind::LEAF, link(leaf)),
                [] => continue,
            };
            self.0.entry(gate).or_default().gate |= gate::OPEN;
        }
        Ok(())
    }

    fn add_meaning(&mut self, bits: Bits, except: &[String], gate: u32, meaning: &Meaning) -> Result<(), NoRow> {
        let glob = match &meaning.steps[..] {
            [Step::Glob { prefix, suffix }, ..] => {
                let excepts = excepts(suffix, except).map_err(NoRow::Bad)?;
                let Some(except) = excepts else { return Ok(()) };
                let any = prefix.is_empty() && suffix.is_empty() && except.is_empty();
                if any { None } else { Some(leaf_glob(bits, prefix, suffix, except)) }
            }
            [Step::Name { raw, .. }, ..] if except.iter().any(|suffix| raw.ends_with(suffix.as_str())) => {
                return Ok(());
            }
            _ => None,
        };
        let row = self.row(meaning);
        match glob {
            None => row.bits |= bits,
            Some(glob) => {
                let same = |other: &&mut LeafGlob| other.bits == 0 || LeafGlob { bits, ..**other } == glob;
                let slot = row.globs.iter_mut().find(same).ok_or(NoRow::Full)?;
                *slot = LeafGlob { bits: slot.bits | bits, ..glob };
            }
        }
        self.open_gate(meaning, gate);
        Ok(())
    }

    /// The row of `meaning`: of its chain, or of the end of the name by which it is found.
    fn row(&mut self, meaning: &Meaning) -> &mut WatchValue {
        let key = match (meaning.edge(), &meaning.steps[..]) {
            (Some(Edge::Start), [Step::Glob { prefix, .. }, ..]) => (kind::START, start(prefix.as_bytes())),
            (Some(Edge::End), [Step::Glob { suffix, .. }, ..]) => (kind::END, end(suffix.as_bytes())),
            _ => {
                let kind = if meaning.anchored { kind::ANCHORED } else { kind::SUFFIX };
                (kind, meaning.steps.iter().map(link).fold(CHAIN, chain))
            }
        };
        self.0.entry(key).or_default()
    }

    /// Lets files through that may be meant.
    fn open_gate(&mut self, meaning: &Meaning, gate: u32) {
        let key = match &meaning.steps[..] {
            [Step::Glob { prefix, .. }, ..] if prefix.len() >= GATE_BYTES => (kind::START, start(prefix.as_bytes())),
            [Step::Glob { suffix, .. }] => (kind::END, end(suffix.as_bytes())),
            [Step::Glob { .. }, Step::Name { raw, .. }, ..] => (kind::PARENT, name_hash(raw)),
            [Step::Glob { .. }, _, Step::Name { raw, .. }, ..] => (kind::GRANDPARENT, name_hash(raw)),
            [leaf, ..] => (kind::LEAF, link(leaf)),
            [] => return,
        };
        let probed = gate & gate::PROBE != 0;
        let alone = if probed && meaning.steps.len() == 1 { gate::ALONE } else { 0 };
        self.0.entry(key).or_default().gate |= gate | alone;
        if probed && meaning.steps.len() > 1 {
            let tried = meaning.steps.iter().take(TRIED_STEPS).map(probed_link).fold(CHAIN, chain);
            self.0.entry((kind::TRIED, tried)).or_default().gate |= gate::PROBE;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The rows for `policy`.
    pub(super) fn rows(&self, policy: u32) -> Vec<(WatchKey, WatchValue)> {
        self.0.iter().map(|((kind, hash), value)| (WatchKey { policy, kind: *kind, hash: *hash }, *value)).collect()
    }
}

/// The one exception that a glob with this suffix needs (empty for none); `None` when it can match nothing.
fn excepts<'a>(suffix: &str, all: &'a [String]) -> Result<Option<&'a str>, BadPattern> {
    if all.iter().any(|except| suffix.ends_with(except.as_str())) {
        return Ok(None);
    }
    // A name ends with both only if one of the two ends with the other.
    let of_use = all.iter().filter(|except| except.ends_with(suffix));
    let Some(shortest) = of_use.clone().min_by_key(|except| except.len()) else { return Ok(Some("")) };
    let covered = of_use.clone().all(|except| except.ends_with(shortest.as_str()));
    if covered { Ok(Some(shortest)) } else { Err(BadPattern::Exceptions) }
}

fn leaf_glob(bits: Bits, prefix: &str, suffix: &str, except: &str) -> LeafGlob {
    LeafGlob {
        bits,
        least: (prefix.len() + suffix.len()) as u64,
        prefix: Part::start(prefix.as_bytes()),
        suffix: Part::end(suffix.as_bytes()),
        except: Part::end(except.as_bytes()),
    }
}
