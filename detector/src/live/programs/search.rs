//! Files of declared programs.

use super::{
    place::{Places, expand},
    script::Scripts,
    trust::{Kind, is_trusted},
};
use crate::policy::{Program, ScriptName};
use detector_common::program::{self, trait_of};
use std::{
    collections::{HashMap, HashSet},
    ffi::OsStr,
    fs,
    os::unix::fs::{DirEntryExt, MetadataExt},
    path::{Path, PathBuf},
};

/// What was found of a policy's declared programs.
#[derive(Debug, Default)]
pub(in crate::live) struct Programs {
    /// Files, each once, and what they are.
    pub(super) files: Vec<(PathBuf, program::Program)>,
    /// How arguments name the scripts among them.
    pub(super) scripts: Scripts,
    /// Names of files that are not there: an installer may bring them.
    pub(super) missing: Vec<(String, program::Program)>,
}

/// Names by which files are looked for.
struct Names<'a> {
    exact: HashMap<&'a str, usize>,
    /// Starts of names, the longest first.
    starts: Vec<(&'a crate::policy::FileName, usize)>,
}

impl<'a> Names<'a> {
    fn new(programs: &'a [Program]) -> Self {
        let mut names = Self { exact: HashMap::new(), starts: Vec::new() };
        for (i, program) in programs.iter().enumerate() {
            for name in program.files.iter().filter(|name| name.directory().is_none()) {
                match name.exact() {
                    Some(exact) => {
                        names.exact.entry(exact).or_insert(i);
                    }
                    None => names.starts.push((name, i)),
                }
            }
        }
        names.starts.sort_by_key(|(name, _)| std::cmp::Reverse(name.to_string().len()));
        names
    }

    /// The program that a file called `name` is.
    fn of(&self, name: &str) -> Option<usize> {
        let start = || self.starts.iter().find(|(start, _)| start.matches(name)).map(|(_, program)| *program);
        self.exact.get(name).copied().or_else(start)
    }
}

impl Programs {
    /// Looks for `programs`. Reads directories and the first bytes of what has one of the names; runs nothing.
    pub(in crate::live) fn search(programs: &[Program], places: &Places) -> Self {
        let names = Names::new(programs);
        let mut found = Self::default();
        let mut known = HashSet::new();
        let mut seen = HashSet::new();
        for directory in &places.programs {
            let listed = list(directory);
            for (name, _) in &listed {
                let Some(i) = name.to_str().and_then(|name| names.of(name)) else { continue };
                seen.extend(name.to_str().map(str::to_owned));
                let is_name = |leaf: &str| names.of(leaf) == Some(i);
                found.add(&directory.join(name), &programs[i], is_name, &listed, places, &mut known);
            }
        }
        for program in programs {
            for name in program.files.iter().filter(|name| name.directory().is_some()) {
                for path in expand(Path::new("/"), &name.to_string()) {
                    found.add(&path, program, |leaf| name.matches(leaf), &[], places, &mut known);
                }
            }
            for script in &program.scripts {
                found.add_script(script, program, places, &mut known);
            }
        }
        let missing = names.exact.iter().filter(|(name, _)| !seen.contains(**name));
        found.missing = missing.map(|(name, i)| ((*name).to_owned(), programs[*i].value)).collect();
        for (name, program) in &found.missing {
            // What it will be, a script or not, shows when it is there.
            found.scripts.add_name(name, *program);
        }
        found.scripts.settle();
        found
    }

    /// Adds the file at `path` when it is trusted as `program`, of whose names `is_name` knows. `listed` is its directory.
    fn add(
        &mut self,
        path: &Path,
        program: &Program,
        is_name: impl Fn(&str) -> bool,
        listed: &[(std::ffi::OsString, u64)],
        places: &Places,
        known: &mut HashSet<PathBuf>,
    ) {
        let Ok(real) = fs::canonicalize(path) else { return };
        let Ok(metadata) = fs::metadata(&real) else { return };
        let Some(leaf) = real.file_name().and_then(OsStr::to_str) else { return };
        if !is_trusted(&real, &metadata, places) || !is_name(leaf) {
            // A link to a file of another name is a program that looks at how it was called: any of several.
            return;
        }
        if metadata.nlink() > 1 && is_many(leaf, metadata.ino(), is_name, path, &real, listed) {
            return;
        }
        let mut value = program.value;
        match Kind::of(&real) {
            Some(Kind::Program) => {}
            Some(Kind::Script) => {
                value.traits |= trait_of::SCRIPT;
                self.scripts.add_file(path, &real, value);
            }
            Some(Kind::Shell) | None => return,
        }
        if known.insert(real.clone()) {
            self.files.push((real, value));
        }
    }

