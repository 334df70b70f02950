//! The file as written.

use super::{
    class::{Access, Door, Role, Sureness},
    document::Accept,
    error::{Place, PolicyError},
    nearest::hint,
};
use crate::engine::{Action, Mode, Severity};
use serde::{Deserialize, Deserializer, de};
use serde_saphyr::{Error, MergeKeyPolicy, MessageFormatter, Options, Spanned, UserMessageFormatter};
use std::{fmt, marker::PhantomData};

/// The form this detector knows.
pub(super) const VERSION: u64 = 1;

/// One file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct File {
    /// Checked before the rest is read.
    #[serde(rename = "version")]
    _version: u64,
    pub(super) extends: Option<Spanned<String>>,
    pub(super) mode: Option<Mode>,
    pub(super) fail_on: Option<Severity>,
    #[serde(default)]
    pub(super) classes: Named<Class>,
    #[serde(default)]
    pub(super) destinations: Vec<Destination>,
    #[serde(default)]
    pub(super) programs: Named<Program>,
}

/// A class, or what a file changes of one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Class {
    pub(super) paths: Option<Vec<Spanned<String>>>,
    pub(super) except: Option<Vec<Spanned<String>>>,
    pub(super) action: Option<Action>,
    pub(super) reason: Option<Spanned<String>>,
    pub(super) door: Option<Door>,
    pub(super) owner: Option<Spanned<String>>,
    pub(super) sureness: Option<Sureness>,
    pub(super) group: Option<Spanned<String>>,
    pub(super) access: Option<Access>,
    pub(super) role: Option<Role>,
    pub(super) readers: Option<Vec<Spanned<String>>>,
    pub(super) sdk: Option<Vec<Spanned<String>>>,
    pub(super) moved: Option<Vec<Spanned<String>>>,
    pub(super) hosts: Option<Hosts>,
}

/// Names of hosts where a class is spent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Hosts {
    #[serde(default)]
    pub(super) anyone: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) readers: Vec<Spanned<String>>,
}

/// A declared program, or what a file changes of one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Program {
    pub(super) files: Option<Vec<Spanned<String>>>,
    pub(super) scripts: Option<Vec<Spanned<String>>>,
    pub(super) traits: Option<Vec<Spanned<String>>>,
    pub(super) options: Option<Vec<Spanned<String>>>,
    pub(super) quiet: Option<Vec<Spanned<String>>>,
    pub(super) installs: Option<Vec<Spanned<String>>>,
    pub(super) dumps: Option<Vec<Spanned<String>>>,
    pub(super) injected_by: Option<Vec<Spanned<String>>>,
}

/// A row of destinations.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Destination {
    pub(super) to: Vec<Spanned<String>>,
    pub(super) accept: Accept<Spanned<String>>,
    #[serde(default)]
    pub(super) readers: Vec<Spanned<String>>,
    pub(super) reason: Option<Spanned<String>>,
}

/// A map in the order of the file: that of classes is the order of their bits, that of programs of their numbers.
#[derive(Debug)]
pub(super) struct Named<T>(pub(super) Vec<(Spanned<String>, T)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Visitor<T> {
            type Value = Named<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of names")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Named<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Named(entries))
            }
        }
        deserializer.deserialize_map(Visitor(PhantomData))
    }
}

/// Reads `text`; `name` is how messages call the file.
pub(super) fn parse(text: &str, name: &str) -> Result<File, PolicyError> {
    // The version decides which keys are known, so it is read first, whatever stands around it.
    #[derive(Deserialize)]
    struct Head {
        version: Option<Spanned<u64>>,
    }
    let head: Option<Head> = read(text, name)?;
    match head.and_then(|head| head.version) {
        Some(version) if version.value == VERSION => read(text, name),
        Some(version) => Err(PolicyError::Version { place: Place::at(name, version.referenced), found: version.value }),
        None => Err(PolicyError::NoVersion { place: Place::file(name) }),
    }
}

fn read<T: de::DeserializeOwned>(text: &str, name: &str) -> Result<T, PolicyError> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| refusal(&error, name))
}

/// Bounds far above what a policy needs and far below what hurts.
fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_aliases: 256,
            max_anchors: 256,
            max_depth: 16,
            max_documents: 1,
            max_nodes: 100_000,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 10_000 },
        merge_keys: MergeKeyPolicy::Error,
        reject_unsupported_tags: true,
        with_snippet: false,
    }
}

fn refusal(error: &Error, file: &str) -> PolicyError {
    let place = error.location().map_or_else(|| Place::file(file), |location| Place::at(file, location));
    match error.without_snippet() {
        Error::AliasError { error, .. } => refusal(error, file),
        Error::SerdeUnknownField { field, expected, .. } => {
            PolicyError::UnknownKey { place, key: shown(field), hint: hint(field, expected.iter().copied()) }
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            let hint = hint(variant, expected.iter().copied());
            PolicyError::Yaml { place, message: format!("`{}` is no value of this key; {hint}", shown(variant)) }
        }
        Error::SerdeMissingField { field, .. } => {
            PolicyError::Yaml { place, message: format!("no `{field}` here; add it") }
        }
        Error::DuplicateMappingKey { key, .. } => {
            PolicyError::Duplicate { place, key: shown(key.as_deref().unwrap_or("a key")) }
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::RecursiveReferencesRequireWeakTypes { .. } => PolicyError::TooComplex { place },
        Error::UnknownAnchor { .. } => {
            PolicyError::Yaml { place, message: "an alias of nothing; quote a pattern that starts with `*`".to_owned() }
        }
        Error::InvalidScalar { .. } => {
            PolicyError::Yaml { place, message: "not a whole number; write one here".to_owned() }
        }
        other => {
            let text = UserMessageFormatter.format_message(other);
            let message = format!("{}; correct the YAML there", shown(text.lines().next().unwrap_or_default()));
            PolicyError::Yaml { place, message }
        }
    }
}

/// Text of the file that goes into a message: a policy may come from a pull request.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(300).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
