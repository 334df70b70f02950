//! Logins of git, one URL a line (git-credential-store(1)).

use super::place::{Kept, Places};

pub(super) fn read(text: &str, places: &mut Places) {
    text.lines().for_each(|line| places.add(Kept::url(line)));
}

#[cfg(test)]
mod tests {
    use super::super::{Format::GitCredentials, hostile};

    #[test]
    fn each_line_is_a_place() {
        let text =
            "# https://no.test\nhttps://x:y@a.test\nhttps://x:p%40ss@b.test:8443/team.git\n\nhttp://c.test\n d.test\n";
        hostile::named(GitCredentials, text, &["a.test:443", "b.test:8443", "c.test:80"]);
    }

    #[test]
    fn hostile_edits() {
        hostile::edits(GitCredentials, |host| format!("https://x:y@{host}\n"));
        hostile::hosts(GitCredentials, |host| format!("https://x:y@{host}\n"));
        hostile::urls(GitCredentials, |url| format!("{url}\n"));
    }
}
