//! Services that Pulumi is logged in to (its `credentials.json`).

use super::{
    document::{self, Keyed},
    place::{Kept, Places},
};
use serde::{Deserialize, de::IgnoredAny};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    access_tokens: Option<Keyed<IgnoredAny>>,
    accounts: Option<Keyed<IgnoredAny>>,
}

pub(super) fn read(text: &str, places: &mut Places) {
    let Some(file) = document::json::<File>(text) else { return };
    let all = [file.access_tokens, file.accounts].into_iter().flatten().flatten();
    all.for_each(|(url, _)| places.add(Kept::url(&url)));
}

#[cfg(test)]
mod tests {
    use super::super::{Format::Pulumi, hostile};

    #[test]
    fn services_are_places_and_buckets_are_not() {
        let text = r#"{"current":"https://no.test","accessTokens":{"https://a.test":"x","s3://bucket":""},
            "accounts":{"https://a.test":{"accessToken":"x"},"file://~":{}}}"#;
        hostile::named(Pulumi, text, &["a.test:443"]);
    }

    #[test]
    fn hostile_edits() {
        hostile::edits(Pulumi, |host| format!(r#"{{"accessTokens":{{"https://{host}":"x"}}}}"#));
        hostile::hosts(Pulumi, |host| format!(r#"{{"accessTokens":{{"https://{host}":"x"}}}}"#));
        hostile::urls(Pulumi, |url| format!(r#"{{"accessTokens":{{"{url}":"x"}}}}"#));
    }
}
