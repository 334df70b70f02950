//! Indexes of uv ("Settings") and the services that it is logged in to (`uv auth login`).

use super::{
    document,
    place::{Kept, Places},
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    #[serde(default)]
    index: Vec<Index>,
    publish_url: Option<String>,
    index_url: Option<String>,
    #[serde(default)]
    extra_index_url: Vec<String>,
    pip: Option<Pip>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Index {
    url: Option<String>,
    publish_url: Option<String>,
}

/// Of `uv pip` alone.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Pip {
    index_url: Option<String>,
    #[serde(default)]
    extra_index_url: Vec<String>,
}

pub(super) fn read(text: &str, places: &mut Places) {
    let Some(file) = document::toml::<File>(text) else { return };
    let indexes = file.index.into_iter().flat_map(|index| [index.url, index.publish_url]).flatten();
    let plain = file.publish_url.into_iter().chain(file.index_url).chain(file.extra_index_url);
    let pip = file.pip.into_iter().flat_map(|pip| pip.index_url.into_iter().chain(pip.extra_index_url));
    indexes.chain(plain).chain(pip).for_each(|url| places.add(Kept::url(&url)));
}

#[derive(Deserialize)]
struct Credentials {
    #[serde(default)]
    credential: Vec<Credential>,
}

#[derive(Deserialize)]
struct Credential {
    service: Option<String>,
}

pub(super) fn read_credentials(text: &str, places: &mut Places) {
    let all = document::toml::<Credentials>(text).into_iter().flat_map(|all| all.credential);
    all.filter_map(|credential| credential.service).for_each(|service| places.add(Kept::url_or_bare(&service)));
}

#[cfg(test)]
mod tests {
    use super::super::{
        Format::{Uv, UvCredentials},
        hostile,
    };

    #[test]
    fn indexes_and_services_are_places() {
        let text = "publish-url = \"https://a.test/legacy/\"\nindex-url = \"https://b.test/simple\"\nextra-index-url = \
            [\"https://c.test/simple\"]\nhttp-proxy = \"https://proxy.test\"\n[[index]]\nname = \"x\"\nurl = \
            \"https://d.test:8443/simple\"\npublish-url = \"https://e.test\"\n[pip]\nindex-url = \"https://f.test\"\n";
        let expected = ["d.test:8443", "e.test:443", "a.test:443", "b.test:443", "c.test:443", "f.test:443"];
        hostile::named(Uv, text, &expected);
        let text = "[[credential]]\nservice = \"https://a.test/\"\nusername = \"x\"\nscheme = \"basic\"\npassword = \"y\"\n\
            [[credential]]\nservice = \"b.test\"\n";
        hostile::named(UvCredentials, text, &["a.test:443", "b.test"]);
    }

    #[test]
    fn hostile_edits() {
        hostile::edits(Uv, |host| format!("[[index]]\nurl = 'https://{host}/simple'\n"));
        hostile::hosts(Uv, |host| format!("[[index]]\nurl = 'https://{host}/simple'\n"));
        hostile::urls(Uv, |url| format!("[[index]]\nurl = '{url}'\n"));
        hostile::edits(UvCredentials, |host| format!("[[credential]]\nservice = 'https://{host}/'\n"));
        hostile::hosts(UvCredentials, |host| format!("[[credential]]\nservice = 'https://{host}/'\n"));
        hostile::urls(UvCredentials, |url| format!("[[credential]]\nservice = '{url}'\n"));
    }
}
