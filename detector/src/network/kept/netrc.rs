//! Machines of `.netrc` (netrc(5), and what curl(1) says of it: quotes, comments).

use super::place::{Kept, Places};

pub(super) fn read(text: &str, places: &mut Places) {
    let mut words = Words(text);
    while let Some(word) = words.next() {
        let known = match &*word {
            "machine" => words.next().map(|name| places.add(Kept::host(&name, None))),
            // Whoever is not named otherwise: no place.
            "default" => Some(()),
            "login" | "user" | "password" | "passwd" | "account" => words.next().map(drop),
            "macdef" => words.macro_end(),
            comment if comment.starts_with('#') => words.line_end(),
            _ => None,
        };
        if known.is_none() {
            return;
        }
    }
}

/// What is left of the file.
struct Words<'a>(&'a str);

impl Words<'_> {
    /// The next word, without its quotes; none where they do not close on their line.
    fn next(&mut self) -> Option<String> {
        let blank = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
        let rest = self.0.trim_start_matches(blank);
        let Some(quoted) = rest.strip_prefix('"') else {
            let end = rest.find(blank).unwrap_or(rest.len());
            let (word, rest) = rest.split_at_checked(end)?;
            self.0 = rest;
            return Some(word.to_owned()).filter(|word| !word.is_empty());
        };
        let mut word = String::new();
        let mut chars = quoted.chars();
        loop {
            match chars.next()? {
                '"' => break,
                '\n' => return None,
                '\\' => word.push(chars.next().filter(|c| *c != '\n')?),
                c => word.push(c),
            }
        }
        self.0 = chars.as_str();
        self.0.is_empty().then_some(()).or_else(|| self.0.starts_with(blank).then_some(()))?;
        Some(word)
    }

    fn line_end(&mut self) -> Option<()> {
        self.0 = self.0.split_once('\n').map_or("", |(_, rest)| rest);
        Some(())
    }

    /// A macro ends with an empty line.
    fn macro_end(&mut self) -> Option<()> {
        self.line_end();
        while !self.0.is_empty() {
            let line = self.0.lines().next().unwrap_or_default();
            self.line_end();
            if line.trim().is_empty() {
                break;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format::Netrc, hostile};

    #[test]
    fn machines_are_places_and_default_is_none() {
        let text = "# machine no.test\nmachine Git.test login x password machine\nmachine api.test\n\tlogin y\n\
            \tpassword \"a machine b\"\nmacdef init\nmachine macro.test\n\nmachine after.test account z\ndefault login a \
            password b\n";
        hostile::named(Netrc, text, &["git.test", "api.test", "after.test"]);
    }

    #[test]
    fn what_is_malformed_ends_it() {
        hostile::named(Netrc, "machine a.test login x password y z\nmachine b.test", &["a.test"]);
        hostile::named(Netrc, "machine a.test password \"x\nmachine b.test\n\"", &["a.test"]);
        hostile::named(Netrc, "machine a.test password \"x\"machine b.test", &["a.test"]);
        hostile::named(Netrc, "machine", &[]);
        hostile::named(Netrc, "machine https://a.test machine b.test:443 machine \"c .test\"", &[]);
    }

    #[test]
    fn hostile_edits() {
        hostile::edits(Netrc, |host| format!("machine {host} login x password y\n"));
        hostile::hosts(Netrc, |host| format!("machine {host} login x password y\n"));
    }
}
