//! Logins of GitHub CLI (`hosts.yml`) and of hub: a map by host. The interface of a host is at `api.HOST`, what is
//! uploaded goes to `uploads.HOST`; an Enterprise server has both under its own name (GitHub REST API, "Getting started").

use super::{
    document::{self, Keyed},
    place::{Kept, Places},
};
use serde::de::IgnoredAny;

pub(super) fn read(text: &str, places: &mut Places) {
    for (host, _) in document::yaml::<Keyed<IgnoredAny>>(text).into_iter().flatten() {
        let Some(place) = Kept::bare(&host).map(|place| Kept { port: place.port.or(Some(443)), ..place }) else {
            continue;
        };
        let below = ["api", "uploads"].map(|label| place.below(label));
        places.add(Some(place));
        below.into_iter().for_each(|place| places.add(place));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format::Gh, hostile};

    #[test]
    fn a_host_has_its_interface_beside_it() {
        let text = "github.com:\n    users:\n        x:\n            oauth_token: y\n    git_protocol: https\n\
            ghes.test:\n    oauth_token: z\n192.0.2.7: {}\n";
        let expected = [
            "github.com:443",
            "api.github.com:443",
            "uploads.github.com:443",
            "ghes.test:443",
            "api.ghes.test:443",
            "uploads.ghes.test:443",
            "192.0.2.7:443",
        ];
        hostile::named(Gh, text, &expected);
        let hub = "a.test:\n- user: x\n  oauth_token: y\n  protocol: https\n";
        hostile::named(Gh, hub, &["a.test:443", "api.a.test:443", "uploads.a.test:443"]);
        hostile::named(Gh, "a.test: &a {}\nb.test: *a\n", &[]);
        hostile::named(Gh, "https://a.test: {}\n", &[]);
    }

    #[test]
    fn hostile_edits() {
        hostile::edits(Gh, |host| format!("'{host}':\n  oauth_token: y\n"));
        hostile::hosts(Gh, |host| format!("'{host}':\n  oauth_token: y\n"));
    }
}
