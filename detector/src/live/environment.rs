//! The command's environment, as far as it says where files are.

use crate::policy::Policy;
use std::{
    collections::BTreeMap,
    env,
    path::{Component, Path, PathBuf},
};

/// Bytes of a value that are looked at.
const VALUE_BYTES: usize = 4_096;

/// The variables that `policy` asks for, their paths absolute and without links: that is how the kernel knows files.
pub(super) fn of_command(policy: &Policy) -> BTreeMap<String, String> {
    let here = env::current_dir().unwrap_or_default();
    let mut found = BTreeMap::new();
    for name in policy.variables() {
        // Not the shell's word for it, which it may have got wrong.
        let value = if name == "PWD" { here.to_str().map(str::to_owned) } else { env::var(&name).ok() };
        if let Some(value) = value.filter(|value| value.len() <= VALUE_BYTES) {
            // In a list, what is not absolute may be no path: `KRB5CCNAME=FILE:/tmp/x`.
            let alone = !value.contains(':');
            let paths = value.split(':').filter(|path| path.starts_with('/') || alone && !path.is_empty());
            let paths = paths.filter_map(|path| resolved(&here, path));
            found.insert(name, paths.collect::<Vec<_>>().join(":"));
        }
    }
    found
}

/// `path` from `here`, with its links followed as far as it is there: the file may be made by the command.
fn resolved(here: &Path, path: &str) -> Option<String> {
    let path = here.join(path);
    let there = path.ancestors().find_map(|front| Some((front, front.canonicalize().ok()?)));
    let (front, real) = there.unwrap_or((Path::new("/"), PathBuf::from("/")));
    let rest = path.strip_prefix(front).ok()?;
    // What `..` is behind a directory that is not there, nobody knows.
    let plain = rest.components().all(|component| matches!(component, Component::Normal(_)));
    if plain { real.join(rest).to_str().map(|path| path.trim_end_matches('/').to_owned()) } else { None }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_as_far_as_files_are_there() {
        let directory = tempfile::tempdir().unwrap();
        let here = directory.path().canonicalize().unwrap();
        std::fs::create_dir(here.join("real")).unwrap();
        symlink("real", here.join("link")).unwrap();
        let real = here.join("real");
        let is =
            |path: &str, expected: &Path| assert_eq!(resolved(&here, path).as_deref(), expected.to_str(), "{path}");
        is("link", &real);
        is("link/", &real);
        is("link/later/file", &real.join("later/file"));
        is(here.join("link/x").to_str().unwrap(), &real.join("x"));
        is("/none/at/all", Path::new("/none/at/all"));
        assert_eq!(resolved(&here, "none/../x"), None);
        assert_eq!(resolved(&here, "link/../x").as_deref(), here.join("x").to_str());
    }

    #[test]
    fn the_workspace_is_where_the_command_starts() {
        let policy = Policy::parse("version: 1\nclasses: { x: { paths: [$WS/x], action: deny, reason: r } }\n", "p");
        let found = of_command(&policy.unwrap());
        let here = env::current_dir().unwrap().canonicalize().unwrap();
        assert_eq!(found.get("PWD").map(String::as_str), here.to_str());
        assert!(!found.contains_key("PATH"), "only what is asked for");
    }
}