    fn add_script(&mut self, script: &ScriptName, program: &Program, places: &Places, known: &mut HashSet<PathBuf>) {
        let value = program::Program { traits: program.value.traits | trait_of::SCRIPT, ..program.value };
        let trusted = |path: &PathBuf| fs::metadata(path).is_ok_and(|metadata| is_trusted(path, &metadata, places));
        match script {
            ScriptName::Path(names) => {
                let pattern: Vec<_> =
                    names.names().map(|(start, any)| format!("{start}{}", if any { "*" } else { "" })).collect();
                for path in places.libraries.iter().flat_map(|library| expand(library, &pattern.join("/"))) {
                    let Some(real) = fs::canonicalize(&path).ok().filter(trusted) else { continue };
                    self.scripts.add_file(&path, &real, value);
                    if known.insert(real.clone()) {
                        self.files.push((real, value));
                    }
                }
            }
            ScriptName::Module(module) => {
                for place in &places.modules {
                    let path = place.join(module.replace('.', "/"));
                    let files: Vec<_> = module_files(&path).into_iter().filter(trusted).collect();
                    if !files.is_empty() {
                        self.scripts.add_module(module, &path, &files, value);
                    }
                    for file in files {
                        if known.insert(file.clone()) {
                            self.files.push((file, value));
                        }
                    }
                }
            }
        }
    }
}

/// Names and inodes of a directory's files.
fn list(directory: &Path) -> Vec<(std::ffi::OsString, u64)> {
    let entries = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| (entry.file_name(), entry.ino())).collect()
}

/// Whether the file is known in its own directory by names that are not of one program: one file that is many programs.
/// A program with commands of its own (`git-upload-pack` beside `git`) is one.
fn is_many(
    leaf: &str,
    inode: u64,
    is_name: impl Fn(&str) -> bool,
    path: &Path,
    real: &Path,
    listed: &[(std::ffi::OsString, u64)],
) -> bool {
    let own;
    let listed = if path.parent() == real.parent() && !listed.is_empty() {
        listed
    } else {
        own = real.parent().map(list).unwrap_or_default();
        &own
    };
    listed.iter().filter(|(_, other)| *other == inode).any(|(name, _)| {
        let name = name.to_str().unwrap_or_default();
        !is_name(name) && !name.strip_prefix(leaf).is_some_and(|rest| rest.starts_with('-'))
    })
}

/// What `python -m` opens of the module at `path` (without its ending): `__main__.py` of a package and its compiled forms, or the
/// one file.
fn module_files(path: &Path) -> Vec<PathBuf> {
    let (source, start) = match path.join("__main__.py") {
        main if main.is_file() => (main, "__main__."),
        _ => {
            let file = path.with_extension("py");
            let Some(stem) = path.file_name().and_then(OsStr::to_str).filter(|_| file.is_file()) else {
                return Vec::new();
            };
            return with_compiled(&file, &format!("{stem}."));
        }
    };
    with_compiled(&source, start)
}

