//! House rules that a machine can check, over every file that git knows or would add.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::workspace::Workspace;

const MOST_LINES: usize = 800;
/// Tables, and pages made of them.
const TABLES: [&str; 2] = ["detector/src/policy/builtin/", "docs/catalogue.md"];
/// Package registries in two parts, so that this file does not break its own rule. Builds use what the machine configures.
const REGISTRIES: [(&str, &str); 12] = [
    ("crates", "io"),
    ("static.rust-lang", "org"),
    ("deb.debian", "org"),
    ("security.debian", "org"),
    ("snapshot.debian", "org"),
    ("apt.llvm", "org"),
    ("pypi", "org"),
    ("files.pythonhosted", "org"),
    ("registry.npmjs", "org"),
    ("registry.yarnpkg", "com"),
    ("proxy.golang", "org"),
    ("rubygems", "org"),
];
const UNFINISHED: [(&str, &str); 2] = [("todo", "!("), ("unimplemented", "!(")];

pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let rules = Rules::new(workspace)?;
    let listed = process::read(
        Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(workspace.root()),
    )?;
    let mut complaints = Vec::new();
    for name in listed.split_terminator('\0') {
        // Lock files are cargo's; a file that is gone or not text has nothing to check.
        let Ok(text) = fs::read_to_string(workspace.root().join(name)) else { continue };
        if !name.ends_with(".lock") {
            rules.check(name, &text, &mut complaints);
        }
    }
    if complaints.is_empty() {
        return Ok(());
    }
    bail!("{} found\n{}", complaints.len(), complaints.join("\n"))
}

struct Rules {
    registries: Vec<String>,
    /// Directories of the machine that this runs on.
    places: Vec<String>,
    unfinished: Vec<String>,
}

impl Rules {
    fn new(workspace: &Workspace) -> Result<Self> {
        let mut places = vec![workspace.root().to_str().context("the workspace's path is not UTF-8")?.to_owned()];
        // Root's home is the same everywhere and a fair example of a credential's place; a person's is not.
        places.extend(
            env::home_dir()
                .filter(|home| home.starts_with("/home") || home.starts_with("/Users"))
                .and_then(|home| home.to_str().map(String::from)),
        );
        Ok(Self {
            registries: REGISTRIES.map(|(name, zone)| format!("{name}.{zone}")).into(),
            places,
            unfinished: UNFINISHED.map(|(name, rest)| format!("{name}{rest}")).into(),
        })
    }

    fn check(&self, name: &str, text: &str, complaints: &mut Vec<String>) {
        let lines = text.lines().count();
        if lines > MOST_LINES && !TABLES.iter().any(|table| name.starts_with(table)) {
            complaints.push(format!("{name}: {lines} lines, at most {MOST_LINES}"));
        }
        let is_rust = Path::new(name).extension().is_some_and(|extension| extension == "rs");
        for (index, line) in text.lines().enumerate() {
            let mut complain = |what: &str| complaints.push(format!("{name}:{}: {what}", index + 1));
            // Policy names a domain by its wildcard.
            if self.registries.iter().any(|host| contains_word(&line.replace(&format!("*.{host}"), ""), host)) {
                complain("host name of a package registry");
            }
            if self.places.iter().any(|place| contains_word(line, place)) {
                complain("absolute path of this machine");
            }
            if is_rust && self.unfinished.iter().any(|call| line.contains(call.as_str())) {
                complain("unfinished code");
            }
        }
    }
}

/// Whether `word` stands in `line` with no letter, digit, `-` or `_` on either side; as `*.word` it is a wildcard of
/// policy data, and no host.
fn contains_word(line: &str, word: &str) -> bool {
    let goes_on = |character: char| character.is_alphanumeric() || matches!(character, '-' | '_');
    line.match_indices(word).any(|(start, found)| {
        let before = line.get(..start).and_then(|text| text.chars().next_back());
        let after = line.get(start + found.len()..).and_then(|text| text.chars().next());
        let wildcard = line.get(..start).is_some_and(|text| text.ends_with("*."));
        !wildcard && !before.is_some_and(goes_on) && !after.is_some_and(goes_on)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(name: &str, text: &str) -> Vec<String> {
        let rules = Rules::new(&Workspace::locate().unwrap()).unwrap();
        let mut complaints = Vec::new();
        rules.check(name, text, &mut complaints);
        complaints
    }

    #[test]
    fn what_breaks_a_rule_is_named_with_its_line() {
        let call = format!("fn a() {{\n    {}{})\n}}\n", "todo", "!(");
        assert_eq!(complaints("a.rs", &call), ["a.rs:2: unfinished code"]);
        assert_eq!(complaints("a.md", &call), [""; 0]);
        let host = format!("see https://{}.{}/x", "crates", "io");
        assert_eq!(complaints("a.md", &host), ["a.md:1: host name of a package registry"]);
        assert_eq!(complaints("a.md", &"x\n".repeat(801)), ["a.md: 801 lines, at most 800"]);
        assert_eq!(complaints("docs/catalogue.md", &"x\n".repeat(801)), [""; 0], "a table");
        let place = Workspace::locate().unwrap().root().join("x");
        assert_eq!(complaints("a.md", &place.display().to_string()), ["a.md:1: absolute path of this machine"]);
    }

    #[test]
    fn words_have_ends() {
        assert!(contains_word("at a.b/c", "a.b"));
        assert!(!contains_word("[*.a.b]", "a.b"), "a wildcard");
        assert!(!contains_word("at xa.b", "a.b"));
        assert!(!contains_word("at a.b-index", "a.b"));
    }
}
