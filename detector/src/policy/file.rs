//! The file as written.

#[cfg(test)]
use super::schema;
use super::{
    class::{Access, Door, Role, Sureness},
    document::Accept,
    error::{Place, PolicyError},
    nearest::hint,
};
use crate::{
    engine::{Action, Mode, Severity},
    event::StepId,
    secret::redact,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_saphyr::{Error, MergeKeyPolicy, MessageFormatter, Options, Spanned, UserMessageFormatter};
use std::{fmt, marker::PhantomData, path::Path};

/// The form this detector knows.
pub(super) const VERSION: u64 = 1;

/// Bytes of a text of the file in a message.
const SHOWN: usize = 300;
/// Bytes of it that are looked at for that.
const SEEN: usize = 4096;
/// Characters of a file's name: paths are no longer.
const NAME: usize = 4096;

/// A policy.
#[derive(Debug, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(title = "Policy of detector"))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct File {
    /// Version of the form. Comes first.
    // Checked before the rest is read.
    #[cfg_attr(test, schemars(with = "schema::Version"))]
    #[serde(rename = "version")]
    _version: u64,
    /// What this file is laid over: `builtin`, or a path relative to this file.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) extends: Option<Spanned<String>>,
    /// Whether leaks are refused, or only reported; `--mode` wins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mode: Option<Mode>,
    /// Severity from which on a finding fails the run (high where nothing is said).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fail_on: Option<Severity>,
    /// Secret classes by name. A known one is changed field by field, and a list takes the place of the one there was.
    #[cfg_attr(test, schemars(with = "schema::Classes"))]
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub(super) classes: Named<Class>,
    /// Where classes may be spent; added to what is inherited.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) destinations: Vec<Destination>,
    /// Declared programs by name. A known one is changed field by field.
    #[cfg_attr(test, schemars(with = "schema::Programs"))]
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub(super) programs: Named<Program>,
    /// What is said of rules, by their ids.
    #[cfg_attr(test, schemars(with = "schema::Rules"))]
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub(super) rules: Named<Rule>,
    /// Findings that are known and right; added to what is inherited.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) exceptions: Vec<Exception>,
}

/// A class, or what a file changes of one. A new one needs `action`, `reason`, and `paths` or `door`.
#[derive(Debug, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Class {
    /// Patterns of the files that belong to it.
    #[cfg_attr(test, schemars(with = "Option<Vec<schema::Path>>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) paths: Option<Vec<Spanned<String>>>,
    /// Ends of file names that do not belong to it, such as `*.pub`.
    #[cfg_attr(test, schemars(with = "Option<Vec<schema::Except>>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) except: Option<Vec<Spanned<String>>>,
    /// What to do about a leak of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) action: Option<Action>,
    /// Why it is a class.
    #[cfg_attr(test, schemars(with = "Option<schema::Reason>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<Spanned<String>>,
    /// A way to join it other than by opening a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) door: Option<Door>,
    /// Whose secret it is: the service or tool that issues it.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) owner: Option<Spanned<String>>,
    /// How sure it is that what belongs to it is a live secret (certain where nothing is said).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sureness: Option<Sureness>,
    /// Classes of one group are related: a sweep counts groups (its own name where nothing is said).
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<Spanned<String>>,
    /// Which opens of its files it is about (read where nothing is said).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) access: Option<Access>,
    /// What it is to a release, which needs a forge and a registry at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<Role>,
    /// Declared programs that read it, by name.
    #[cfg_attr(test, schemars(with = "Option<Vec<String>>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) readers: Option<Vec<Spanned<String>>>,
    /// Patterns of the files of the SDK whose programs read it.
    #[cfg_attr(test, schemars(with = "Option<Vec<schema::Path>>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sdk: Option<Vec<Spanned<String>>>,
    /// Variables of the environment that move it: `NAME` has the file's own path, `NAME/PATTERN` that of a directory.
    #[cfg_attr(test, schemars(with = "Option<Vec<String>>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) moved: Option<Vec<Spanned<String>>>,
    /// Names of hosts where it is spent, at any port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hosts: Option<Hosts>,
}

/// Names of hosts where a class is spent, each with or without `*.` or `**.` in front.
#[derive(Debug, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Hosts {
    /// By anyone: nobody but the owner can have a host of such a name.
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) anyone: Vec<Spanned<String>>,
    /// By declared readers and users of its SDK, what they read themselves: others have hosts of such names, too.
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) readers: Vec<Spanned<String>>,
}

