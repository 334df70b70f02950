//! The resolved policy as a recording's header keeps it.

use super::{
    class::{Access, Door, Hosts, Role, Sureness},
    date::Date,
    rule::Rule,
};
use crate::{
    engine::{Action, Mode, Severity},
    event::StepId,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, marker::PhantomData};

/// A policy with everything it extends merged in. Its JSON is canonical: one policy, one text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PolicyDocument {
    /// Version of the form.
    pub version: u64,
    /// Mode, where the policy speaks of it.
    pub mode: Option<Mode>,
    /// Severity at which a finding fails the run.
    pub fail_on: Severity,
    /// Classes; the place in the list is the bit.
    pub classes: Vec<ClassDocument>,
    /// Destinations.
    pub destinations: Vec<DestinationDocument>,
    /// Declared programs; the place in the list, from 1, is the number.
    #[serde(default)]
    pub programs: Vec<ProgramDocument>,
    /// What is said of rules, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleDocument>,
    /// Exceptions from rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<ExceptionDocument>,
    /// The day on which the policy was loaded, in UTC, where an exception has an end: those that ended before it do
    /// not hold. Replay goes by it, and so does not depend on the day of the replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
}

/// See [`PolicyDocument::classes`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClassDocument {
    /// Name.
    pub name: String,
    /// What to do about a leak.
    pub action: Action,
    /// Why it is a class.
    pub reason: String,
    /// Path patterns, as written.
    pub paths: Vec<String>,
    /// Leaf patterns that are none of it, as written.
    pub except: Vec<String>,
    /// The door by which it is joined.
    pub door: Option<Door>,
    /// See [`super::Class::owner`].
    #[serde(default)]
    pub owner: String,
    /// See [`super::Class::sureness`].
    #[serde(default)]
    pub sureness: Sureness,
    /// See [`super::Class::group`].
    #[serde(default)]
    pub group: String,
    /// See [`super::Class::access`].
    #[serde(default)]
    pub access: Access,
    /// See [`super::Class::role`].
    #[serde(default)]
    pub role: Option<Role>,
    /// See [`super::Class::readers`].
    #[serde(default)]
    pub readers: Vec<String>,
    /// See [`super::Class::sdk`].
    #[serde(default)]
    pub sdk: Vec<String>,
    /// See [`super::Class::moved`].
    #[serde(default)]
    pub moved: Vec<String>,
    /// See [`super::Class::hosts`].
    #[serde(default)]
    pub hosts: Hosts,
}

/// See [`PolicyDocument::programs`]. What the words mean is said at [`super::Program`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProgramDocument {
    /// Name.
    pub name: String,
    /// Names of its files.
    pub files: Vec<String>,
    /// How arguments of an interpreter name it.
    pub scripts: Vec<String>,
    /// What it is trusted with.
    pub traits: Vec<String>,
    /// Options that may stand before a subcommand.
    pub options: Vec<String>,
    /// Quiet command lines.
    pub quiet: Vec<String>,
    /// Command lines whose output is searched for secrets.
    #[serde(default)]
    pub searched: Vec<String>,
    /// Command lines that run hooks of what they install.
    pub installs: Vec<String>,
    /// Command lines that print the environment.
    pub dumps: Vec<String>,
    /// Variables that inject into it or make it print.
    pub injected_by: Vec<String>,
}

/// See [`PolicyDocument::destinations`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DestinationDocument {
    /// Addresses or networks, with or without a port, as written.
    pub to: Vec<String>,
    /// What may be spent there.
    pub accept: Accept<String>,
    /// By which declared programs only; empty for anyone.
    #[serde(default)]
    pub readers: Vec<String>,
    /// Why.
    pub reason: Option<String>,
}

/// See [`PolicyDocument::rules`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RuleDocument {
    /// The rule.
    pub name: Rule,
    /// Whether it makes findings.
    pub enabled: bool,
    /// What to do about them.
    pub action: Option<Action>,
    /// How bad they are.
    pub severity: Option<Severity>,
}

/// See [`PolicyDocument::exceptions`]. Of the lists, an empty one is for any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExceptionDocument {
    /// Of which rules.
    pub rules: Vec<Rule>,
    /// Classes, by name.
    pub classes: Vec<String>,
    /// Programs: patterns of their paths, as written, or names of declared ones.
    pub programs: Vec<String>,
    /// Path patterns, as written.
    pub paths: Vec<String>,
    /// Addresses or networks, as written.
    pub to: Vec<String>,
    /// Steps.
    pub steps: Vec<StepId>,
    /// Why.
    pub reason: String,
    /// The last day on which it holds, in UTC.
    pub until: Option<Date>,
}

/// The classes that a destination accepts, in a file `all` or a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accept<T> {
    /// Every class there is or will be.
    All,
    /// These.
    Classes(Vec<T>),
}

impl<T: Serialize> Serialize for Accept<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Classes(names) => names.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Accept<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AcceptVisitor(PhantomData))
    }
}

struct AcceptVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> de::Visitor<'de> for AcceptVisitor<T> {
    type Value = Accept<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`all` or a list of class names")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        if text == "all" { Ok(Accept::All) } else { Err(E::invalid_value(de::Unexpected::Str(text), &self)) }
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = list.next_element()? {
            names.push(name);
        }
        Ok(Accept::Classes(names))
    }
}
