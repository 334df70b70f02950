//! Documents of JSON, YAML and TOML, read for the few keys that are wanted. One that is malformed anywhere is nothing.

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error, MapAccess, Visitor},
};
use serde_saphyr::{MergeKeyPolicy, Options};
use std::{fmt, marker::PhantomData};

/// Entries of one map: more than a file has that a person keeps.
const ENTRIES: usize = 1024;

/// Bytes of a document of TOML, which takes some forty times as many to read.
const TOML: usize = 1 << 18;

pub(super) fn json<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

pub(super) fn toml<T: DeserializeOwned>(text: &str) -> Option<T> {
    if text.len() > TOML { None } else { toml::from_str(text).ok() }
}

pub(super) fn yaml<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_saphyr::from_str_with_options(text, options()).ok()
}

/// No program writes an alias into its credentials: none is followed.
fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_aliases: 0,
            max_anchors: 16,
            max_depth: 32,
            max_documents: 1,
            max_nodes: 100_000,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 0 },
        merge_keys: MergeKeyPolicy::Error,
        with_snippet: false,
    }
}

/// A map in its order. A key that stands twice makes the document malformed: readers differ about which one counts.
pub(super) struct Keyed<T>(Vec<(String, T)>);

impl<T> IntoIterator for Keyed<T> {
    type Item = (String, T);
    type IntoIter = std::vec::IntoIter<(String, T)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Keyed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Keyed<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries: Vec<(String, T)> = Vec::new();
                let mut keys = std::collections::BTreeSet::new();
                while let Some((key, value)) = map.next_entry::<String, T>()? {
                    if entries.len() >= ENTRIES || !keys.insert(key.clone()) {
                        return Err(A::Error::custom("too many entries, or one twice"));
                    }
                    entries.push((key, value));
                }
                Ok(Keyed(entries))
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::IgnoredAny;

    type Keys = Keyed<IgnoredAny>;

    #[test]
    fn a_map_keeps_its_order_and_no_key_twice() {
        let keys = |all: Keys| all.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
        assert_eq!(json(r#"{"b":1,"a":{"c":[]}}"#).map(keys).unwrap(), ["b", "a"]);
        assert_eq!(yaml("b: 1\na: {c: []}\n").map(keys).unwrap(), ["b", "a"]);
        assert_eq!(toml("b = 1\n[a]\nc = []\n").map(keys).unwrap().len(), 2);
        assert!(json::<Keys>(r#"{"a":1,"a":2}"#).is_none());
        assert!(yaml::<Keys>("a: 1\na: 2\n").is_none());
        assert!(toml::<Keys>("a = 1\na = 2\n").is_none());
    }

    #[test]
    fn bombs_are_stopped() {
        let many = (0..=ENTRIES).map(|n| format!("k{n}: 1\n")).collect::<String>();
        assert!(yaml::<Keys>(&many).is_none());
        let mut laughs = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for (name, of) in "bcdefghi".chars().zip("abcdefgh".chars()) {
            let all = vec![format!("*{of}"); 9].join(", ");
            laughs.push_str(&format!("{name}: &{name} [{all}]\n"));
        }
        assert!(yaml::<Keys>(&laughs).is_none());
        assert!(yaml::<Keys>("a: &a x\nb: *a\n").is_none());
        assert!(yaml::<Keys>("a: &a {b: 1}\nc:\n  <<: *a\n").is_none());
        let deep = 200_000;
        assert!(yaml::<Keys>(&format!("a: {}", "[".repeat(deep))).is_none());
        assert!(yaml::<Keys>(&"- ".repeat(deep)).is_none());
        assert!(json::<Keys>(&format!(r#"{{"a":{}"#, "[".repeat(deep))).is_none());
        assert!(toml::<Keys>(&format!("a = 1{}", "\n".repeat(TOML))).is_none());
        // Short enough to be read.
        let deep = 30_000;
        assert!(toml::<Keys>(&format!("a = {}1{}", "[".repeat(deep), "]".repeat(deep))).is_none());
        assert!(toml::<Keys>(&format!("a = {}1{}", "{a=".repeat(deep), "}".repeat(deep))).is_none());
        assert!(toml::<Keys>(&format!("{}a = 1", "a.".repeat(deep))).is_none());
        assert!(toml::<Keys>(&format!("[{}a]\nb = 1", "a.".repeat(deep))).is_none());
    }
}
