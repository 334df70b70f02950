//! Services of this host that programs ask for names instead of its name servers (nsswitch.conf(5)): what they answer is not seen.

use detector_common::service::{KNOWN, Known, NSCD, RESOLVED};
use std::{
    fs, io,
    io::{Read as _, Write as _},
    net::IpAddr,
    os::unix::net::UnixStream,
    time::Duration,
};

/// Where nobody says otherwise.
const USUAL: &str = "files dns";
/// How long nscd is waited for.
const SOON: Duration = Duration::from_millis(500);

/// Names that the host knows itself, of which services are told.
const LOCAL: usize = 256;

/// Warns of each of them, with what to do; the names that one is asked for although this host, whose hosts file says `listed`, knows
/// them itself: who asks name servers looks there first.
pub(super) fn look(listed: &[(IpAddr, String)]) -> Vec<String> {
    let order = fs::read_to_string("/etc/nsswitch.conf").unwrap_or_default();
    let unseen = unseen(&order, answers);
    for why in &unseen {
        tracing::warn!("{why}");
    }
    let own = rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase();
    let names = ["localhost".to_owned(), own].into_iter().chain(listed.iter().map(|(_, name)| name.clone()));
    let mut local: Vec<String> = Vec::new();
    for name in names.filter(|_| !unseen.is_empty()) {
        if local.len() < LOCAL && !local.contains(&name) {
            local.push(name);
        }
    }
    local
}

/// A sentence for each: `order` is nsswitch.conf(5), `answers` says whether a service does.
fn unseen(order: &str, answers: impl Fn(&Known) -> bool) -> Vec<String> {
    let asked = |number: u32| KNOWN.iter().any(|known| known.number == number && answers(known));
    let hosts = order.lines().filter_map(|line| line.trim_start().strip_prefix("hosts:")).next_back().unwrap_or(USUAL);
    let sources: Vec<_> = hosts.split('#').next().unwrap_or_default().split_whitespace().collect();
    let before_dns = |source: &str| sources.iter().take_while(|other| **other != "dns").any(|other| *other == source);
    let mut found = Vec::new();
    let mut say = |name: &str, why: &str, what: &str| {
        found.push(format!(
            "programs ask {name} for names{why}: what it answers is not seen, so enforce refuses at those addresses what the policy \
             accepts by name; {what}, or name the addresses in the policy"
        ));
    };
    if asked(NSCD) {
        say("nscd", "", "stop it, or say `enable-cache hosts no` in /etc/nscd.conf");
    }
    if before_dns("resolve") && asked(RESOLVED) {
        let why = " (`resolve` before `dns` in the hosts line of /etc/nsswitch.conf)";
        say("systemd-resolved", why, "put `dns` before `resolve`");
    }
    if before_dns("sss") {
        say("sssd", " (`sss` before `dns` in the hosts line of /etc/nsswitch.conf)", "put `dns` before `sss`");
    }
    found
}

/// Whether somebody listens; of nscd, and finds names.
fn answers(known: &Known) -> bool {
    let Ok(mut stream) = UnixStream::connect(known.path) else { return false };
    // Who says nothing in time may do so later.
    known.number != NSCD || finds(&mut stream).unwrap_or(true)
}

/// Whether nscd finds names for others. Of this one the file `hosts` says all (nscd/nscd-client.h).
fn finds(stream: &mut UnixStream) -> io::Result<bool> {
    const KEY: &[u8] = b"localhost\0";
    /// `found`, where it does not look.
    const OFF: i32 = -1;
    stream.set_read_timeout(Some(SOON))?;
    let words = [2_i32, 4, 10].map(i32::to_ne_bytes);
    stream.write_all(&[words.as_flattened(), KEY].concat())?;
    let mut answer = [0; 8];
    stream.read_exact(&mut answer)?;
    let [_, _, _, _, found @ ..] = answer;
    Ok(i32::from_ne_bytes(found) != OFF)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn services_that_answer_for_name_servers_are_warned_of() {
        let all = |order: &str| unseen(order, |_| true).len();
        let none = |order: &str| unseen(order, |_| false).len();
        for order in ["hosts: files dns\n", "", "hosts: files dns resolve sss\n", "# hosts: resolve dns\n"] {
            assert_eq!((all(order), none(order)), (1, 0), "{order}");
        }
        let early = "passwd: files sss\nhosts: files myhostname resolve [!UNAVAIL=return] dns\n";
        assert_eq!((all(early), none(early)), (2, 0));
        let told = unseen(early, |known| known.number == RESOLVED);
        assert!(told.len() == 1 && told[0].contains("put `dns` before `resolve`"), "{told:?}");
        assert_eq!(none("hosts: files sss # dns\n"), 1);
    }

    #[test]
    fn nscd_says_whether_it_finds_names() {
        for (answer, expected) in [(-1, Some(false)), (0, Some(true)), (1, Some(true))] {
            let (mut asks, mut answers) = UnixStream::pair().unwrap();
            let answering = thread::spawn(move || {
                let mut asked = [0; 22];
                answers.read_exact(&mut asked).unwrap();
                assert!(asked.ends_with(b"localhost\0"));
                answers.write_all([2_i32, answer].map(i32::to_ne_bytes).as_flattened()).unwrap();
            });
            assert_eq!(finds(&mut asks).ok(), expected);
            answering.join().unwrap();
        }
        let (mut asks, hung_up) = UnixStream::pair().unwrap();
        drop(hung_up);
        assert!(finds(&mut asks).is_err());
    }
}
