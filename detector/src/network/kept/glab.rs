//! Hosts of the GitLab CLI (its `config.yml`).

use super::{
    document::{self, Keyed},
    place::{Kept, Places},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    hosts: Option<Keyed<Host>>,
}

#[derive(Deserialize)]
struct Host {
    api_host: Option<String>,
    api_protocol: Option<String>,
}

pub(super) fn read(text: &str, places: &mut Places) {
    let hosts = document::yaml::<File>(text).and_then(|file| file.hosts);
    for (name, host) in hosts.into_iter().flatten() {
        let port = if host.api_protocol.as_deref() == Some("http") { 80 } else { 443 };
        for text in std::iter::once(name).chain(host.api_host) {
            places.add(Kept::bare(&text).map(|place| Kept { port: place.port.or(Some(port)), ..place }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format::Glab, hostile};

    #[test]
    fn hosts_and_their_interfaces_are_places() {
        let text = "git_protocol: ssh\nhost: no.test\nhosts:\n  a.test:\n    token: !!null glpat-x\n    api_host: api.a.test\n  \
            b.test:8080:\n    token: y\n    api_protocol: http\n    api_host: b.test:8080\n    ssh_host: ssh.test\n  c.test: \
            {api_protocol: http}\n";
        hostile::named(Glab, text, &["a.test:443", "api.a.test:443", "b.test:8080", "c.test:80"]);
        hostile::named(Glab, "hosts: null\n", &[]);
    }

    #[test]
    fn hostile_edits() {
        hostile::edits(Glab, |host| format!("hosts:\n  '{host}':\n    token: x\n"));
        hostile::hosts(Glab, |host| format!("hosts:\n  '{host}':\n    token: x\n"));
    }
}
