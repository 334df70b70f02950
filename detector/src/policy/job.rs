//! What a job's environment says of where files are.

use super::{pattern::Pattern, resolved::Policy};
use crate::secret::redact;
use detector_common::limits::{NAME_BYTES, WATCH_DEPTH, WATCHES};
use std::collections::{BTreeMap, BTreeSet};

/// `$WS`: the directory with the repository, by whichever of these the job's CI system sets.
const WORKSPACE: (&str, &[&str]) = (
    "WS",
    &[
        "GITHUB_WORKSPACE",
        "CI_PROJECT_DIR",
        "WORKSPACE",
        "BITBUCKET_CLONE_DIR",
        "BUILD_SOURCESDIRECTORY",
        "BUILDKITE_BUILD_CHECKOUT_PATH",
        "CIRCLE_WORKING_DIRECTORY",
        "TRAVIS_BUILD_DIR",
        "DRONE_WORKSPACE",
        "CI_WORKSPACE",
        // Where the command starts.
        "PWD",
    ],
);
/// `$RUNNER_TEMP` likewise.
const TEMPORARY: (&str, &[&str]) = ("RUNNER_TEMP", &["RUNNER_TEMP", "AGENT_TEMPDIRECTORY"]);

/// Directories of a home that a variable moves (XDG Base Directory Specification).
const BASES: [(&str, &str); 3] =
    [("XDG_CONFIG_HOME", "~/.config"), ("XDG_DATA_HOME", "~/.local/share"), ("XDG_CACHE_HOME", "~/.cache")];

/// Paths that one variable may list, as `KUBECONFIG` does.
const LISTED: usize = 8;
/// Patterns that a job's environment may add.
const ADDED: usize = 512;

/// The variables that say what `$NAME` is: the first that is set counts.
fn sources(name: &str) -> Vec<&str> {
    let known = [WORKSPACE, TEMPORARY].into_iter().find(|(known, _)| *known == name);
    known.map_or_else(|| vec![name], |(_, sources)| sources.to_vec())
}

impl Policy {
    /// Names of the variables that [`Self::for_job`] looks at.
    pub fn variables(&self) -> BTreeSet<String> {
        let patterns = self.classes.iter().flat_map(|class| class.paths.iter().chain(&class.sdk));
        let named = patterns.filter_map(|pattern| Some(pattern.variable()?.0));
        let moved = self.classes.iter().flat_map(|class| &class.moved);
        let moved = moved.map(|text| text.split_once('/').map_or(text.as_str(), |(name, _)| name));
        let bases = BASES.iter().map(|(name, _)| *name);
        named.chain(moved).chain(bases).flat_map(sources).map(str::to_owned).collect()
    }

    /// The workspace, as `environment` has it.
    pub fn workspace(environment: &BTreeMap<String, String>) -> Option<&str> {
        sources(WORKSPACE.0)
            .into_iter()
            .find_map(|name| environment.get(name).filter(|value| !value.is_empty()).map(String::as_str))
    }

    /// This policy for a job that starts with `environment`: its variables in patterns are filled in, and what they
    /// move is where they say. The values are absolute paths, links followed, or lists of them with `:` between.
    ///
    /// What is found stands in the document like a pattern of the file, so that a replay needs no environment. A value
    /// that is no such path, or has characters that patterns have a meaning for, adds nothing. Components that look
    /// like tokens are not written down: what stands behind them is matched at any depth.
    #[must_use]
    pub fn for_job(mut self, environment: &BTreeMap<String, String>) -> Self {
        let mut added = 0;
        for i in 0..self.classes.len() {
            let class = &self.classes[i];
            let texts: Vec<_> = class.paths.iter().map(Pattern::to_string).collect();
            let written = class.paths.iter().filter_map(Pattern::variable);
            let written = written.chain(texts.iter().filter_map(|text| based(text, environment)));
            let moved = class.moved.iter().map(|text| text.split_at(text.find('/').unwrap_or(text.len())));
            let mut new: Vec<String> = Vec::new();
            for (name, rest) in written.chain(moved) {
                let value = sources(name).into_iter().find_map(|name| environment.get(name).filter(|v| !v.is_empty()));
                let paths = value.into_iter().flat_map(|value| value.split(':')).take(LISTED);
                new.extend(paths.filter_map(|path| place(path, rest)));
            }
            for text in new {
                if added < ADDED && self.add_path(i, text) {
                    added += 1;
                }
            }
        }
        self
    }

