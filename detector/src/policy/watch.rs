//! Rows of the kernel's table of watched paths.

use super::{
    class::Class,
    pattern::{BadPattern, Pattern, Step},
};
use detector_common::{
    set::Bits,
    watch::{ANY, CHAIN, Component, LeafGlob, Part, WatchKey, WatchValue, chain, door, hash, kind},
};
use std::{collections::BTreeMap, fmt};

/// Files of `/proc/<pid>` that open another process.
const PROC: [(&str, u32); 6] = [
    ("mem", door::MEM),
    ("environ", door::ENVIRON),
    ("maps", door::MAPS),
    ("smaps", door::SMAPS),
    ("pagemap", door::PAGEMAP),
    ("auxv", door::AUXV),
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

/// Hash of the component `name`.
pub(super) fn name_hash(name: &str) -> u64 {
    hash(&zerocopy::transmute!(Component::new(name.as_bytes())))
}

impl Watches {
    /// Adds the row and the gate of `pattern`, which is one of `class`.
    pub(super) fn add(&mut self, class: &Class, pattern: &Pattern) -> Result<(), NoRow> {
        let bits = 1 << class.id.index();
        let glob = match &pattern.steps[..] {
            [Step::Glob { prefix, suffix }, ..] => {
                let excepts = excepts(suffix, &class.except).map_err(NoRow::Bad)?;
                let Some(except) = excepts else { return Ok(()) };
                Some(leaf_glob(bits, prefix, suffix, except))
            }
            [Step::Name { raw, .. }, ..] if class.except.iter().any(|suffix| raw.ends_with(suffix.as_str())) => {
                return Ok(());
            }
            _ => None,
        };
        let links = pattern.steps.iter().map(|step| match step {
            Step::Name { raw, .. } => name_hash(raw),
            Step::Any | Step::Glob { .. } => ANY,
        });
        let kind = if pattern.anchored { kind::ANCHORED } else { kind::SUFFIX };
        let row = self.0.entry((kind, links.clone().fold(CHAIN, chain))).or_default();
        let gate = match glob {
            None => {
                row.bits |= bits;
                (kind::LEAF, links.clone().next())
            }
            Some(glob) => {
                let same = |other: &&mut LeafGlob| other.bits == 0 || LeafGlob { bits, ..**other } == glob;
                let slot = row.globs.iter_mut().find(same).ok_or(NoRow::Full)?;
                *slot = LeafGlob { bits: slot.bits | bits, ..glob };
                (kind::PARENT, links.clone().nth(1))
            }
        };
        if let (kind, Some(hash)) = gate {
            self.0.entry((kind, hash)).or_default();
        }
        Ok(())
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
