//! Logins of the Gitea CLI (its `config.yml`).

use super::{
    document,
    place::{Kept, Places},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    logins: Option<Vec<Login>>,
}

#[derive(Deserialize)]
struct Login {
    url: Option<String>,
}

pub(super) fn read(text: &str, places: &mut Places) {
    let logins = document::yaml::<File>(text).and_then(|file| file.logins);
    logins.into_iter().flatten().filter_map(|login| login.url).for_each(|url| places.add(Kept::url(&url)));
}

#[cfg(test)]
mod tests {
    use super::super::{Format::Tea, hostile};

    #[test]
    fn logins_are_places() {
        let text = "logins:\n- name: x\n  url: https://a.test:3000\n  token: y\n  ssh_host: no.test\n- url: null\n";
        hostile::named(Tea, text, &["a.test:3000"]);
    }

    #[test]
    fn hostile_edits() {
        hostile::edits(Tea, |host| format!("logins:\n- url: 'https://{host}/'\n"));
        hostile::hosts(Tea, |host| format!("logins:\n- url: 'https://{host}/'\n"));
        hostile::urls(Tea, |url| format!("logins:\n- url: '{url}'\n"));
    }
}
