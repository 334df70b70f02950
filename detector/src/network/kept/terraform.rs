//! Hosts that Terraform is logged in to (Terraform CLI, "CLI Configuration", `credentials.tfrc.json`). It asks them for
//! their services by HTTPS.

use super::{
    document::{self, Keyed},
    place::{Kept, Places},
};
use serde::{Deserialize, de::IgnoredAny};

#[derive(Deserialize)]
struct File {
    credentials: Option<Keyed<IgnoredAny>>,
}

pub(super) fn read(text: &str, places: &mut Places) {
    let hosts = document::json::<File>(text).and_then(|file| file.credentials);
    for (host, _) in hosts.into_iter().flatten() {
        places.add(Kept::bare(&host).map(|place| Kept { port: place.port.or(Some(443)), ..place }));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format::Terraform, hostile};

    #[test]
    fn hosts_are_places() {
        let text = r#"{"credentials":{"a.test":{"token":"x"},"b.test:8443":{"token":"y"}}}"#;
        hostile::named(Terraform, text, &["a.test:443", "b.test:8443"]);
    }

    #[test]
    fn hostile_edits() {
        hostile::edits(Terraform, |host| format!(r#"{{"credentials":{{"{host}":{{"token":"x"}}}}}}"#));
        hostile::hosts(Terraform, |host| format!(r#"{{"credentials":{{"{host}":{{"token":"x"}}}}}}"#));
    }
}