    /// Adds a pattern to a class, where there is room for it.
    fn add_path(&mut self, class: usize, text: String) -> bool {
        let (Some(class), Some(document)) = (self.classes.get_mut(class), self.document.classes.get_mut(class)) else {
            return false;
        };
        let Ok(pattern) = Pattern::parse(&text) else { return false };
        if document.paths.contains(&text) {
            return false;
        }
        if self.watches.len() + 2 * pattern.meanings.len() > WATCHES as usize {
            return false;
        }
        // All or none: half a pattern would be more than the document says. One of one meaning is never half there.
        let before = if pattern.meanings.len() > 1 { Some(self.watches.clone()) } else { None };
        if self.watches.add(class, &pattern).is_err() {
            if let Some(before) = before {
                self.watches = before;
            }
            return false;
        }
        class.paths.push(pattern);
        document.paths.push(text);
        true
    }
}

/// What `text` is below a directory that `environment` moves, if it is one of [`BASES`]: the variable, and the rest with
/// its slash.
fn based<'a>(text: &'a str, environment: &BTreeMap<String, String>) -> Option<(&'static str, &'a str)> {
    let (name, base, rest) = BASES.iter().find_map(|(name, base)| Some((*name, *base, text.strip_prefix(base)?)))?;
    // Where they point to their usual place, `~` has it already.
    let usual = environment.get(name)?.ends_with(&base[1..]);
    (rest.starts_with('/') && !usual).then_some((name, rest))
}

