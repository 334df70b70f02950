//! Where a watched file lies: in a home, in the system, or in the workspace. A scanner may read every file of the workspace;
//! nobody but a thief goes through the places where tools keep their logins.

/// Where a path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// A home: of one that no convention tells, its directory.
    Home(&'a str),
    /// The system's own directories.
    System,
    /// A directory that is a home only if other files show it to be one: this one.
    Elsewhere(&'a str),
}

/// Where `path` leads, which is one of [`normal`] form.
pub(super) fn place(path: &str) -> Place<'_> {
    const SYSTEM: [&str; 5] = ["/etc/", "/run/", "/var/run/", "/proc/", "/sys/"];
    let path = path.trim_start_matches("../");
    if SYSTEM.iter().any(|system| path.starts_with(system)) {
        return Place::System;
    }
    // What a tool keeps in a home starts with a dot, in a directory or a file.
    let dot = path.find("/.").unwrap_or_else(|| path.rfind('/').unwrap_or(0));
    let (base, rest) = path.split_at(if path.starts_with('.') { 0 } else { dot });
    if let Some(home) = home(path) {
        return if base == home { Place::Home(home) } else { Place::Elsewhere(base) };
    }
    // `.aws/credentials` lies in a home, `.npmrc` anywhere.
    let rest = rest.trim_start_matches('/');
    let is_directory = rest.starts_with('.') && rest.contains('/') && !rest.starts_with(".git/");
    if is_directory { Place::Home(base) } else { Place::Elsewhere(base) }
}

/// The home that convention knows above `path`.
fn home(path: &str) -> Option<&str> {
    for home in ["/root", "/github/home"] {
        if path.strip_prefix(home).is_some_and(|rest| rest.starts_with('/')) {
            return path.get(..home.len());
        }
    }
    let user = path.strip_prefix("/home/")?;
    path.get(.."/home/".len() + user.find('/')?)
}

/// The repository whose configuration `path` is; none where that is a home, or the root.
pub(super) fn repository(path: &str) -> Option<&str> {
    let base = path.strip_suffix("/.git/config")?;
    let is_home = home(path).is_some_and(|home| home == base);
    (base.starts_with('/') && base.matches('/').count() > 1 && !is_home).then_some(base)
}

/// Whether `path` lies in the directory `base`, at any depth below its own entries.
pub(super) fn is_below(path: &str, base: &str) -> bool {
    path.strip_prefix(base).is_some_and(|rest| rest.starts_with('/'))
}

/// `path` without empty components and `.`, and with `x/..` taken out: what a caller wrote need not be plain. Links are
/// not followed.
pub(super) fn normal(path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." if names.last().is_some_and(|last| *last != "..") => _ = names.pop(),
            ".." if path.starts_with('/') => {}
            name => names.push(name),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homes_systems_and_the_rest() {
        use Place::{Elsewhere, Home, System};
        for (path, expected) in [
            ("/root/.aws/credentials", Home("/root")),
            ("/home/runner/.npmrc", Home("/home/runner")),
            ("/home/runner/_netrc", Home("/home/runner")),
            ("/home/runner/work/r/r/.npmrc", Elsewhere("/home/runner/work/r/r")),
            ("/home/runner/work/r/r/.git/config", Elsewhere("/home/runner/work/r/r")),
            ("/home/runner/work/r/r/test/.aws/credentials", Elsewhere("/home/runner/work/r/r/test")),
            ("/tmp/x/home/.aws/credentials", Home("/tmp/x/home")),
            ("/tmp/x/home/.npmrc", Elsewhere("/tmp/x/home")),
            ("/srv/app/key.pem", Elsewhere("/srv/app")),
            ("/etc/npmrc", System),
            (".aws/credentials", Home("")),
            (".npmrc", Elsewhere("")),
            ("../../.npmrc", Elsewhere("")),
            ("../.aws/credentials", Home("")),
            ("x/.env", Elsewhere("x")),
            ("…/x/.docker/config.json", Home("…/x")),
        ] {
            assert_eq!(place(path), expected, "{path}");
        }
    }

    #[test]
    fn a_home_is_no_repository() {
        assert_eq!(repository("/home/runner/work/r/.git/config"), Some("/home/runner/work/r"));
        for path in ["/root/.git/config", "/home/runner/.git/config", "/.git/config", "/x/.git/config", "x/.git/config"]
        {
            assert_eq!(repository(path), None, "{path}");
        }
        assert!(is_below("/a/b/.npmrc", "/a/b") && !is_below("/a/bc/.npmrc", "/a/b"));
    }

    #[test]
    fn what_a_caller_wrote_is_made_plain() {
        for (path, expected) in [
            ("/root//.aws/./credentials", "/root/.aws/credentials"),
            ("/root/x/../.npmrc", "/root/.npmrc"),
            ("/../etc/npmrc", "/etc/npmrc"),
            ("../../.npmrc", "../../.npmrc"),
            ("./.npmrc", ".npmrc"),
            ("/", "/"),
            ("", ""),
        ] {
            assert_eq!(normal(path), expected);
        }
    }
}
