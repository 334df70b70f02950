//! Path patterns: few forms, so that the kernel can look them up instead of matching them.

use crate::secret::redact::{self, CLOSE, CUT, OPEN};
use detector_common::limits::{GLOB_BYTES, NAME_BYTES, WATCH_DEPTH};
use std::fmt;

/// Why a pattern was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum BadPattern {
    #[error("it must start with `/`, `~/` or `**/`")]
    Start,
    #[error("a component is empty; write single slashes and no slash at the end")]
    Empty,
    #[error("`.` and `..` never match, since paths are resolved first; write the real path")]
    Dot,
    #[error("{0:?} has no meaning in patterns; write one pattern a form, variables filled in")]
    Character(char),
    #[error("more than {WATCH_DEPTH} components; keep the last ones behind `**/`")]
    Deep,
    #[error("a component of more than {NAME_BYTES} bytes")]
    Long,
    #[error("`**` stands only at the start; name the directories or use `**/` in front")]
    Recursive,
    #[error("only the last component may have one `*` in it; write the others out")]
    Star,
    #[error("a directory may be `*` only right above the last component, which must be literal then")]
    Directory,
    #[error("a `*` in the last component needs a named directory above it")]
    Bare,
    #[error("more than {GLOB_BYTES} bytes before or after the `*`; shorten that side")]
    Glob,
    #[error("an exception must be `*SUFFIX`, with 1 to {GLOB_BYTES} bytes behind the star and no slash")]
    Except,
    #[error("more than one exception of the class is of use to it; leave one, or name the files")]
    Exceptions,
}

/// One component of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// This name.
    Name {
        /// As the kernel sees it.
        raw: String,
        /// As events show it.
        shown: String,
    },
    /// Any name: the directory right above the leaf.
    Any,
    /// Names that start and end so, without overlap: the leaf.
    Glob {
        /// Start.
        prefix: String,
        /// End.
        suffix: String,
    },
}

/// A path pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    /// Its first component stands under the root.
    pub(super) anchored: bool,
    /// Leaf first.
    pub(super) steps: Vec<Step>,
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Pattern {
    /// The pattern `text`.
    pub(super) fn parse(text: &str) -> Result<Self, BadPattern> {
        let (anchored, rest) = match (text.strip_prefix('/'), text.strip_prefix("~/"), text.strip_prefix("**/")) {
            (Some(rest), ..) => (true, rest),
            (_, Some(rest), _) | (.., Some(rest)) => (false, rest),
            _ => return Err(BadPattern::Start),
        };
        let is_meta =
            |c: &char| "?[]{}\\$".contains(*c) || !redact::component(c.to_string().as_bytes()).starts_with(*c);
        if let Some(c) = rest.chars().find(is_meta) {
            return Err(BadPattern::Character(c));
        }
        let names: Vec<_> = rest.rsplit('/').collect();
        if names.len() > WATCH_DEPTH {
            return Err(BadPattern::Deep);
        }
        let steps = names.iter().enumerate().map(|(i, name)| step(name, i, names[0])).collect::<Result<Vec<_>, _>>()?;
        if matches!(steps[0], Step::Glob { .. }) && steps.len() == 1 {
            return Err(BadPattern::Bare);
        }
        Ok(Self { text: text.to_owned(), anchored, steps })
    }

    /// Whether the file at `path` is meant.
    pub(super) fn matches(&self, path: &Walked<'_>) -> bool {
        (!self.anchored || path.rooted && path.names.len() == self.steps.len())
            && path.names.len() >= self.steps.len()
            && self.steps.iter().zip(&path.names).all(|(step, name)| step.matches(name))
    }
}

fn step(name: &str, i: usize, leaf: &str) -> Result<Step, BadPattern> {
    match (name, name.split_once('*')) {
        ("", _) => Err(BadPattern::Empty),
        ("." | "..", _) => Err(BadPattern::Dot),
        ("**", _) => Err(BadPattern::Recursive),
        (_, None) if name.len() > NAME_BYTES => Err(BadPattern::Long),
        (_, None) => Ok(Step::Name { raw: name.to_owned(), shown: redact::component(name.as_bytes()) }),
        (_, Some((prefix, suffix))) if i == 0 => match (prefix.len(), suffix.len()) {
            _ if suffix.contains('*') => Err(BadPattern::Star),
            (0..=GLOB_BYTES, 0..=GLOB_BYTES) => Ok(Step::Glob { prefix: prefix.to_owned(), suffix: suffix.to_owned() }),
            _ => Err(BadPattern::Glob),
        },
        ("*", _) if i == 1 && !leaf.contains('*') => Ok(Step::Any),
        ("*", _) => Err(BadPattern::Directory),
        _ => Err(BadPattern::Star),
    }
}

impl Step {
    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Name { raw, shown } => !is_cut(name) && (name == raw || name == shown),
            Self::Glob { prefix, suffix } => {
                let (head, tail) = ends(name);
                // Of a redacted name only the ends are left: what they do not contradict matches.
                let hole = head.len() < name.len();
                let starts = head.starts_with(prefix.as_str()) || hole && prefix.starts_with(head);
                let ends = tail.ends_with(suffix.as_str()) || hole && suffix.ends_with(tail);
                starts && (is_cut(name) || ends && (hole || name.len() >= prefix.len() + suffix.len()))
            }
        }
    }
}

/// The suffix of the exception `text`.
pub(super) fn exception(text: &str) -> Result<String, BadPattern> {
    let suffix = text.strip_prefix('*').ok_or(BadPattern::Except)?;
    let plain = redact::component(suffix.as_bytes()) == suffix;
    let good = (1..=GLOB_BYTES).contains(&suffix.len()) && plain && !suffix.contains(['*', '/']);
    if good { Ok(suffix.to_owned()) } else { Err(BadPattern::Except) }
}

/// Whether the leaf `name` ends with one of `suffixes`; the end of a cut name is not known.
pub(super) fn is_excepted(name: &str, suffixes: &[String]) -> bool {
    !is_cut(name) && suffixes.iter().any(|suffix| name.ends_with(suffix.as_str()))
}

/// Whether of `name` only the first [`NAME_BYTES`] are known: then it equals no name and matches by its start alone.
fn is_cut(name: &str) -> bool {
    // Escapes and marks make a name longer than it was; what is long without them was never cut before.
    name.ends_with(CUT) || name.len() > NAME_BYTES && !name.contains(['\\', OPEN])
}

/// What stands before the first and behind the last redacted part of `name`.
fn ends(name: &str) -> (&str, &str) {
    match (name.split_once(OPEN), name.rsplit_once(CLOSE)) {
        (Some((head, _)), Some((_, tail))) => (head, tail),
        _ => (name, name),
    }
}

/// The path of an event, as patterns look at it.
pub(super) struct Walked<'a> {
    /// Leaf first, one more than any pattern has.
    pub(super) names: Vec<&'a str>,
    /// The root is known.
    rooted: bool,
}

impl<'a> Walked<'a> {
    pub(super) fn new(path: &'a str) -> Self {
        let rooted = path.starts_with('/');
        let path = path.strip_prefix(CUT).unwrap_or(path);
        Self { names: path.rsplit('/').filter(|name| !name.is_empty()).take(WATCH_DEPTH + 1).collect(), rooted }
    }
}
