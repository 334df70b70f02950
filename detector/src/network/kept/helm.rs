//! Repositories of charts (Helm's `repositories.yaml`).

use super::{
    document,
    place::{Kept, Places},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    repositories: Option<Vec<Repository>>,
}

#[derive(Deserialize)]
struct Repository {
    url: Option<String>,
}

pub(super) fn read(text: &str, places: &mut Places) {
    let all = document::yaml::<File>(text).and_then(|file| file.repositories);
    all.into_iter().flatten().filter_map(|one| one.url).for_each(|url| places.add(Kept::url(&url)));
}

#[cfg(test)]
mod tests {
    use super::super::{Format::HelmRepositories, hostile};

    #[test]
    fn repositories_are_places() {
        let text = "apiVersion: \"\"\ngenerated: \"2026-01-01T00:00:00Z\"\nrepositories:\n- name: x\n  url: \
            https://a.test/charts\n  username: y\n- {name: z, url: \"oci://b.test/charts\"}\n";
        hostile::named(HelmRepositories, text, &["a.test:443", "b.test:443"]);
    }

    #[test]
    fn hostile_edits() {
        hostile::edits(HelmRepositories, |host| format!("repositories:\n- url: 'https://{host}/'\n"));
        hostile::hosts(HelmRepositories, |host| format!("repositories:\n- url: 'https://{host}/'\n"));
        hostile::urls(HelmRepositories, |url| format!("repositories:\n- url: '{url}'\n"));
    }
}
