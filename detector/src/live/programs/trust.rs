//! Which of the files that were found are trusted: those that no build before this one could have put there.

use super::place::Places;
use std::{
    fs::{self, File, Metadata},
    io::Read,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

/// Bytes of a file that tell what it is.
const START: usize = 256;

/// Shells: their scripts open nothing themselves, and what they run is found for itself.
const SHELLS: [&str; 8] = ["sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish"];

/// What a file is to the kernel that runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A program.
    Program,
    /// A script of an interpreter.
    Script,
    /// A script of a shell.
    Shell,
}

impl Kind {
    /// Of the file at `path`; `None` when it cannot be read.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let mut start = Vec::new();
        File::open(path).ok()?.take(START as u64).read_to_end(&mut start).ok()?;
        let Some(line) = start.strip_prefix(b"#!") else { return Some(Self::Program) };
        let line = line.split(|b| *b == b'\n').next().unwrap_or_default();
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let leaf = |word: &'_ [u8]| word.rsplit(|b| *b == b'/').next().map(<[u8]>::to_vec).unwrap_or_default();
        let mut interpreter = words.next().map(leaf).unwrap_or_default();
        if interpreter == b"env" {
            interpreter = words.find(|word| !word.starts_with(b"-")).map(leaf).unwrap_or_default();
        }
        let is_shell = SHELLS.iter().any(|shell| shell.as_bytes() == interpreter);
        Some(if is_shell { Self::Shell } else { Self::Script })
    }
}

/// Whether the file at `path`, which is resolved, is none that just anybody could have put there.
pub(super) fn is_trusted(path: &Path, file: &Metadata, places: &Places) -> bool {
    let inside = |directories: &[std::path::PathBuf]| directories.iter().any(|directory| path.starts_with(directory));
    if !file.is_file() || inside(&places.written) {
        return false;
    }
    let open = inside(&places.open);
    let ours = |metadata: &Metadata| [0, places.uid].contains(&metadata.uid());
    // Where the group is a user's own, it is no other one than the user.
    let closed = |metadata: &Metadata| {
        let mode = metadata.permissions().mode();
        open || mode & 0o002 == 0 && (mode & 0o020 == 0 || metadata.gid() == 0 || metadata.gid() == places.uid)
    };
    let directory = path.parent().and_then(|directory| fs::metadata(directory).ok());
    // `staff` may write to /usr/local of Debian: of a directory only strangers matter.
    let shut = |metadata: &Metadata| open || metadata.permissions().mode() & 0o002 == 0;
    ours(file) && closed(file) && directory.is_some_and(|directory| shut(&directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_the_first_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        for (text, kind) in [
            ("\x7fELF", Kind::Program),
            ("", Kind::Program),
            ("#!/usr/bin/python3.11\n", Kind::Script),
            ("#!/usr/bin/env node\n#!/bin/sh", Kind::Script),
            ("#!/usr/bin/env -S node --x\n", Kind::Script),
            ("#!/bin/sh -e\n", Kind::Shell),
            ("#! /usr/bin/env bash\n", Kind::Shell),
            ("#!", Kind::Script),
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(Kind::of(&path), Some(kind), "{text:?}");
        }
        assert_eq!(Kind::of(&directory.path().join("none")), None);
    }

    #[test]
    fn what_others_can_write_is_not_trusted() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        let path = root.join("x");
        fs::write(&path, "x").unwrap();
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let uid = fs::metadata(&path).unwrap().uid();
        let places = Places { uid, ..Places::default() };
        let trusted = |places: &Places| is_trusted(&path, &fs::metadata(&path).unwrap(), places);
        mode(&path, 0o755);
        assert!(trusted(&places));
        mode(&path, 0o757);
        assert!(!trusted(&places));
        assert!(trusted(&Places { uid, open: vec![root.clone()], ..Places::default() }));
        mode(&path, 0o755);
        mode(&root, 0o1777);
        assert!(!trusted(&places));
        mode(&root, 0o755);
        assert!(!trusted(&Places { uid, written: vec![root.clone()], ..Places::default() }));
        assert!(!is_trusted(&root, &fs::metadata(&root).unwrap(), &places), "a directory");
    }
}
