//! Logins of Composer (its documentation, "Authentication for privately hosted packages and repositories").

use super::{
    document::{self, Keyed},
    place::{Kept, Places},
};
use serde::{Deserialize, de::IgnoredAny};

type Hosts = Option<Keyed<IgnoredAny>>;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    http_basic: Hosts,
    bearer: Hosts,
    gitlab_oauth: Hosts,
    gitlab_token: Hosts,
    forgejo_token: Hosts,
    custom_headers: Hosts,
    client_certificate: Hosts,
    github_oauth: Hosts,
    bitbucket_oauth: Hosts,
}

pub(super) fn read(text: &str, places: &mut Places) {
    let Some(file) = document::json::<File>(text) else { return };
    let plain = [
        file.http_basic,
        file.bearer,
        file.gitlab_oauth,
        file.gitlab_token,
        file.forgejo_token,
        file.custom_headers,
        file.client_certificate,
    ];
    plain.into_iter().flatten().flatten().for_each(|(host, _)| places.add(Kept::bare(&host)));
    // These forges have their interface at a name of its own.
    for (host, _) in [file.github_oauth, file.bitbucket_oauth].into_iter().flatten().flatten() {
        let place = Kept::bare(&host);
        let api = place.as_ref().and_then(|place| place.below("api"));
        [place, api].into_iter().for_each(|place| places.add(place));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format::Composer, hostile};

    #[test]
    fn hosts_of_every_kind_are_places() {
        let text = r#"{"http-basic":{"a.test":{"username":"x","password":"y"},"b.test:8443":{}},"bearer":{"c.test":"z"},
            "gitlab-token":{"d.test":"z"},"github-oauth":{"e.test":"z"},"bitbucket-oauth":null,"other":{"no.test":1}}"#;
        hostile::named(Composer, text, &["a.test", "b.test:8443", "c.test", "d.test", "e.test", "api.e.test"]);
        hostile::named(Composer, r#"{"http-basic":[]}"#, &[]);
    }

    #[test]
    fn hostile_edits() {
        hostile::edits(Composer, |host| format!(r#"{{"github-oauth":{{"{host}":"x"}}}}"#));
        hostile::hosts(Composer, |host| format!(r#"{{"bearer":{{"{host}":"x"}}}}"#));
    }
}
