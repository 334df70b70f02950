//! Indexes of pip ("Configuration") and of uploads (Python Packaging User Guide, "The .pypirc file").

use super::{
    ini,
    place::{Kept, Places},
};

pub(super) fn read(text: &str, places: &mut Places) {
    ini::each(text, |_, key, value| {
        // pip takes `extra_index_url`, too.
        if matches!(&*key.replace('_', "-"), "index-url" | "extra-index-url") {
            value.split_whitespace().for_each(|url| places.add(Kept::url(url)));
        }
    });
}

pub(super) fn read_uploads(text: &str, places: &mut Places) {
    ini::each(text, |_, key, value| {
        if key == "repository" {
            places.add(Kept::url(value));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::super::{
        Format::{Pip, Pypirc},
        hostile,
    };

    #[test]
    fn indexes_and_repositories_are_places() {
        let text = "[global]\nindex-url = https://user:pass@a.test/simple\nextra-index-url =\n    https://b.test/simple\n    \
            # https://no.test\n    https://c.test:8443/simple\ntrusted-host = d.test\nproxy = https://proxy.test\n\
            [install]\nextra_index_url: http://e.test/\n";
        hostile::named(Pip, text, &["a.test:443", "b.test:443", "c.test:8443", "e.test:80"]);
        let text = "[distutils]\nindex-servers =\n  mine\n\n[mine]\nrepository: https://a.test/legacy/\nusername = x\npassword \
            = https://no.test\n";
        hostile::named(Pypirc, text, &["a.test:443"]);
    }

    #[test]
    fn hostile_edits() {
        hostile::edits(Pip, |host| format!("[global]\nindex-url = https://{host}/simple\n"));
        hostile::hosts(Pip, |host| format!("[global]\nindex-url = https://{host}/simple\n"));
        hostile::urls(Pip, |url| format!("[global]\nextra-index-url =\n  {url}\n"));
        hostile::edits(Pypirc, |host| format!("[a]\nrepository = https://{host}/\n"));
        hostile::hosts(Pypirc, |host| format!("[a]\nrepository = https://{host}/\n"));
        hostile::urls(Pypirc, |url| format!("[a]\nrepository = {url}\n"));
    }
}
