//! What can be wrong with a policy: each message says where, and what to do.

use super::{BadDestination, BadLine, BadName, BadPattern, BadVariable, date::BadDate, snippet::Sources};
use crate::engine::Action;
use detector_common::limits::{CLASSES, LEAF_GLOBS};
use std::{fmt, io};

/// Errors that are told of one policy; more are counted.
const TOLD: usize = 20;

/// A place in a policy file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named.
    pub file: String,
    /// Line and column in characters, from 1, where known.
    pub at: Option<(u64, u64)>,
}

impl Place {
    /// The file as a whole.
    pub fn file(file: impl Into<String>) -> Self {
        Self { file: file.into(), at: None }
    }

    pub(super) fn at(file: &str, location: serde_saphyr::Location) -> Self {
        // Line 0 is saphyr's "unknown".
        let at = (location.line() > 0).then(|| (location.line(), location.column()));
        Self { file: file.to_owned(), at }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        self.at.map_or(Ok(()), |(line, column)| write!(f, ":{line}:{column}"))
    }
}

/// One thing that is wrong with a policy.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum PolicyError {
    #[error("{place}: cannot read {file}: {source}; check the path and its permissions")]
    Read { place: Place, file: String, source: io::Error },
    #[error("{place}: {file} is a directory; name the policy file in it")]
    Directory { place: Place, file: String },
    #[error("{place}: {file} is larger than 4 MiB; that is no policy")]
    TooLarge { place: Place, file: String },
    #[error("{place}: not UTF-8; save the file as UTF-8")]
    NotUtf8 { place: Place },
    #[error("{place}: {message}")]
    Yaml { place: Place, message: String },
    #[error("{place}: unknown key `{key}`; {hint}")]
    UnknownKey { place: Place, key: String, hint: String },
    #[error("{place}: `{key}` stands here a second time; keep one")]
    Duplicate { place: Place, key: String },
    #[error("{place}: too many aliases, levels or values; write the policy flat and without anchors")]
    TooComplex { place: Place },
    #[error("{place}: version {found} is not known to this detector; write `version: 1` or install a newer detector")]
    Version { place: Place, found: u64 },
    #[error("{place}: no version; begin the file with `version: 1`")]
    NoVersion { place: Place },
    #[error("{place}: policies extend each other in a circle: {chain}; remove one `extends`")]
    Cycle { place: Place, chain: String },
    #[error("{place}: more than 8 policies extend each other: {chain}; merge some of them")]
    TooDeep { place: Place, chain: String },
    #[error("{place}: `{name}` cannot be extended from here; only `extends: builtin` can")]
    NotAFile { place: Place, name: String },
    #[error("{place}: `{name}` is no class name; use 1 to 40 of a-z, 0-9, - and _, a letter first, and not `all`")]
    ClassName { place: Place, name: String },
    #[error("{place}: class `{name}` is one too many; a policy has at most {CLASSES}: merge some")]
    TooManyClasses { place: Place, name: String },
    #[error("{place}: class `{class}` is new here and has no `{field}`; add it{hint}")]
    MissingField { place: Place, class: String, field: &'static str, hint: String },
    #[error(
        "{place}: class `{class}` has neither `paths` nor `door`; add one (to switch a class off: `action: observe`)"
    )]
    EmptyClass { place: Place, class: String },
    #[error("{place}: a {what} with control or invisible characters; write plain text")]
    Text { place: Place, what: &'static str },
    #[error("{place}: a reason that says nothing; write why")]
    EmptyReason { place: Place },
    #[error("{place}: unknown class `{name}`; {hint}")]
    UnknownClass { place: Place, name: String, hint: String },
    #[error("{place}: unknown program `{name}`; {hint}")]
    UnknownProgram { place: Place, name: String, hint: String },
    #[error("{place}: `{name}` is no name of a program; use 1 to 40 letters, digits and `._+-`")]
    ProgramName { place: Place, name: String },
    #[error("{place}: bad name `{name}`: {rule}")]
    ProgramFile { place: Place, name: String, rule: BadName },
    #[error("{place}: unknown trait `{name}`; {hint}")]
    UnknownTrait { place: Place, name: String, hint: String },
    #[error("{place}: bad command line `{line}`: {rule}")]
    Line { place: Place, line: String, rule: BadLine },
    #[error("{place}: bad variable `{name}`: {rule}")]
    Variable { place: Place, name: String, rule: BadVariable },
    #[error("{place}: unknown rule `{name}`; {hint}")]
    UnknownRule { place: Place, name: String, hint: String },
    #[error("{place}: bad pattern `{pattern}`: {rule}")]
    Pattern { place: Place, pattern: String, rule: BadPattern },
    #[error("{place}: `{pattern}` is one leaf glob too many for its directory (at most {LEAF_GLOBS}); use a wider one")]
    TooManyGlobs { place: Place, pattern: String },
    #[error("{place}: bad destination `{text}`: {rule}")]
    Destination { place: Place, text: String, rule: BadDestination },
    #[error("{place}: too many {what} for the kernel's tables (at most {most}); use wider ones")]
    TooMany { place: Place, what: &'static str, most: u32 },
    #[error("{place}: `action: {}` cannot be carried out for rule `{rule}`: {why}", action.name())]
    RuleAction { place: Place, rule: &'static str, action: Action, why: &'static str },
    #[error("{place}: rule `{rule}` cannot be switched off: {why}")]
    RuleStaysOn { place: Place, rule: &'static str, why: &'static str },
    #[error("{place}: rule `{rule}` has no exceptions: {why}")]
    RuleStays { place: Place, rule: &'static str, why: &'static str },
    #[error("{place}: `{key}` is empty, so the exception would hold for nothing; leave `{key}` out to hold for any")]
    EmptySelector { place: Place, key: &'static str },
    #[error(
        "{place}: an exception from all that the rule finds; narrow it by `classes`, `programs`, `paths`, `to` or \
         `steps` (to switch the rule off: `rules: {{ {rule}: {{ enabled: false }} }}`)"
    )]
    WideException { place: Place, rule: &'static str },
    #[error(
        "{place}: the kernel side refuses a leak, and cannot be given this exception: {why}; write a destination \
         instead: `destinations: [{{ to: [...], accept: [...], reason: ... }}]`"
    )]
    LeakException { place: Place, why: &'static str },
    #[error("{place}: `{pattern}` starts with a variable, and an exception does not know it; write `**/` instead")]
    VariableException { place: Place, pattern: String },
    #[error("{place}: bad date `{text}`: {rule}")]
    Date { place: Place, text: String, rule: BadDate },
}

