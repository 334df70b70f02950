//! Classes of the resolved policy.

use super::pattern::{Pattern, Walked, is_excepted};
use crate::{engine::Action, secret::ClassId};
use serde::{Deserialize, Serialize};

/// A way to join a class other than by opening a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Door {
    /// Another process's memory.
    Memory,
    /// Another process's environment.
    Environ,
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
}

impl Class {
    /// Whether the file at `path` belongs to it.
    pub(super) fn holds(&self, path: &Walked<'_>) -> bool {
        path.names.first().is_some_and(|leaf| !is_excepted(leaf, &self.except))
            && self.paths.iter().any(|pattern| pattern.matches(path))
    }
}