/// A declared program, or what a file changes of one.
#[derive(Debug, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Program {
    /// Names of its files.
    #[cfg_attr(test, schemars(with = "Option<Vec<String>>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) files: Option<Vec<Spanned<String>>>,
    /// How arguments of an interpreter name it.
    #[cfg_attr(test, schemars(with = "Option<Vec<String>>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scripts: Option<Vec<Spanned<String>>>,
    /// What it is trusted with.
    #[cfg_attr(test, schemars(with = "Option<Vec<String>>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) traits: Option<Vec<Spanned<String>>>,
    /// Options that may stand before a subcommand.
    #[cfg_attr(test, schemars(with = "Option<Vec<String>>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) options: Option<Vec<Spanned<String>>>,
    /// Command lines on which it keeps to itself what it reads.
    #[cfg_attr(test, schemars(with = "Option<Vec<String>>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) quiet: Option<Vec<Spanned<String>>>,
    /// Command lines whose output is searched for secrets.
    #[cfg_attr(test, schemars(with = "Option<Vec<String>>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) searched: Option<Vec<Spanned<String>>>,
    /// Command lines that run hooks of what they install.
    #[cfg_attr(test, schemars(with = "Option<Vec<String>>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) installs: Option<Vec<Spanned<String>>>,
    /// Command lines that print the environment.
    #[cfg_attr(test, schemars(with = "Option<Vec<String>>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dumps: Option<Vec<Spanned<String>>>,
    /// Variables of the environment that inject into it or make it print.
    #[cfg_attr(test, schemars(with = "Option<Vec<String>>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) injected_by: Option<Vec<Spanned<String>>>,
}

/// Where classes may be spent.
#[derive(Debug, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Destination {
    /// Addresses, networks, names or patterns of names, with a port or for any: `203.0.113.0/24:443`, `[2001:db8::/32]:443`,
    /// `api.example.com`, `*.example.com:443`.
    #[cfg_attr(test, schemars(with = "Vec<schema::To>"))]
    pub(super) to: Vec<Spanned<String>>,
    /// Which classes: `all`, or a list of names.
    #[cfg_attr(test, schemars(with = "schema::Accepted"))]
    pub(super) accept: Accept<Spanned<String>>,
    /// By which declared programs only (anyone where nothing is said); `*` for whoever read the secret itself.
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) readers: Vec<Spanned<String>>,
    /// Why.
    #[cfg_attr(test, schemars(with = "Option<schema::Reason>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<Spanned<String>>,
}

/// What a file says of a rule.
#[derive(Debug, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Rule {
    /// What to do about its findings: `observe` (severity info) or `alert`. What is refused is said by classes.
    #[cfg_attr(test, schemars(with = "Option<Action>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) action: Option<Spanned<Action>>,
    /// How bad its findings are, whatever the rule itself holds of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) severity: Option<Severity>,
    /// `false` switches it off.
    #[cfg_attr(test, schemars(with = "Option<bool>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) enabled: Option<Spanned<bool>>,
}

/// Findings that are known and right: all that is said must hold of one, and in each list one entry is enough.
#[derive(Debug, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Exception {
    /// Ids of the rules.
    #[cfg_attr(test, schemars(with = "schema::NonEmpty<super::rule::Rule>"))]
    pub(super) rules: Vec<Spanned<String>>,
    /// Classes: those of the finding must all be among these.
    #[cfg_attr(test, schemars(with = "Option<schema::NonEmpty<schema::ClassName>>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) classes: Option<Spanned<Vec<Spanned<String>>>>,
    /// Programs: patterns of their paths, or names of declared ones.
    #[cfg_attr(test, schemars(with = "Option<schema::NonEmpty<String>>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) programs: Option<Spanned<Vec<Spanned<String>>>>,
    /// Patterns of the files that the finding is about, which must all be among these.
    #[cfg_attr(test, schemars(with = "Option<schema::NonEmpty<schema::Path>>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) paths: Option<Spanned<Vec<Spanned<String>>>>,
    /// Addresses or networks that the finding is about.
    #[cfg_attr(test, schemars(with = "Option<schema::NonEmpty<schema::To>>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<Spanned<Vec<Spanned<String>>>>,
    /// Steps of the job, by number.
    #[cfg_attr(test, schemars(with = "Option<schema::NonEmpty<StepId>>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) steps: Option<Spanned<Vec<StepId>>>,
    /// Why it is right.
    #[cfg_attr(test, schemars(with = "schema::Reason"))]
    pub(super) reason: Spanned<String>,
    /// The last day on which the exception holds, in UTC.
    #[cfg_attr(test, schemars(with = "Option<schema::Day>"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<Spanned<String>>,
}

/// A map in the order of the file: that of classes is the order of their bits, that of programs of their numbers.
#[derive(Debug)]
pub(super) struct Named<T>(pub(super) Vec<(Spanned<String>, T)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Named<T> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
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
            // Each name of a list is one: 100,000 of them, and as many for all else.
            max_nodes: 200_000,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 10_000 },
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
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
        Error::InvalidBooleanStrict { .. } => {
            PolicyError::Yaml { place, message: "neither true nor false; write `true` or `false` here".to_owned() }
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
    // What redaction costs grows faster than the text.
    redact::text(&text.as_bytes()[..text.floor_char_boundary(SEEN)], SHOWN)
}

/// The name of a file: escaped, and otherwise as it is, since it is looked for.
pub(super) fn name(path: &Path) -> String {
    let text = path.display().to_string();
    let escape = |c: char| redact::component(c.encode_utf8(&mut [0; 4]).as_bytes());
    text.chars().take(NAME).map(escape).collect()
}
