//! The maps of the object, by name, wherever they come from.

use aya::{Ebpf, maps::Map};
use std::collections::BTreeMap;

/// The maps.
#[derive(Default)]
pub(super) struct Maps(BTreeMap<String, Map>);

impl Maps {
    /// Those of an object that was loaded: its programs have what they need of them.
    pub(super) fn of(ebpf: &mut Ebpf) -> Self {
        // The compiler's own (`.rodata`) and the log's stay where they are.
        let is_ours =
            |name: &str| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_') && !name.starts_with("AYA");
        let names: Vec<String> = ebpf.maps().map(|(name, _)| name.to_owned()).filter(|name| is_ours(name)).collect();
        Self(names.into_iter().filter_map(|name| Some((name.clone(), ebpf.take_map(&name)?))).collect())
    }

    /// Adds one.
    pub(super) fn insert(&mut self, name: String, map: Map) {
        self.0.insert(name, map);
    }

    pub(super) fn map(&self, name: &str) -> Option<&Map> {
        self.0.get(name)
    }

    pub(super) fn map_mut(&mut self, name: &str) -> Option<&mut Map> {
        self.0.get_mut(name)
    }

    pub(super) fn take_map(&mut self, name: &str) -> Option<Map> {
        self.0.remove(name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Map)> {
        self.0.iter().map(|(name, map)| (name.as_str(), map))
    }
}
