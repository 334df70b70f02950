//! What can be wrong with a policy: each message says where, and what to do.

use super::{BadDestination, BadLine, BadName, BadPattern, BadVariable};
use detector_common::limits::{CLASSES, LEAF_GLOBS};
use std::{fmt, io};

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

/// Why a policy was refused.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum PolicyError {
    #[error("{place}: cannot read {file}: {source}; check the path and its permissions")]
    Read { place: Place, file: String, source: io::Error },
    #[error("{place}: {file} is a directory; name the policy file in it")]
    Directory { place: Place, file: String },
    #[error("{place}: {file} is larger than 1 MiB; that is no policy")]
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
    #[error("{place}: a reason with control characters; write plain text")]
    Reason { place: Place },
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
    #[error("{place}: bad pattern `{pattern}`: {rule}")]
    Pattern { place: Place, pattern: String, rule: BadPattern },
    #[error("{place}: `{pattern}` is one leaf glob too many for its directory (at most {LEAF_GLOBS}); use a wider one")]
    TooManyGlobs { place: Place, pattern: String },
    #[error("{place}: bad destination `{text}`: {rule}")]
    Destination { place: Place, text: String, rule: BadDestination },
    #[error("{place}: bad host `{name}`; write `name.example` or `*.example`, in small letters")]
    Host { place: Place, name: String },
    #[error("{place}: too many {what} for the kernel's tables (at most {most}); use wider ones")]
    TooMany { place: Place, what: &'static str, most: u32 },
}
