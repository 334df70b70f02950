//! How arguments of an interpreter name the declared scripts.

use detector_common::{
    command::word,
    program::{Program, Script, ScriptKey},
    watch::{Component, hash},
};
use std::{
    collections::{HashMap, HashSet},
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

/// As [`ScriptKey::module`] has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum By {
    Argument = 0,
    Module = 1,
    Leaf = 2,
}

/// Rows of the kernel's table of scripts, without the policy.
#[derive(Debug, Default)]
pub(super) struct Scripts {
    rows: HashMap<(By, u64), Script>,
    /// Named by several programs: by none.
    ambiguous: HashSet<(By, u64)>,
}

impl Scripts {
    /// The script `real`, which also goes by `path`.
    pub(super) fn add_file(&mut self, path: &Path, real: &Path, program: Program) {
        let leaves = [leaf(real)];
        for name in [path, real] {
            self.add(By::Argument, name.as_os_str(), &leaves, program);
            self.add(By::Leaf, name.file_name().unwrap_or_default(), &leaves, program);
        }
    }

    /// A script that may be installed as `name`.
    pub(super) fn add_name(&mut self, name: &str, program: Program) {
        self.add(By::Leaf, OsStr::new(name), &[leaf(Path::new(name))], program);
    }

    /// The module called `name` at `path`, of which one of `files` is opened.
    pub(super) fn add_module(&mut self, name: &str, path: &Path, files: &[PathBuf], program: Program) {
        let leaves: Vec<_> = files.iter().map(|file| leaf(file)).collect();
        self.add(By::Module, OsStr::new(name), &leaves, program);
        // A package is run by its directory, too.
        self.add(By::Argument, path.as_os_str(), &leaves, program);
        self.add(By::Leaf, path.file_name().unwrap_or_default(), &leaves, program);
    }

    fn add(&mut self, by: By, argument: &OsStr, leaves: &[u64], program: Program) {
        let key = (by, word(argument.as_bytes()));
        let row = self.rows.entry(key).or_insert(Script { program, ..Script::default() });
        if row.program.number != program.number {
            self.ambiguous.insert(key);
        }
        for leaf in leaves {
            // What finds no place is not waited for: the script is not confirmed, and counts as any other.
            if let Some(place) = row.leaves.iter_mut().find(|place| **place == 0 || *place == leaf) {
                *place = *leaf;
            }
        }
    }

    /// After the last one.
    pub(super) fn settle(&mut self) {
        for key in self.ambiguous.drain() {
            self.rows.remove(&key);
        }
    }

    /// The rows for `policy`.
    pub(super) fn rows(&self, policy: u32) -> impl Iterator<Item = (ScriptKey, Script)> + '_ {
        self.rows
            .iter()
            .map(move |((by, word), script)| (ScriptKey { word: *word, policy, module: *by as u32 }, *script))
    }
}

fn leaf(path: &Path) -> u64 {
    let name = path.file_name().unwrap_or_default();
    hash(&zerocopy::transmute!(Component::new(name.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(number: u16) -> Program {
        Program { number, ..Program::default() }
    }

    fn row(scripts: &Scripts, argument: &str, module: u32) -> Option<Script> {
        let key = ScriptKey { word: word(argument.as_bytes()), policy: 7, module };
        scripts.rows(7).find(|(other, _)| *other == key).map(|(_, script)| script)
    }

    #[test]
    fn a_script_goes_by_its_paths_and_names() {
        let mut scripts = Scripts::default();
        let real = Path::new("/usr/lib/node_modules/npm/bin/npm-cli.js");
        scripts.add_file(Path::new("/usr/bin/npm"), real, program(3));
        scripts.settle();
        let leaves = [leaf(real), 0, 0, 0];
        for (argument, module) in [("/usr/bin/npm", 0), (real.to_str().unwrap(), 0), ("npm", 2), ("npm-cli.js", 2)] {
            assert_eq!(row(&scripts, argument, module), Some(Script { leaves, program: program(3) }), "{argument}");
        }
        assert_eq!(row(&scripts, "npm", 0), None);
        assert_eq!(row(&scripts, "npm", 1), None);
    }

    #[test]
    fn names_of_several_scripts_are_kept_apart_by_their_paths() {
        let mut scripts = Scripts::default();
        for (path, number) in [("/a/index.js", 1), ("/b/index.js", 2)] {
            scripts.add_file(Path::new(path), Path::new(path), program(number));
        }
        scripts.settle();
        assert_eq!(row(&scripts, "index.js", 2), None);
        assert_eq!(row(&scripts, "/b/index.js", 0).map(|script| script.program.number), Some(2));
    }

    #[test]
    fn a_module_has_as_many_leaves_as_there_is_room_for() {
        let mut scripts = Scripts::default();
        let files: Vec<_> =
            (0..9).map(|i| PathBuf::from(format!("/p/pip/__pycache__/__main__.cpython-3{i}.pyc"))).collect();
        scripts.add_module("pip", Path::new("/p/pip"), &files, program(4));
        scripts.add_module("pip", Path::new("/q/pip"), &files[..1], program(4));
        scripts.settle();
        let script = row(&scripts, "pip", 1).unwrap();
        let expected: Vec<_> = files.iter().take(script.leaves.len()).map(|file| leaf(file)).collect();
        assert_eq!(script.leaves.to_vec(), expected);
        assert!(row(&scripts, "/q/pip", 0).is_some_and(|script| script.leaves[1] == 0));
    }
}
