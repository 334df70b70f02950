//! Registries of npm and pnpm (npmrc(5); the syntax is that of the package `ini`).

use super::place::{Kept, Places};

pub(super) fn read(text: &str, places: &mut Places) {
    for line in text.lines() {
        let line = line.trim();
        // What stands in a section is not an option of npm's.
        if line.starts_with('[') {
            return;
        }
        if line.starts_with(['#', ';']) {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        // `ini` ends a value that has no quotes at a comment.
        let value = match unquoted(value) {
            Some(value) => value,
            None => value.split([';', '#']).next().unwrap_or_default().trim(),
        };
        let key = unquoted(key).unwrap_or(key.trim());
        if key == "registry" || key.starts_with('@') && key.ends_with(":registry") {
            places.add(Kept::url(value));
        } else {
            places.add(scope(key));
        }
    }
}

/// The registry of `//HOST[:PORT]/PATH:OPTION`: its scheme is any.
pub(super) fn scope(key: &str) -> Option<Kept> {
    let (registry, option) = key.strip_prefix("//")?.rsplit_once(':')?;
    let is_option = !option.is_empty() && option.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    // `//HOST:8080` is a registry without an option.
    let is_port = option.bytes().all(|b| b.is_ascii_digit());
    Kept::url_or_bare(registry).filter(|_| is_option && !is_port)
}

/// What stands in a pair of quotes.
fn unquoted(text: &str) -> Option<&str> {
    let text = text.trim();
    let inside = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inside('"').or_else(|| inside('\''))
}

#[cfg(test)]
mod tests {
    use super::super::{Format::Npmrc, hostile};

    #[test]
    fn registries_and_scopes_of_tokens_are_places() {
        let text = "; registry=https://no.test/\nregistry = https://a.test/npm/ # mine\n@team:registry=\"https://b.test:8443\"\n\
            //c.test/:_authToken=${NPM_TOKEN}\n//d.test:8080/path/:_password=x\n//e.test:username=y\n\
            proxy=https://proxy.test\nhttps-proxy=https://proxy.test\n//f.test/path\nalways-auth=true\n\
            //g.test/:tokenHelper=/bin/x\n";
        let expected = ["a.test:443", "b.test:8443", "c.test", "d.test:8080", "e.test", "g.test"];
        hostile::named(Npmrc, text, &expected);
    }

    #[test]
    fn what_npm_does_not_read_is_no_place() {
        hostile::named(Npmrc, "[x]\nregistry=https://a.test\n", &[]);
        hostile::named(Npmrc, "registry=https://${HOST}/\nregistry\nx:registry=https://b.test\n//c.test:8080=x\n", &[]);
        hostile::named(Npmrc, "//user@evil.test/:_authToken=x\n//good.test\\/:_authToken=x\n", &[]);
        hostile::named(Npmrc, "registry=https://evil.test;@good.test\n", &["evil.test:443"]);
        hostile::named(Npmrc, "\"//a.test/:_authToken\"=x\n", &["a.test"]);
    }

    #[test]
    fn hostile_edits() {
        hostile::edits(Npmrc, |host| format!("registry=https://{host}/\n"));
        hostile::edits(Npmrc, |host| format!("//{host}/:_authToken=x\n"));
        hostile::hosts(Npmrc, |host| format!("//{host}/:_authToken=x\n"));
        hostile::hosts(Npmrc, |host| format!("@a:registry=https://{host}/\n"));
        hostile::urls(Npmrc, |url| format!("registry={url}\n"));
    }
}
