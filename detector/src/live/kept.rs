//! Self-kept destinations as they are when the job begins: what credential files that stand there before it say of themselves.
//!
//! The workspace is another's: whoever sends a change writes files into it. Of its files only git's own settings are read, which no
//! checkout takes from a repository.

use crate::{
    network::kept::{File, Kept, formats, places},
    policy::SelfKept,
    secret::redact,
};
use std::{
    fs,
    io::Read as _,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{MetadataExt as _, OpenOptionsExt as _},
    },
    path::{Path, PathBuf},
};

/// Bytes of a file that are read: of a longer one nothing is said.
const BYTES: u64 = (1 << 20) + 1;
/// Entries of a directory that are looked at for a name with `*`.
const ENTRIES: usize = 64;

/// Where the job's files are.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    /// Home that the job has.
    pub(super) home: Option<&'a Path>,
    /// The workspace, without links.
    pub(super) workspace: Option<&'a Path>,
    /// The job's user: files of others than that one and root are not believed.
    pub(super) uid: u32,
}

/// What the files say.
pub(super) fn found(places: &Places<'_>) -> Vec<SelfKept> {
    // Whoever works in his home has no workspace: no change of a repository brings him its files.
    let is_above = |workspace: &&Path| places.home.is_some_and(|home| home.starts_with(workspace));
    let workspace = places.workspace.filter(|workspace| !is_above(workspace));
    let places = &Places { workspace, ..*places };
    formats().iter().flat_map(|file| of_file(file, places)).collect()
}

/// Whether this process was started by another of its program that watches it: to that one, reading credentials would be what it
/// is to find, and it knows their places itself.
pub(super) fn is_within_another() -> bool {
    /// As many as anybody nests.
    const ANCESTORS: usize = 64;
    let identity = |pid: i32| fs::metadata(format!("/proc/{pid}/exe")).map(|exe| (exe.dev(), exe.ino())).ok();
    let parent =
        |pid: i32| procfs::process::Process::new(pid).and_then(|process| process.stat()).map(|stat| stat.ppid).ok();
    let own = rustix::process::getpid().as_raw_nonzero().get();
    let above = std::iter::successors(parent(own), |pid| parent(*pid)).take_while(|pid| *pid > 1).take(ANCESTORS);
    let program = identity(own);
    program.is_some() && above.into_iter().any(|pid| identity(pid) == program)
}

fn of_file(file: &File, at: &Places<'_>) -> Vec<SelfKept> {
    let (base, rest) = match (file.path.strip_prefix("~/"), file.path) {
        (Some(rest), _) => (at.home, rest),
        (None, "**/.git/config") => (at.workspace, ".git/config"),
        (None, path) => (path.strip_prefix('/').map(|_| Path::new("/")), path.trim_start_matches('/')),
    };
    let Some(base) = base.filter(|_| !rest.starts_with("**/")) else { return Vec::new() };
    let mut found = Vec::new();
    for path in expanded(base, rest) {
        let own = rest == ".git/config";
        let Some(bytes) = read(&path, at, own) else { continue };
        let shown = redact::path(path.as_os_str().as_bytes());
        for Kept { host, port } in places(file.format, &bytes) {
            let kept = |class| SelfKept { class, host: host.clone(), port, file: shown.clone() };
            found.extend(file.classes().map(kept));
        }
    }
    found
}

/// The files that `rest` below `base` names.
fn expanded(base: &Path, rest: &str) -> Vec<PathBuf> {
    let mut paths = vec![base.to_owned()];
    for name in rest.split('/') {
        let Some((start, end)) = name.split_once('*') else {
            paths.iter_mut().for_each(|path| path.push(name));
            continue;
        };
        let entries = paths.iter().flat_map(|path| fs::read_dir(path).into_iter().flatten().flatten().take(ENTRIES));
        paths = entries
            .filter(|entry| {
                entry.file_name().to_str().is_some_and(|name| name.starts_with(start) && name.ends_with(end))
            })
            .map(|entry| entry.path())
            .collect();
    }
    paths
}

/// The content of the file, if it is the job's user's or root's, not everybody may write it, and no change of the repository brought
/// it.
fn read(path: &Path, at: &Places<'_>, own: bool) -> Option<Vec<u8>> {
    // A pipe would be waited for.
    let file =
        fs::OpenOptions::new().read(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed()).open(path);
    let file = file.ok()?;
    let metadata = file.metadata().ok()?;
    let trusted = metadata.is_file() && [0, at.uid].contains(&metadata.uid()) && metadata.mode() & 0o002 == 0;
    let real = path.canonicalize().ok()?;
    let of_workspace = at.workspace.is_some_and(|workspace| real.starts_with(workspace));
    if !trusted || of_workspace != own {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    const NETRC: &str = "machine good.test login u password p\n";

    fn hosts(home: &Path, workspace: &Path) -> Vec<String> {
        let uid = rustix::process::getuid().as_raw();
        let found = found(&Places { home: Some(home), workspace: Some(workspace), uid });
        // The machine's own files are no matter of the test.
        found.into_iter().filter(|kept| kept.host.ends_with("good.test")).map(|kept| kept.host).collect()
    }

    #[test]
    fn files_of_the_home_name_their_places() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        let (home, workspace) = (root.join("home"), root.join("home/work"));
        fs::create_dir_all(workspace.join(".git")).unwrap();
        fs::create_dir_all(home.join(".docker/a")).unwrap();
        fs::write(home.join(".netrc"), NETRC).unwrap();
        fs::write(home.join(".docker/a/config.json"), r#"{"auths": {"images.good.test": {}}}"#).unwrap();
        fs::write(workspace.join(".git/config"), "[remote \"origin\"]\n\turl = https://forge.good.test/x\n").unwrap();
        // What a change of the repository may bring.
        fs::write(workspace.join(".npmrc"), "registry=https://evil.good.test/\n").unwrap();
        assert_eq!(hosts(&home, &workspace), ["good.test", "good.test", "forge.good.test", "images.good.test"]);
    }

    #[test]
    fn what_others_can_write_is_not_believed() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        let (home, workspace) = (root.join("home"), root.join("work"));
        fs::create_dir_all(&home).unwrap();
        fs::create_dir_all(&workspace).unwrap();
        let netrc = home.join(".netrc");
        fs::write(&netrc, NETRC).unwrap();
        fs::set_permissions(&netrc, fs::Permissions::from_mode(0o666)).unwrap();
        assert_eq!(hosts(&home, &workspace), Vec::<String>::new());
        fs::remove_file(&netrc).unwrap();
        // A link into the workspace.
        fs::write(workspace.join("netrc"), NETRC).unwrap();
        symlink(workspace.join("netrc"), &netrc).unwrap();
        assert_eq!(hosts(&home, &workspace), Vec::<String>::new());
        fs::remove_file(&netrc).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, &netrc, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert_eq!(hosts(&home, &workspace), Vec::<String>::new());
    }
}
