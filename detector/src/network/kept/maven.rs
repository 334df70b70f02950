//! Servers of Maven (Maven, "Settings Reference"): a login has the id of a repository or mirror, which has the URL.

use super::{
    place::{Kept, Places},
    xml,
};
use std::collections::BTreeSet;

pub(super) fn read(text: &str, places: &mut Places) {
    let Some(document) = xml::parse(text) else { return };
    let root = document.root_element();
    let ids: BTreeSet<_> = xml::all(root, "server").filter_map(|server| xml::text(server, "id")).collect();
    let kinds = ["mirror", "repository", "pluginRepository"].into_iter().flat_map(|kind| xml::all(root, kind));
    for place in kinds.filter(|place| xml::text(*place, "id").is_some_and(|id| ids.contains(id))) {
        places.add(xml::text(place, "url").and_then(Kept::url));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format::Maven, hostile};

    fn file(url: &str) -> String {
        format!(
            "<settings><servers><server><id>a</id><password>x</password></server></servers>\
             <mirrors><mirror><id>a</id><url>{url}</url></mirror></mirrors></settings>"
        )
    }

    #[test]
    fn repositories_that_have_a_login_are_places() {
        let text = "<?xml version=\"1.0\"?>\n<settings xmlns=\"urn:x\"><servers><server><id>a</id></server>\n<server>\
            <id>b</id><username>${env.X}</username></server><!-- <server><id>no</id></server> --></servers>\
            <mirrors><mirror><id>b</id><mirrorOf>*</mirrorOf><url>https://b.test:8443/x</url></mirror></mirrors><profiles>\
            <profile><repositories><repository><id>a</id><url>\n https://a.test/x\n</url></repository><repository>\
            <id>no</id><url>https://no.test</url></repository></repositories><pluginRepositories><pluginRepository>\
            <id>a</id><url>https://c.test</url></pluginRepository></pluginRepositories></profile></profiles>\
            <proxies><proxy><id>a</id><host>proxy.test</host></proxy></proxies></settings>";
        hostile::named(Maven, text, &["b.test:8443", "a.test:443", "c.test:443"]);
        hostile::named(Maven, &file("https://good.test<!-- -->.evil.test/"), &[]);
        hostile::named(Maven, &file("https://${env.HOST}/"), &[]);
    }

    #[test]
    fn hostile_edits() {
        hostile::edits(Maven, |host| file(&format!("https://{host}/")));
        hostile::hosts(Maven, |host| file(&format!("https://{host}/")));
        hostile::urls(Maven, file);
    }
}
