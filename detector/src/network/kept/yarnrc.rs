//! Registries of Yarn: `.yarnrc` of its first version, `.yarnrc.yml` of the later ones ("Settings").

use super::{
    document::{self, Keyed},
    npmrc,
    place::{Kept, Places},
};
use serde::{Deserialize, de::IgnoredAny};

/// Lines of a key and a value, each in quotes or not.
pub(super) fn read(text: &str, places: &mut Places) {
    for line in text.lines() {
        let Some((key, rest)) = word(line.trim()) else { continue };
        let Some((value, "")) = word(rest.trim_start()) else { continue };
        if key == "registry" || key.starts_with('@') && key.ends_with(":registry") {
            places.add(Kept::url(value));
        } else {
            places.add(npmrc::scope(key));
        }
    }
}

/// The word at the start of `text`, without its quotes, and what follows.
fn word(text: &str) -> Option<(&str, &str)> {
    match text.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"'),
        None => Some(text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()))),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    npm_registry_server: Option<String>,
    npm_publish_registry: Option<String>,
    npm_scopes: Option<Keyed<Scope>>,
    npm_registries: Option<Keyed<IgnoredAny>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scope {
    npm_registry_server: Option<String>,
    npm_publish_registry: Option<String>,
}

pub(super) fn read_yml(text: &str, places: &mut Places) {
    let Some(file) = document::yaml::<File>(text) else { return };
    let scopes = file.npm_scopes.into_iter().flatten();
    let scopes = scopes.flat_map(|(_, scope)| [scope.npm_registry_server, scope.npm_publish_registry]);
    let servers = [file.npm_registry_server, file.npm_publish_registry].into_iter().chain(scopes).flatten();
    servers.for_each(|server| places.add(Kept::url(&server)));
    for (registry, _) in file.npm_registries.into_iter().flatten() {
        // `//HOST` is of any scheme.
        places.add(Kept::url_or_bare(registry.strip_prefix("//").unwrap_or(&registry)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Format::{Yarnrc, YarnrcYml},
        hostile,
    };

    #[test]
    fn both_files_name_registries() {
        let text = "# x\nregistry \"https://a.test/\"\n\"@team:registry\" \"https://b.test\"\n\"//c.test/:_authToken\" \"x\"\n\
            lastUpdateCheck 1\nregistry \"https://no.test\n";
        hostile::named(Yarnrc, text, &["a.test:443", "b.test:443", "c.test"]);
        let text = "npmRegistryServer: https://a.test\nnpmPublishRegistry: https://b.test:8443\nnpmScopes:\n  team:\n    \
            npmRegistryServer: https://c.test\n    npmAuthToken: x\nnpmRegistries:\n  //d.test:\n    npmAuthToken: y\n  \
            \"https://e.test/x\":\n    npmAuthToken: z\nhttpsProxy: https://proxy.test\n";
        hostile::named(YarnrcYml, text, &["a.test:443", "b.test:8443", "c.test:443", "d.test", "e.test:443"]);
        hostile::named(YarnrcYml, "npmRegistryServer: \"https://${HOST}/\"\n", &[]);
    }

    #[test]
    fn hostile_edits() {
        hostile::edits(Yarnrc, |host| format!("registry \"https://{host}/\"\n"));
        hostile::hosts(Yarnrc, |host| format!("registry \"https://{host}/\"\n"));
        hostile::urls(Yarnrc, |url| format!("registry \"{url}\"\n"));
        hostile::edits(YarnrcYml, |host| format!("npmRegistries:\n  '//{host}':\n    npmAuthToken: x\n"));
        hostile::hosts(YarnrcYml, |host| format!("npmRegistries:\n  '//{host}':\n    npmAuthToken: x\n"));
        hostile::urls(YarnrcYml, |url| format!("npmRegistryServer: '{url}'\n"));
    }
}
