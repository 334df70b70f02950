//! Hosts whose keys ssh knows (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"). Hashed ones have no name to tell.

use super::place::{Kept, Places};

pub(super) fn read(text: &str, places: &mut Places) {
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(hosts), Some(_), Some(_)) = (words.next(), words.next(), words.next()) else { continue };
        // `@revoked` and `@cert-authority` are no hosts, `|1|` is hashed, `!` and `*` are of patterns.
        if hosts.starts_with(['#', '@', '|']) || hosts.contains('!') {
            continue;
        }
        hosts.split(',').for_each(|host| places.add(place(host)));
    }
}

/// `HOST`, or `[HOST]:PORT`.
fn place(text: &str) -> Option<Kept> {
    match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once("]:")?;
            Kept::host(host, Some(crate::network::authority::number(port)?))
        }
        None => Kept::host(text, Some(22)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format::KnownHosts, hostile};

    #[test]
    fn hosts_in_clear_are_places() {
        let text = "# x y z\na.test,192.0.2.7 ssh-ed25519 AAAA x\n[b.test]:2222 ssh-rsa AAAA\n|1|eA==|eQ== ssh-rsa AAAA\n\
            *.no.test ssh-rsa AAAA\n@cert-authority no.test ssh-rsa AAAA\n@revoked no.test ssh-rsa AAAA\nno.test\n\
            2001:db8::1 ssh-rsa AAAA\n*,!no.test ssh-rsa AAAA\n[no.test] ssh-rsa AAAA\n[no.test]:0 ssh-rsa AAAA\n";
        hostile::named(KnownHosts, text, &["a.test:22", "192.0.2.7:22", "b.test:2222", "2001:db8::1:22"]);
    }

    #[test]
    fn hostile_edits() {
        hostile::edits(KnownHosts, |host| format!("{host} ssh-ed25519 AAAA\n"));
        hostile::hosts(KnownHosts, |host| format!("{host} ssh-ed25519 AAAA\n"));
    }
}
