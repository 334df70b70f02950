//! Repositories of Poetry ("Configuration"). Its `auth.toml` has their names only; where they are stands in `config.toml`.

use super::{
    document::{self, Keyed},
    place::{Kept, Places},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    repositories: Option<Keyed<Repository>>,
}

#[derive(Deserialize)]
struct Repository {
    url: Option<String>,
}

pub(super) fn read(text: &str, places: &mut Places) {
    let repositories = document::toml::<File>(text).and_then(|file| file.repositories);
    let urls = repositories.into_iter().flatten().filter_map(|(_, repository)| repository.url);
    urls.for_each(|url| places.add(Kept::url(&url)));
}

#[cfg(test)]
mod tests {
    use super::super::{Format::Poetry, hostile};

    #[test]
    fn repositories_are_places() {
        let text = "[virtualenvs]\nin-project = true\n[repositories.x]\nurl = \"https://a.test/legacy/\"\n";
        hostile::named(Poetry, text, &["a.test:443"]);
        hostile::named(Poetry, "[http-basic.x]\nusername = 'y'\n", &[]);
    }

    #[test]
    fn hostile_edits() {
        hostile::edits(Poetry, |host| format!("[repositories.x]\nurl = 'https://{host}/'\n"));
        hostile::hosts(Poetry, |host| format!("[repositories.x]\nurl = 'https://{host}/'\n"));
        hostile::urls(Poetry, |url| format!("[repositories.x]\nurl = '{url}'\n"));
    }
}
