//! Servers of `.pgpass` (PostgreSQL, "The Password File"): `host:port:database:user:password`.

use super::place::{Kept, Places};
use crate::network::authority;

pub(super) fn read(text: &str, places: &mut Places) {
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        // Of five fields the first two; a host with an escaped colon is an address, which is not written so.
        let mut fields = line.splitn(5, ':');
        let (Some(host), Some(port), Some(_)) = (fields.next(), fields.next(), fields.nth(2)) else { continue };
        let port = if port == "*" { Some(None) } else { authority::number(port).map(Some) };
        places.add(port.and_then(|port| Kept::host(host, port)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format::Pgpass, hostile};

    #[test]
    fn servers_are_places() {
        let text = "#no.test:1:a:b:c\na.test:5432:db:x:y\nb.test:*:*:x:y:z\n*:*:*:x:y\n/run/postgresql:5432:a:b:c\n\
            localhost:5432:a:b:c\nc.test:0:a:b:c\nd.test:5432:a:b\n\\:\\:1:5432:a:b:c\n";
        hostile::named(Pgpass, text, &["a.test:5432", "b.test"]);
    }

    #[test]
    fn hostile_edits() {
        hostile::edits(Pgpass, |host| format!("{host}:5432:a:b:c\n"));
        hostile::hosts(Pgpass, |host| format!("{host}:5432:a:b:c\n"));
    }
}
