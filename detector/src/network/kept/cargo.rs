//! Registries of cargo (The Cargo Book, "Configuration"). Its credentials have names of registries only; where those
//! are stands in `config.toml`.

use super::{
    document::{self, Keyed},
    place::{Kept, Places},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    registries: Option<Keyed<Registry>>,
    source: Option<Keyed<Source>>,
}

#[derive(Deserialize)]
struct Registry {
    index: Option<String>,
}

#[derive(Deserialize)]
struct Source {
    registry: Option<String>,
}

pub(super) fn read(text: &str, places: &mut Places) {
    let Some(file) = document::toml::<File>(text) else { return };
    let registries = file.registries.into_iter().flatten().filter_map(|(_, registry)| registry.index);
    let sources = file.source.into_iter().flatten().filter_map(|(_, source)| source.registry);
    registries.chain(sources).for_each(|index| places.add(Kept::url(&index)));
}

#[cfg(test)]
mod tests {
    use super::super::{Format::Cargo, hostile};

    #[test]
    fn indexes_are_places() {
        let text = "[registries]\na = { index = \"sparse+https://a.test/index/\" }\n[registries.b]\nindex = \
            \"ssh://git@b.test/index.git\"\ntoken = \"x\"\n[source.c]\nregistry = \"https://c.test:8443\"\nreplace-with = \
            \"d\"\n[source.d]\ndirectory = \"vendor\"\n[http]\nproxy = \"https://proxy.test\"\n[registry]\ndefault = \"a\"\n";
        hostile::named(Cargo, text, &["a.test:443", "b.test:22", "c.test:8443"]);
        hostile::named(Cargo, "x = \"\"\"\n[registries.a]\nindex = 'https://no.test'\n\"\"\"\n", &[]);
        hostile::named(Cargo, "[registries.a]\ntoken = 'x'\n", &[]);
    }

    #[test]
    fn hostile_edits() {
        hostile::edits(Cargo, |host| format!("[registries.a]\nindex = 'sparse+https://{host}/'\n"));
        hostile::hosts(Cargo, |host| format!("[registries.a]\nindex = 'sparse+https://{host}/'\n"));
        hostile::urls(Cargo, |url| format!("[registries.a]\nindex = '{url}'\n"));
    }
}
