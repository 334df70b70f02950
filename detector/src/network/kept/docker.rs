//! Logins to container registries: Docker's `config.json`, containers-auth.json(5), the registries of Helm.

use super::{
    document::{self, Keyed},
    place::{Kept, Places},
};
use serde::{Deserialize, de::IgnoredAny};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    auths: Option<Keyed<IgnoredAny>>,
    cred_helpers: Option<Keyed<IgnoredAny>>,
}

/// A registry is named by its host, its URL, or (of podman) its host and a path of it.
pub(super) fn read(text: &str, places: &mut Places) {
    let Some(file) = document::json::<File>(text) else { return };
    let all = [file.auths, file.cred_helpers].into_iter().flatten().flatten();
    all.for_each(|(registry, _)| places.add(Kept::url_or_bare(&registry)));
}

/// `.dockercfg`: what `auths` is in the other.
pub(super) fn read_old(text: &str, places: &mut Places) {
    let all = document::json::<Keyed<IgnoredAny>>(text);
    all.into_iter().flatten().for_each(|(registry, _)| places.add(Kept::url_or_bare(&registry)));
}

#[cfg(test)]
mod tests {
    use super::super::{
        Format::{Docker, Dockercfg},
        hostile,
    };

    #[test]
    fn registries_are_places_with_scheme_and_path_or_without() {
        let text = r#"{"auths":{"https://hub.test/v1/":{"auth":"eDp5"},"a.test":{},"b.test:5000":{},"c.test/team/app":{},
            "http://d.test":{},"[2001:db8::1]:5000":{}},"credHelpers":{"e.test":"ecr-login"},"credsStore":"x.test",
            "proxies":{"default":{"httpsProxy":"https://proxy.test"}},"HttpHeaders":null}"#;
        let expected = ["hub.test:443", "a.test", "b.test:5000", "c.test", "d.test:80", "2001:db8::1:5000", "e.test"];
        hostile::named(Docker, text, &expected);
        hostile::named(Docker, r#"{"auths":null}"#, &[]);
        hostile::named(Dockercfg, r#"{"https://a.test/v1/":{"auth":"eDp5","email":"x@b.test"}}"#, &["a.test:443"]);
    }

    #[test]
    fn hostile_edits() {
        let file = |registry: &str| format!(r#"{{"auths":{{"{registry}":{{"auth":"eDp5"}}}}}}"#);
        hostile::edits(Docker, file);
        hostile::hosts(Docker, file);
        hostile::urls(Docker, file);
        let file = |registry: &str| format!(r#"{{"{registry}":{{"auth":"eDp5"}}}}"#);
        hostile::edits(Dockercfg, file);
        hostile::hosts(Dockercfg, file);
        hostile::urls(Dockercfg, file);
    }
}