fn with_compiled(source: &Path, start: &str) -> Vec<PathBuf> {
    let mut files = vec![source.to_owned()];
    let cache = source.with_file_name("__pycache__");
    let compiled = list(&cache).into_iter().filter_map(|(name, _)| name.into_string().ok());
    let mut compiled: Vec<_> = compiled.filter(|name| name.starts_with(start) && name.ends_with(".pyc")).collect();
    // Without optimisation first: it is the rule.
    compiled.sort_by_key(|name| (name.contains(".opt-"), name.len(), name.clone()));
    files.extend(compiled.iter().map(|name| cache.join(name)));
    files.retain(|file| fs::symlink_metadata(file).is_ok_and(|metadata| metadata.is_file()));
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;
    use std::os::unix::fs::{PermissionsExt, symlink};

    const POLICY: &str = "version: 1\nprograms:\n  tool: { files: [tool, tool.js, 'tool-x*'] }\n  other: { files: [other] }\n  \
                          mod: { scripts: [-m mod, lib/mod/*/index.js] }\n  box: { files: [box] }\n";

    struct Host {
        root: PathBuf,
        places: Places,
        _directory: tempfile::TempDir,
    }

    impl Host {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let root = directory.path().canonicalize().unwrap();
            for path in ["bin", "real", "py/mod/__pycache__", "lib/mod/v1", "lib/mod/v2"] {
                fs::create_dir_all(root.join(path)).unwrap();
            }
            let at = |name: &str| vec![root.join(name)];
            let places = Places {
                programs: vec![root.join("bin"), root.join("real")],
                libraries: vec![root.clone()],
                modules: at("py"),
                written: at("workspace"),
                uid: fs::metadata(&root).unwrap().uid(),
                ..Places::default()
            };
            Self { root, places, _directory: directory }
        }

        fn file(&self, name: &str, text: &str) {
            fs::write(self.root.join(name), text).unwrap();
            fs::set_permissions(self.root.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }

        fn found(&self) -> Vec<(String, u16, bool)> {
            let policy = Policy::parse(POLICY, "p").unwrap();
            let found = Programs::search(policy.programs(), &self.places);
            let shown = |path: &Path| path.strip_prefix(&self.root).unwrap().display().to_string();
            let mut files: Vec<_> = found
                .files
                .iter()
                .map(|(path, value)| (shown(path), value.number, value.traits & trait_of::SCRIPT != 0))
                .collect();
            files.sort();
            files
        }
    }

    #[test]
    fn programs_scripts_and_modules_are_found_once() {
        let host = Host::new();
        host.file("bin/tool", "\x7fELF");
        host.file("bin/tool-x11", "#!/usr/bin/node\n");
        host.file("bin/unknown", "\x7fELF");
        host.file("bin/box", "#!/bin/sh\n");
        host.file("real/tool.js", "#!/usr/bin/env node\n");
        symlink("../real/tool.js", host.root.join("bin/other")).unwrap();
        symlink("tool", host.root.join("real/tool")).unwrap();
        host.file("py/mod/__main__.py", "x");
        host.file("py/mod/__pycache__/__main__.cpython-311.pyc", "x");
        host.file("py/mod/__pycache__/other.cpython-311.pyc", "x");
        host.file("lib/mod/v1/index.js", "x");
        host.file("lib/mod/v2/index.js", "x");
        let expected = [
            ("bin/tool", 1, false),
            ("bin/tool-x11", 1, true),
            ("lib/mod/v1/index.js", 3, true),
            ("lib/mod/v2/index.js", 3, true),
            ("py/mod/__main__.py", 3, true),
            ("py/mod/__pycache__/__main__.cpython-311.pyc", 3, true),
            ("real/tool.js", 1, true),
        ];
        assert_eq!(host.found(), expected.map(|(path, number, script)| (path.to_owned(), number, script)));
    }

    #[test]
    fn a_file_that_is_many_programs_is_none() {
        let host = Host::new();
        host.file("bin/tool", "\x7fELF");
        fs::hard_link(host.root.join("bin/tool"), host.root.join("bin/tool-serve")).unwrap();
        host.file("bin/box", "\x7fELF");
        fs::hard_link(host.root.join("bin/box"), host.root.join("bin/cat")).unwrap();
        host.file("real/multi", "\x7fELF");
        symlink("../real/multi", host.root.join("bin/other")).unwrap();
        assert_eq!(host.found(), [("bin/tool".to_owned(), 1, false)]);
    }

    #[test]
    fn what_the_build_writes_is_no_program() {
        let mut host = Host::new();
        host.file("bin/tool", "\x7fELF");
        fs::create_dir(host.root.join("workspace")).unwrap();
        host.file("workspace/other", "\x7fELF");
        host.places.programs.push(host.root.join("workspace"));
        symlink("../workspace/other", host.root.join("bin/other")).unwrap();
        assert_eq!(host.found(), [("bin/tool".to_owned(), 1, false)]);
    }

    #[test]
    fn the_builtin_programs_of_this_host_are_found_in_time() {
        let policy = Policy::builtin();
        let begun = std::time::Instant::now();
        let uid = rustix::process::getuid().as_raw();
        let places = Places::new(uid, |name| std::env::var_os(name));
        let found = Programs::search(policy.programs(), &places);
        let took = begun.elapsed();
        let shell = policy.programs().iter().find(|program| program.name == "shell").unwrap();
        assert!(found.files.iter().any(|(_, value)| value.number == shell.value.number), "no shell on this host?");
        assert!(found.files.len() < detector_common::limits::PROGRAMS as usize / 2);
        // Far above what it takes: a busy machine must not fail it.
        assert!(took < std::time::Duration::from_secs(2), "{took:?}");
        println!("{} files, {} directories, {took:?}", found.files.len(), places.programs.len());
    }
}
