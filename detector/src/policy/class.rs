//! Classes of the resolved policy.

use super::pattern::{Pattern, Walked, is_excepted};
use crate::{engine::Action, secret::ClassId};
use serde::{Deserialize, Serialize};

/// A way to join a class other than by opening a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Door {
    /// Another process's memory.
    Memory,
    /// Another process's environment.
    Environ,
    /// The own environment, printed into a pipe or file.
    Dump,
    /// Credentials that a cloud's metadata service is asked for.
    Metadata,
}

/// How sure it is that what belongs to a class is a live secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Sureness {
    /// Often no secret, or none of value.
    Weak,
    /// Often a secret.
    Likely,
    /// A secret whenever it is there.
    #[default]
    Certain,
}

/// Which opens of its files a class is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// For reading.
    #[default]
    Read,
    /// For writing: nobody joins it, a rule may watch it.
    Write,
}

/// What a class is to a release, which needs a forge and a registry at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Code and workflows are changed with it.
    Forge,
    /// Packages are published with it.
    Registry,
}

/// Where a class is spent, by name and at any port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Hosts {
    /// By anyone: nobody but the owner can have a host of such a name.
    #[serde(default)]
    pub anyone: Vec<String>,
    /// By declared readers and users of its SDK, what they read themselves: others have hosts of such names, too.
    #[serde(default)]
    pub readers: Vec<String>,
}

/// A secret class.
#[derive(Clone, Debug)]
pub struct Class {
    /// Its bit.
    pub id: ClassId,
    /// Name.
    pub name: String,
    /// What to do about a leak.
    pub action: Action,
    /// Why it is a class.
    pub reason: String,
    /// Files that belong to it.
    pub paths: Vec<Pattern>,
    /// Ends of names (without the `*`) that do not.
    pub except: Vec<String>,
    /// The door by which it is joined.
    pub door: Option<Door>,
    /// Whose secret it is: the service or tool that issues it.
    pub owner: String,
    /// How sure it is that it is one.
    pub sureness: Sureness,
    /// Classes of one group are related: a sweep counts groups.
    pub group: String,
    /// Which opens it is about.
    pub access: Access,
    /// What it is to a release.
    pub role: Option<Role>,
    /// Declared programs that read it, by name.
    pub readers: Vec<String>,
    /// Files of the SDK whose programs read it.
    pub sdk: Vec<Pattern>,
    /// Variables of the environment that move it: `NAME` has the file's own path, `NAME/PATTERN` that of a directory.
    pub moved: Vec<String>,
    /// Where it is spent.
    pub hosts: Hosts,
}

impl Class {
    /// Whether the file at `path` belongs to it.
    pub(super) fn holds(&self, path: &Walked<'_>) -> bool {
        path.names.first().is_some_and(|leaf| !is_excepted(leaf, &self.except))
            && self.paths.iter().any(|pattern| pattern.matches(path))
    }

    /// Whether it is recorded only: no holder joins it.
    pub fn is_observed(&self) -> bool {
        self.action == Action::Observe || self.access == Access::Write
    }
}
