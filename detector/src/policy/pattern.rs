//! Path patterns: few forms, so that the kernel can look them up instead of matching them.

use crate::secret::redact::{self, CLOSE, CUT, OPEN};
use detector_common::{
    limits::{GLOB_BYTES, NAME_BYTES, WATCH_DEPTH},
    watch::GATE_BYTES,
};
use std::fmt;

/// Paths that one pattern may mean.
const MEANINGS: usize = 16;

/// Why a pattern was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum BadPattern {
    #[error("it must start with `/`, `~/`, `**/` or `$NAME/`")]
    Start,
    #[error("a component is empty; write single slashes and no slash at the end")]
    Empty,
    #[error("`.` and `..` never match, since paths are resolved first; write the real path")]
    Dot,
    #[error("{0:?} has no meaning in patterns; write one pattern a form, a variable at the start only")]
    Character(char),
    #[error("more than {WATCH_DEPTH} components; keep the last ones behind `**/`")]
    Deep,
    #[error("a component of more than {NAME_BYTES} bytes")]
    Long,
    #[error(
        "`**` stands at the start, or as `DIR/**` or `DIR/**/NAME` for at most one directory more; name the others"
    )]
    Recursive,
    #[error("only the last component may have one `*` in it; write the others out")]
    Star,
    #[error("a directory may be `*` only right above the last component")]
    Directory,
    #[error("a `*` in the last component needs a named directory above it, or {GATE_BYTES} bytes before or behind it")]
    Bare,
    #[error("more than {GLOB_BYTES} bytes before or after the `*`; shorten that side")]
    Glob,
    #[error("braces are `{{a,b}}`, one level deep and closed")]
    Braces,
    #[error("it means more than {MEANINGS} paths; write several patterns")]
    Meanings,
    #[error(
        "a variable is `$NAME` at the start, of letters, digits and `_`; behind it stands `/`, `.`, `@` or nothing"
    )]
    Variable,
    #[error("a file of an SDK has its whole name, or is any in its directory (`DIR/*`, `DIR/**`)")]
    Sdk,
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

/// One path that a pattern means: without braces, and with `**` at the start only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    /// Its first component stands under the root.
    pub(super) anchored: bool,
    /// Leaf first.
    pub(super) steps: Vec<Step>,
}

/// A path pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    /// None for one that starts with a variable: what that is, a job says.
    pub(super) meanings: Vec<Meaning>,
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Pattern {
    /// The pattern `text`.
    pub(super) fn parse(text: &str) -> Result<Self, BadPattern> {
        let variable = variable(text)?;
        // Wherever the variable leads, the rest must be a pattern there.
        let written = variable.map_or(text.to_owned(), |(_, rest)| format!("/_{rest}"));
        let mut meanings = Vec::new();
        for alternative in braces(&written)? {
            for path in recursive(&alternative)? {
                meanings.push(Meaning::parse(&path)?);
            }
        }
        if meanings.len() > MEANINGS {
            return Err(BadPattern::Meanings);
        }
        if variable.is_some() {
            meanings.clear();
        }
        Ok(Self { text: text.to_owned(), meanings })
    }

    /// Whether the file at `path` is meant.
    pub(super) fn matches(&self, path: &Walked<'_>) -> bool {
        self.meanings.iter().any(|meaning| meaning.matches(path))
    }

    /// Files that it means, one for each of its readings: those that may be anywhere are below `home`, and what is not
    /// named is called `any`, or `dir` where it is a directory.
    pub fn examples(&self, home: &str) -> Vec<String> {
        let one = |meaning: &Meaning| {
            let names = meaning.steps.iter().rev().map(|step| match step {
                Step::Name { raw, .. } => format!("/{raw}"),
                Step::Any => "/dir".to_owned(),
                Step::Glob { prefix, suffix } => format!("/{prefix}any{suffix}"),
            });
            format!("{}{}", if meaning.anchored { "" } else { home }, names.collect::<String>())
        };
        self.meanings.iter().map(one).collect()
    }

    /// Paths that it means, with `*` at the end of what is not named: those that may be anywhere are below each of `bases`. What is at
    /// such a path may still be none of its files.
    pub fn globs<'a>(&'a self, bases: &'a [String]) -> impl Iterator<Item = String> + 'a {
        let of = |meaning: &Meaning| {
            let names = meaning.steps.iter().rev().map(|step| match step {
                Step::Name { raw, .. } => format!("/{raw}"),
                Step::Any => "/*".to_owned(),
                Step::Glob { prefix, .. } => format!("/{prefix}*"),
            });
            (meaning.anchored, names.collect::<String>())
        };
        let below = move |(anchored, path): (bool, String)| {
            let bases = if anchored { &[] } else { bases };
            let own = anchored.then(|| path.clone());
            bases.iter().map(move |base| format!("{base}{path}")).chain(own).collect::<Vec<_>>()
        };
        self.meanings.iter().map(of).flat_map(below)
    }

    /// The variable that it starts with, and what stands behind that: nothing, or a path, mostly with its slash.
    pub(super) fn variable(&self) -> Option<(&str, &str)> {
        variable(&self.text).ok().flatten()
    }
}

