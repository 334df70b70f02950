//! Servers of the JFrog CLI (its `jfrog-cli.conf`, versions 2 to 6).

use super::{
    document,
    place::{Kept, Places},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    servers: Option<Vec<Server>>,
    /// Up to version 4.
    artifactory: Option<Vec<Server>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Server {
    url: Option<String>,
    artifactory_url: Option<String>,
    distribution_url: Option<String>,
    xray_url: Option<String>,
    access_url: Option<String>,
}

pub(super) fn read(text: &str, places: &mut Places) {
    let Some(file) = document::json::<File>(text) else { return };
    for server in [file.servers, file.artifactory].into_iter().flatten().flatten() {
        let Server { url, artifactory_url, distribution_url, xray_url, access_url } = server;
        let urls = [url, artifactory_url, distribution_url, xray_url, access_url];
        urls.into_iter().flatten().for_each(|url| places.add(Kept::url(&url)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format::Jfrog, hostile};

    #[test]
    fn servers_are_places() {
        let text = r#"{"servers":[{"url":"https://a.test/","artifactoryUrl":"https://b.test/artifactory/","xrayUrl":"",
            "accessToken":"x","serverId":"y","isDefault":true}],"version":"6"}"#;
        hostile::named(Jfrog, text, &["a.test:443", "b.test:443"]);
        hostile::named(Jfrog, r#"{"artifactory":[{"url":"https://a.test/"}],"Version":"1"}"#, &["a.test:443"]);
    }

    #[test]
    fn hostile_edits() {
        hostile::edits(Jfrog, |host| format!(r#"{{"servers":[{{"url":"https://{host}/"}}]}}"#));
        hostile::hosts(Jfrog, |host| format!(r#"{{"servers":[{{"url":"https://{host}/"}}]}}"#));
        hostile::urls(Jfrog, |url| format!(r#"{{"servers":[{{"url":"{url}"}}]}}"#));
    }
}