/// The pattern for `rest` (nothing, or a path, mostly with its slash) at `path`.
fn place(path: &str, rest: &str) -> Option<String> {
    let mut names: Vec<_> = path.strip_prefix('/')?.split('/').filter(|name| !name.is_empty()).collect();
    // `/dev/null` is how a file is switched off, and no secret lies where the kernel makes the files.
    if matches!(*names.first()?, "dev" | "proc" | "sys") || names.iter().any(|name| matches!(*name, "." | "..")) {
        return None;
    }
    let plain = |name: &str| {
        name.len() <= NAME_BYTES
            && redact::component(name.as_bytes()) == name
            && !name.contains(['*', '?', '[', ']', '{', '}', '$'])
    };
    let all = names.len();
    let (glue, below) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let last = names.pop()?;
    let kept = if plain(last) { 1 + names.iter().rev().take_while(|name| plain(name)).count() } else { 0 };
    let last = format!("{last}{glue}");
    names.push(&last);
    // As much of it as a pattern may have; that is nearly always more than one file has.
    (0..=kept.min(WATCH_DEPTH)).rev().find_map(|kept| {
        let front = if kept == all { "/" } else { "**/" };
        let text = match kept {
            // Nothing is left of the directory.
            0 if below.is_empty() || !glue.is_empty() => return None,
            0 if below.starts_with("/**/") => below[1..].to_owned(),
            0 => format!("**{below}"),
            _ => format!("{front}{}{below}", names[all - kept..].join("/")),
        };
        Pattern::parse(&text).is_ok().then_some(text)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;

    const POLICY: &str = "version: 1\nclasses:\n  \
        a: { paths: ['$WS/.x', '$WS/**/*.key', '$HOME/.y/**'], moved: [A_FILE, A_DIR/leaf], action: kill, reason: r }\n";

    fn job(environment: &[(&str, &str)]) -> Policy {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Policy::parse(POLICY, "p").unwrap().for_job(&environment.collect())
    }

    fn added(environment: &[(&str, &str)]) -> Vec<String> {
        job(environment).document().classes[0].paths[3..].to_vec()
    }

    #[test]
    fn variables_are_those_that_patterns_name() {
        let names = Policy::parse(POLICY, "p").unwrap().variables();
        for name in ["GITHUB_WORKSPACE", "CI_PROJECT_DIR", "PWD", "HOME", "A_FILE", "A_DIR"] {
            assert!(names.contains(name), "{name}");
        }
        assert!(!names.contains("WS") && !names.contains("RUNNER_TEMP"));
    }

    #[test]
    fn what_is_not_known_matches_nothing() {
        let policy = job(&[]);
        assert_eq!(policy.document().classes[0].paths.len(), 3);
        assert!(["/.x", "/_/.x", "/w/.x", "/w/a.key"].iter().all(|path| policy.classes_of(path).is_empty()));
    }

    #[test]
    fn the_job_says_where_files_are() {
        let policy = job(&[("CI_PROJECT_DIR", "/w/r"), ("HOME", "/h"), ("A_FILE", "/e/f:/g"), ("A_DIR", "/d")]);
        for path in ["/w/r/.x", "/w/r/a.key", "/w/r/s/a.key", "/h/.y/z", "/h/.y/z/z", "/e/f", "/g", "/d/leaf"] {
            assert!(!policy.classes_of(path).is_empty(), "{path}");
        }
        for path in ["/v/w/r/.x", "/w/r/s/.x", "/w/a.key", "/d/other", "/e/f/x", "/h/.y"] {
            assert!(policy.classes_of(path).is_empty(), "{path}");
        }
        let again = Policy::from_document(policy.document()).unwrap();
        assert_eq!(again.digest(), policy.digest());
        assert!(!again.classes_of("/w/r/.x").is_empty(), "the document has it all");
    }

    #[test]
    fn a_moved_home_moves_all_that_is_in_it() {
        let policy = Policy::builtin();
        assert!(policy.variables().contains("XDG_CONFIG_HOME"));
        let job = |value: &str| {
            policy.clone().for_job(&[("XDG_CONFIG_HOME".to_owned(), value.to_owned())].into_iter().collect())
        };
        let moved = job("/cfg");
        for path in ["/cfg/gh/hosts.yml", "/cfg/gcloud/credentials.db", "/cfg/helm/registry/config.json"] {
            assert!(!moved.classes_of(path).is_empty(), "{path}");
            assert!(policy.classes_of(path).is_empty(), "{path}");
        }
        assert_eq!(job("/home/u/.config").digest(), policy.digest());
    }

    #[test]
    fn the_name_of_the_directory_may_go_on() {
        let policy = Policy::builtin();
        let environment = [("CI_PROJECT_DIR".to_owned(), "/builds/g/p".to_owned())].into_iter().collect();
        let job = policy.for_job(&environment);
        assert_eq!(job.names(job.classes_of("/builds/g/p.tmp/DEPLOY")), ["job-files"]);
        assert!(job.classes_of("/builds/g/p/DEPLOY").is_empty());
    }

    #[test]
    fn the_first_that_is_set_is_the_workspace() {
        assert_eq!(added(&[("PWD", "/p"), ("WORKSPACE", "/j")])[0], "/j/.x");
        assert_eq!(added(&[("PWD", "/p"), ("WORKSPACE", "")])[0], "/p/.x");
    }

    #[test]
    fn values_are_the_builds_and_are_taken_with_care() {
        for bad in [
            "",
            "relative",
            "/",
            "/dev/null",
            "/proc/self/fd/3",
            "/dev/shm/x/../y",
            "/a/../b",
            "/a/*",
            "/a/$b",
            "/a/{b,c}",
            "/a/b?",
            "/x\u{202e}y",
            "/x\ny",
        ] {
            assert_eq!(added(&[("A_FILE", bad)]), [""; 0], "{bad:?}");
        }
        assert_eq!(added(&[("A_FILE", &"/x:".repeat(100))]), ["/x"]);
        let long = "/x".repeat(5000);
        assert_eq!(added(&[("A_FILE", &long)]), ["**/x/x/x/x/x/x"]);
        assert_eq!(added(&[("WORKSPACE", "/1/2/3/4/5/6")]), ["**/2/3/4/5/6/.x", "**/3/4/5/6/**/*.key"]);
        // A token in a path is not written down.
        let token = "ghs_0123456789abcdefABCDEF0123456789abcd";
        assert_eq!(added(&[("A_FILE", &format!("/b/{token}/c/d"))]), ["**/c/d"]);
        assert_eq!(added(&[("A_FILE", &format!("/b/{token}"))]), [""; 0]);
        assert_eq!(added(&[("WORKSPACE", &format!("/b/{token}"))]), ["**/.x", "**/*.key"]);
    }
}
