//! Hosts of Bundler's settings (bundle-config(1), "CREDENTIALS FOR GEM SOURCES"): `BUNDLE_GEMS__EXAMPLE__ORG` is the
//! login to gems.example.org.

use super::{
    document::{self, Keyed},
    place::{Kept, Places},
};
use serde::de::IgnoredAny;

/// Settings whose names have a dot in them and are no hosts: with anything behind it, or one word.
const NESTED: [&str; 3] = ["build", "local", "mirror"];
const PAIRS: [&str; 3] = ["gem", "git", "github"];

pub(super) fn read(text: &str, places: &mut Places) {
    for (key, _) in document::yaml::<Keyed<IgnoredAny>>(text).into_iter().flatten() {
        let Some(name) = key.strip_prefix("BUNDLE_") else { continue };
        let name = name.replace("___", "-").replace("__", ".").to_ascii_lowercase();
        if name.contains("://") && !name.starts_with("mirror.") {
            places.add(Kept::url(&name));
        } else if let Some((first, rest)) = name.split_once('.') {
            let is_setting = NESTED.contains(&first) || PAIRS.contains(&first) && !rest.contains('.');
            places.add(Kept::bare(&name).filter(|_| !is_setting));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format::Bundle, hostile};

    #[test]
    fn hosts_are_places_and_settings_are_not() {
        let text = "---\nBUNDLE_PATH: \"vendor\"\nBUNDLE_GEMS__A__TEST: \"x:y\"\nBUNDLE_MY___GEMS__TEST: \"x\"\n\
            BUNDLE_HTTPS://B__TEST/: \"x:y\"\nBUNDLE_BUILD__NOKOGIRI: \"--x\"\nBUNDLE_LOCAL__RACK: \"/x\"\nBUNDLE_GEM__TEST: \
            \"rspec\"\nBUNDLE_GEM__C__TEST: \"x\"\nBUNDLE_MIRROR__HTTPS://NO__TEST/: \"https://no.test\"\nBUNDLE_GITHUB__HTTPS: \
            \"true\"\n";
        hostile::named(Bundle, text, &["gems.a.test", "my-gems.test", "b.test:443", "gem.c.test"]);
    }

    #[test]
    fn hostile_edits() {
        let file = |host: &str| format!("---\n'BUNDLE_{}': 'x:y'\n", host.to_uppercase().replace('.', "__"));
        hostile::edits(Bundle, file);
        hostile::hosts(Bundle, |host| format!("'BUNDLE_HTTPS://{}/': 'x:y'\n", host.to_uppercase()));
        hostile::urls(Bundle, file);
    }
}