/// The variable at the start of `text` and the rest.
pub(super) fn variable(text: &str) -> Result<Option<(&str, &str)>, BadPattern> {
    let Some(text) = text.strip_prefix('$') else { return Ok(None) };
    let in_name = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let (name, rest) = text.split_at(text.bytes().position(|b| !in_name(b)).unwrap_or(text.len()));
    let starts = |name: &str| name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    // What follows may belong to the directory's own name: GitLab has `$CI_PROJECT_DIR.tmp/`, Jenkins `$WORKSPACE@tmp/`.
    if starts(name) && (rest.is_empty() || rest.starts_with(['/', '.', '@'])) {
        Ok(Some((name, rest)))
    } else {
        Err(BadPattern::Variable)
    }
}

/// Every text that the `{a,b}` of `text` make of it.
fn braces(text: &str) -> Result<Vec<String>, BadPattern> {
    let mut done = vec![String::new()];
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (inside, behind) = after.split_once('}').ok_or(BadPattern::Braces)?;
        if before.contains('}') || inside.contains('{') || !inside.contains(',') {
            return Err(BadPattern::Braces);
        }
        let with = |text: &String| inside.split(',').map(move |one| format!("{text}{before}{one}")).collect::<Vec<_>>();
        done = done.iter().flat_map(with).collect();
        if done.len() > MEANINGS {
            return Err(BadPattern::Meanings);
        }
        rest = behind;
    }
    if rest.contains('}') {
        return Err(BadPattern::Braces);
    }
    done.iter_mut().for_each(|text| text.push_str(rest));
    Ok(done)
}

/// `DIR/**` is every file in DIR and in the directories of DIR; `DIR/**/x` likewise those called so.
fn recursive(text: &str) -> Result<Vec<String>, BadPattern> {
    let (front, rest) = text.strip_prefix("**/").map_or(("", text), |rest| ("**/", rest));
    let (directory, leaf) = match (rest.strip_suffix("/**"), rest.split_once("/**/")) {
        (Some(directory), None) => (directory, "*"),
        (None, Some((directory, leaf))) if !leaf.contains('/') => (directory, leaf),
        (None, None) => return Ok(vec![text.to_owned()]),
        _ => return Err(BadPattern::Recursive),
    };
    Ok(vec![format!("{front}{directory}/{leaf}"), format!("{front}{directory}/*/{leaf}")])
}

impl Meaning {
    fn parse(text: &str) -> Result<Self, BadPattern> {
        let (anchored, rest) = match (text.strip_prefix('/'), text.strip_prefix("~/"), text.strip_prefix("**/")) {
            (Some(rest), ..) => (true, rest),
            (_, Some(rest), _) | (.., Some(rest)) => (false, rest),
            _ => return Err(BadPattern::Start),
        };
        let is_meta = |c: &char| "?[]\\$".contains(*c) || !redact::component(c.to_string().as_bytes()).starts_with(*c);
        if let Some(c) = rest.chars().find(is_meta) {
            return Err(BadPattern::Character(c));
        }
        let names: Vec<_> = rest.rsplit('/').collect();
        if names.len() > WATCH_DEPTH {
            return Err(BadPattern::Deep);
        }
        let steps = names.iter().enumerate().map(|(i, name)| step(name, i)).collect::<Result<Vec<_>, _>>()?;
        let meaning = Self { anchored, steps };
        // Else nothing says cheaply which files to look at.
        let gated = match &meaning.steps[..] {
            [Step::Glob { .. }] if anchored => false,
            [Step::Glob { .. }] => meaning.edge().is_some(),
            [Step::Glob { prefix, .. }, above @ ..] => {
                prefix.len() >= GATE_BYTES || above.iter().take(2).any(|step| matches!(step, Step::Name { .. }))
            }
            _ => true,
        };
        if gated { Ok(meaning) } else { Err(BadPattern::Bare) }
    }

    /// For a glob without a directory: by which end it is found.
    pub(super) fn edge(&self) -> Option<Edge> {
        match &self.steps[..] {
            [Step::Glob { prefix, .. }] if prefix.len() >= GATE_BYTES => Some(Edge::Start),
            [Step::Glob { suffix, .. }] if suffix.len() >= GATE_BYTES => Some(Edge::End),
            _ => None,
        }
    }

    fn matches(&self, path: &Walked<'_>) -> bool {
        (!self.anchored || path.rooted && path.names.len() == self.steps.len())
            && path.names.len() >= self.steps.len()
            && self.steps.iter().zip(&path.names).all(|(step, name)| step.matches(name))
            && self.edge().is_none_or(|edge| edge.is_seen(path.names[0]))
    }
}

/// An end of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    /// The first bytes.
    Start,
    /// The last bytes.
    End,
}

impl Edge {
    /// Whether enough of `name` is known there.
    fn is_seen(self, name: &str) -> bool {
        let (head, tail) = ends(name);
        match self {
            Self::Start => head.len() >= GATE_BYTES,
            Self::End => !is_cut(name) && tail.len() >= GATE_BYTES,
        }
    }
}

fn step(name: &str, i: usize) -> Result<Step, BadPattern> {
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
        ("*", _) if i == 1 => Ok(Step::Any),
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
