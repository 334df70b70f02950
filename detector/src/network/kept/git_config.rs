//! Remotes and credentials of git's settings (git-config(1), gitcredentials(7)). What `include` names is not followed.

use super::{
    git_syntax,
    place::{Kept, Places},
};

/// Rows of `insteadOf` and remotes of one file. With more rows than these no remote is told, since they change them.
const ROWS: usize = 256;

pub(super) fn read(text: &str, places: &mut Places) {
    let (mut aliases, mut remotes) = (Vec::new(), Vec::new());
    git_syntax::each(text, |line| match (line.section, line.subsection, line.key) {
        ("credential", Some(url), None) => places.add(Kept::url(url)),
        ("http", Some(url), Some("extraheader")) => places.add(Kept::url(url)),
        // Where an alias leads.
        ("url", Some(base), Some(key @ ("insteadof" | "pushinsteadof"))) => {
            places.add(remote(base));
            if key == "insteadof" && aliases.len() <= ROWS {
                aliases.push((line.value.to_owned(), base.to_owned()));
            }
        }
        ("remote", Some(_), Some("url" | "pushurl" | "lfsurl" | "lfspushurl"))
        | ("submodule", Some(_), Some("url"))
        | ("lfs", None, Some("url" | "pushurl"))
            if remotes.len() < ROWS =>
        {
            remotes.push(line.value.to_owned());
        }
        _ => {}
    });
    if aliases.len() > ROWS {
        return;
    }
    for url in remotes {
        // The longest alias counts.
        let longest =
            aliases.iter().filter(|(alias, _)| url.starts_with(&**alias)).max_by_key(|(alias, _)| alias.len());
        places.add(match longest.and_then(|(alias, base)| Some((url.strip_prefix(&**alias)?, base))) {
            Some((rest, base)) => remote(&format!("{base}{rest}")),
            None => remote(&url),
        });
    }
}

/// The place of a URL, or of `[USER@]HOST:PATH`, which is one of ssh (git-fetch(1), "GIT URLS").
fn remote(text: &str) -> Option<Kept> {
    if text.contains("://") {
        return Kept::url(text);
    }
    let (at, path) = text.split_once(':')?;
    // `TRANSPORT::ADDRESS` is a program to run, a colon behind a slash is of a file, and `https:` was meant otherwise.
    let is_scheme = ["https", "http", "ssh", "git", "file"].iter().any(|scheme| at.eq_ignore_ascii_case(scheme));
    if path.starts_with(':') || at.contains('/') || is_scheme {
        return None;
    }
    let (user, host) = at.split_once('@').unwrap_or(("", at));
    let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if user.bytes().all(known) { Kept::host(host, Some(22)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::super::{Format::GitConfig, hostile};

    #[test]
    fn remotes_and_scopes_of_credentials_are_places() {
        let text = "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = https://a.test/x\n\tpushurl = git@b.test:x/y.git\n\
            \tfetch = +refs/heads/*:refs/remotes/origin/*\n\tproxy = https://proxy.test\n[http \"https://c.test/\"]\n\t\
            extraheader = AUTHORIZATION: basic x\n[http \"https://no.test/\"]\n\tsslVerify = true\n[http]\n\tproxy = \
            https://proxy.test\n[credential \"https://d.test:8443\"]\n\thelper = store\n[submodule \"s\"]\n\turl = \
            ssh://e.test/s\n[credential \"https://*.no.test\"]\n\tusername = x\n[lfs]\n\turl = https://f.test/lfs\n";
        let expected = ["c.test:443", "d.test:8443", "a.test:443", "b.test:22", "e.test:22", "f.test:443"];
        hostile::named(GitConfig, text, &expected);
    }

    #[test]
    fn an_alias_leads_to_its_base() {
        let text = "[url \"https://x:y@a.test/\"]\n\tinsteadOf = https://no.test/\n\tinsteadOf = git@no.test:\n\
            [url \"ssh://git@b.test/\"]\n\tinsteadOf = https://no.test/team/\n[remote \"o\"]\n\turl = https://no.test/team/x\n\
            [remote \"p\"]\n\turl = git@no.test:x\n[remote \"q\"]\n\turl = https://c.test/\n";
        hostile::named(GitConfig, text, &["a.test:443", "b.test:22", "c.test:443"]);
        // What an alias makes of a URL is judged as a whole.
        let text = "[url \"https://good.test\"]\n\tinsteadOf = x:\n[remote \"o\"]\n\turl = x:.evil.test/\n\
            [remote \"p\"]\n\turl = x:@evil.test/\n";
        hostile::named(GitConfig, text, &["good.test:443", "good.test.evil.test:443", "evil.test:443"]);
    }

    #[test]
    fn what_is_no_host_is_no_place() {
        for url in [
            "/srv/x.git",
            "./a:b",
            "../x",
            "file:///x",
            "ext::ssh a.test x",
            "-oProxyCommand=x:y",
            "a@b@c.test:x",
            "git@[a.test:22]:x",
            "git://a.test/x",
            "a b.test:x",
            "\\\"a.test:x",
        ] {
            hostile::named(GitConfig, &format!("[remote \"o\"]\n\turl = {url}\n"), &[]);
        }
        hostile::named(GitConfig, "[remote \"o\"]\n\turl = \"https://a.test\\n.test/\"\n", &[]);
        let many = "[url \"https://a.test/\"]\n\tinsteadOf = x\n".repeat(300);
        hostile::named(GitConfig, &format!("{many}[remote \"o\"]\nurl = https://no.test\n"), &["a.test:443"]);
    }

    #[test]
    fn hostile_edits() {
        hostile::edits(GitConfig, |host| format!("[remote \"o\"]\n\turl = https://{host}/x\n"));
        hostile::edits(GitConfig, |host| format!("[http \"https://{host}/\"]\n\textraheader = x\n"));
        hostile::hosts(GitConfig, |host| format!("[remote \"o\"]\n\turl = git@{host}:x\n"));
        hostile::hosts(GitConfig, |host| format!("[url \"https://{host}/\"]\n\tinsteadOf = x\n"));
        hostile::urls(GitConfig, |url| format!("[remote \"o\"]\n\turl = {url}\n"));
        hostile::urls(GitConfig, |url| format!("[credential \"{}\"]\n", url.replace('\\', r"\\")));
    }
}
