//! Feeds of NuGet that have a login or a key ("nuget.config reference").

use super::{
    place::{Kept, Places},
    xml,
};
use std::collections::BTreeSet;

pub(super) fn read(text: &str, places: &mut Places) {
    let Some(document) = xml::parse(text) else { return };
    let root = document.root_element();
    // A login is an element of the feed's name.
    let logins = xml::all(root, "packageSourceCredentials").flat_map(|all| all.children());
    let logins: BTreeSet<_> = logins.map(|login| login.tag_name().name().replace("_x0020_", " ")).collect();
    let feeds = xml::all(root, "packageSources").flat_map(|all| xml::all(all, "add"));
    for feed in feeds.filter(|feed| feed.attribute("key").is_some_and(|key| logins.contains(key))) {
        places.add(feed.attribute("value").and_then(Kept::url));
    }
    let keys = xml::all(root, "apikeys").flat_map(|all| xml::all(all, "add"));
    keys.for_each(|key| places.add(key.attribute("key").and_then(Kept::url)));
}

#[cfg(test)]
mod tests {
    use super::super::{Format::Nuget, hostile};

    fn file(url: &str) -> String {
        format!(
            "<configuration><packageSources><add key=\"a\" value=\"{url}\"/></packageSources>\
             <packageSourceCredentials><a/></packageSourceCredentials></configuration>"
        )
    }

    #[test]
    fn feeds_that_have_a_login_are_places() {
        let text = "<configuration><packageSources><clear/><add key=\"a b\" value=\"https://a.test/v3/index.json\"/><add \
            key=\"no\" value=\"https://no.test\"/><add key=\"c\" value=\"../local\"/></packageSources><apikeys><add \
            key=\"https://d.test/\" value=\"x\"/></apikeys><packageSourceCredentials><a_x0020_b><add key=\"Username\" \
            value=\"x\"/></a_x0020_b><c/></packageSourceCredentials></configuration>";
        hostile::named(Nuget, text, &["a.test:443", "d.test:443"]);
    }

    #[test]
    fn hostile_edits() {
        hostile::edits(Nuget, |host| file(&format!("https://{host}/")));
        hostile::hosts(Nuget, |host| file(&format!("https://{host}/")));
        hostile::urls(Nuget, file);
    }
}