impl PolicyError {
    /// Where it is.
    pub fn place(&self) -> &Place {
        match self {
            Self::Read { place, .. }
            | Self::Directory { place, .. }
            | Self::TooLarge { place, .. }
            | Self::NotUtf8 { place }
            | Self::Yaml { place, .. }
            | Self::UnknownKey { place, .. }
            | Self::Duplicate { place, .. }
            | Self::TooComplex { place }
            | Self::Version { place, .. }
            | Self::NoVersion { place }
            | Self::Cycle { place, .. }
            | Self::TooDeep { place, .. }
            | Self::NotAFile { place, .. }
            | Self::ClassName { place, .. }
            | Self::TooManyClasses { place, .. }
            | Self::MissingField { place, .. }
            | Self::EmptyClass { place, .. }
            | Self::Text { place, .. }
            | Self::EmptyReason { place }
            | Self::UnknownClass { place, .. }
            | Self::UnknownProgram { place, .. }
            | Self::ProgramName { place, .. }
            | Self::ProgramFile { place, .. }
            | Self::UnknownTrait { place, .. }
            | Self::Line { place, .. }
            | Self::Variable { place, .. }
            | Self::UnknownRule { place, .. }
            | Self::Pattern { place, .. }
            | Self::TooManyGlobs { place, .. }
            | Self::Destination { place, .. }
            | Self::TooMany { place, .. }
            | Self::RuleAction { place, .. }
            | Self::RuleStaysOn { place, .. }
            | Self::RuleStays { place, .. }
            | Self::EmptySelector { place, .. }
            | Self::WideException { place, .. }
            | Self::LeakException { place, .. }
            | Self::VariableException { place, .. }
            | Self::Date { place, .. } => place,
        }
    }
}

/// What is wrong with a policy, as far as one pass finds it.
#[derive(Debug, Default)]
pub(super) struct Errors {
    errors: Vec<PolicyError>,
    more: usize,
}

impl Errors {
    pub(super) fn push(&mut self, error: PolicyError) {
        if self.errors.len() < TOLD {
            self.errors.push(error);
        } else {
            self.more += 1;
        }
    }

    /// What came of it, if anything.
    pub(super) fn take<T>(&mut self, result: Result<T, PolicyError>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// How many there are so far.
    pub(super) fn count(&self) -> usize {
        self.errors.len() + self.more
    }

    /// The refusal, if anything is wrong; lines are shown of `sources`.
    pub(super) fn refuse(mut self, sources: Sources) -> Result<(), BadPolicy> {
        if self.count() == 0 {
            return Ok(());
        }
        // In the order of lines; files stay in the order of their first error.
        let files: Vec<_> = self.errors.iter().map(|error| error.place().file.clone()).collect();
        self.errors.sort_by_key(|error| {
            let place = error.place();
            (files.iter().position(|file| *file == place.file), place.at)
        });
        Err(BadPolicy { errors: self.errors, more: self.more, sources })
    }
}

/// A policy that was refused, with all that was found wrong with it. Its text shows the lines.
#[derive(Debug)]
pub struct BadPolicy {
    errors: Vec<PolicyError>,
    more: usize,
    sources: Sources,
}

impl BadPolicy {
    /// What is wrong, file by file, in the order of lines; at least one, and no more than are told.
    pub fn errors(&self) -> &[PolicyError] {
        &self.errors
    }

    /// The first of them alone.
    #[cfg(test)]
    pub(super) fn into_first(self) -> PolicyError {
        self.errors.into_iter().next().expect("there is one")
    }
}

impl fmt::Display for BadPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.errors.iter().enumerate() {
            let line = if i > 0 { "\n" } else { "" };
            write!(f, "{line}{error}{}", self.sources.snippet(error.place()))?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, "\nand {more} more; correct these first"),
        }
    }
}

impl std::error::Error for BadPolicy {}
