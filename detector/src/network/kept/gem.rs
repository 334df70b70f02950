//! Hosts of RubyGems' keys (its guides, "Command Reference", `gem push`), and its sources.

use super::{
    document::{self, Keyed},
    place::{Kept, Places},
};
use serde::{Deserialize, de::IgnoredAny};

/// Keys stand by name (`:team`) or by the URL that they are for.
pub(super) fn read_credentials(text: &str, places: &mut Places) {
    let all = document::yaml::<Keyed<IgnoredAny>>(text);
    all.into_iter().flatten().for_each(|(key, _)| places.add(Kept::url(&key)));
}

#[derive(Deserialize)]
struct Settings {
    #[serde(rename = ":sources", alias = "sources")]
    sources: Option<Vec<String>>,
}

pub(super) fn read_settings(text: &str, places: &mut Places) {
    let sources = document::yaml::<Settings>(text).and_then(|settings| settings.sources);
    sources.into_iter().flatten().for_each(|url| places.add(Kept::url(&url)));
}

#[cfg(test)]
mod tests {
    use super::super::{
        Format::{GemCredentials, Gemrc},
        hostile,
    };

    #[test]
    fn urls_are_places() {
        let text = "---\n:rubygems_api_key: x\n:team: Bearer y\nhttps://a.test/private: z\n";
        hostile::named(GemCredentials, text, &["a.test:443"]);
        let text = "---\n:backtrace: false\n:sources:\n- https://x:y@a.test/\n- http://b.test\ngem: --no-document\n";
        hostile::named(Gemrc, text, &["a.test:443", "b.test:80"]);
    }

    #[test]
    fn hostile_edits() {
        hostile::edits(GemCredentials, |host| format!("---\n'https://{host}/': x\n"));
        hostile::hosts(GemCredentials, |host| format!("---\n'https://{host}/': x\n"));
        hostile::urls(GemCredentials, |url| format!("---\n'{url}': x\n"));
        hostile::edits(Gemrc, |host| format!("---\n:sources:\n- 'https://{host}/'\n"));
        hostile::hosts(Gemrc, |host| format!("---\n:sources:\n- 'https://{host}/'\n"));
        hostile::urls(Gemrc, |url| format!("---\n:sources:\n- '{url}'\n"));
    }
}
