//! Which files name places of their own, and what they say.
//!
//! The workspace is another's: whoever sends a change writes files into it. Of its files only git's own settings are read, which no
//! checkout takes from a repository.

use crate::{
    network::kept::{File as Row, Kept, formats, places as places_of},
    policy::SelfKept,
    secret::redact,
};
use std::{
    collections::BTreeSet,
    fs::{self, File, Metadata},
    io::Read as _,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{MetadataExt as _, OpenOptionsExt as _},
    },
    path::{Path, PathBuf},
};

/// Bytes of a file that are read: of a longer one nothing is said.
const BYTES: u64 = (1 << 20) + 1;
/// Settings of a repository, which git takes from none.
pub(super) const GIT_CONFIG: &str = "**/.git/config";
/// Entries of a directory that are looked at for a name with `*`.
const ENTRIES: usize = 64;

/// Where the job's files are.
#[derive(Clone, Debug)]
pub(in crate::live) struct Places {
    /// Home that the job has.
    pub(in crate::live) home: Option<PathBuf>,
    /// The workspaces, without links.
    pub(in crate::live) workspaces: Vec<PathBuf>,
    /// The job's user: files of others than that one and root are not believed.
    pub(in crate::live) uid: u32,
}

impl Places {
    /// Whoever works in his home has no workspace: no change of a repository brings him its files.
    pub(in crate::live) fn new(home: Option<PathBuf>, mut workspaces: Vec<PathBuf>, uid: u32) -> Self {
        workspaces.retain(|workspace| !home.as_ref().is_some_and(|home| home.starts_with(workspace)));
        Self { home, workspaces, uid }
    }
}

/// A file that was read, and how it was then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::live) struct Stamped {
    /// Where it is.
    pub(super) path: PathBuf,
    /// The class whose secrets may be spent at its places.
    pub(super) class: &'static str,
    stamp: [u64; 5],
}

impl Stamped {
    /// Whether `file` is that file, unchanged: whoever writes to it, or puts another in its place, changes the time of its last change
    /// (inode(7), `ctime`), which cannot be set.
    pub(super) fn is(&self, file: &File) -> bool {
        file.metadata().is_ok_and(|metadata| stamp(&metadata) == self.stamp)
    }
}

fn stamp(metadata: &Metadata) -> [u64; 5] {
    let time = [metadata.ctime().cast_unsigned(), metadata.ctime_nsec().cast_unsigned()];
    [metadata.dev(), metadata.ino(), time[0], time[1], metadata.size()]
}

/// What the files say, and which they are.
pub(in crate::live) fn found(places: &Places) -> (Vec<SelfKept>, Vec<Stamped>) {
    let (mut kept, mut read) = (Vec::new(), Vec::new());
    for (path, row) in all(places) {
        let Some(file) = open(&path) else { continue };
        if is_of_repository(&path, row, places) {
            continue;
        }
        let Some(bytes) = believed(&file, places) else { continue };
        let beside = |kept: &SelfKept| Some(SelfKept { class: row.beside()?.to_owned(), ..kept.clone() });
        kept.extend(said(&path, row, &bytes).flat_map(|kept| [beside(&kept), Some(kept)]).flatten());
        if let Ok(metadata) = file.metadata() {
            read.push(Stamped { path, class: row.class, stamp: stamp(&metadata) });
        }
    }
    (kept, read)
}

/// What the file at `path` says.
pub(super) fn said(path: &Path, row: &Row, bytes: &[u8]) -> impl Iterator<Item = SelfKept> {
    let (class, file) = (row.class, redact::path(path.as_os_str().as_bytes()));
    let kept = move |Kept { host, port }| SelfKept { class: class.to_owned(), host, port, file: file.clone() };
    places_of(row.format, bytes).into_iter().map(kept)
}

/// Whether this process was started by another of its program that watches it: to that one, reading credentials would be what it
/// is to find, and it knows their places itself.
pub(in crate::live) fn is_within_another() -> bool {
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

/// Where such files may be, whether or not they are there.
pub(super) fn all(at: &Places) -> Vec<(PathBuf, &'static Row)> {
    let mut paths = Vec::new();
    for row in formats() {
        let (bases, rest): (Vec<&Path>, _) = match (row.path.strip_prefix("~/"), row.path) {
            (Some(rest), _) => (at.home.as_deref().into_iter().collect(), rest),
            (None, GIT_CONFIG) => (at.workspaces.iter().map(PathBuf::as_path).collect(), ".git/config"),
            (None, path) if path.starts_with('/') => (vec![Path::new("/")], path.trim_start_matches('/')),
            // Anywhere: where one is, shows when it is opened.
            (None, _) => continue,
        };
        paths.extend(bases.into_iter().flat_map(|base| expanded(base, rest)).map(|path| (path, row)));
    }
    paths
}

/// Names of directories that such files are in, where they have one.
pub(super) fn directories(at: &Places) -> BTreeSet<Vec<u8>> {
    let home = at.home.as_deref().and_then(Path::file_name).map(|name| name.as_bytes().to_vec());
    let of = |row: &Row| {
        let (directory, _) = row.path.rsplit_once('/')?;
        match directory.rsplit('/').next()? {
            "~" => home.clone(),
            name if name.is_empty() || name.contains('*') => None,
            name => Some(name.as_bytes().to_vec()),
        }
    };
    formats().iter().filter_map(of).collect()
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

/// Opens it; a pipe is not waited for.
pub(super) fn open(path: &Path) -> Option<File> {
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    fs::OpenOptions::new().read(true).custom_flags(flags).open(path).ok()
}

/// Whether a change of the repository may have brought the file.
fn is_of_repository(path: &Path, row: &Row, at: &Places) -> bool {
    let Ok(real) = path.canonicalize() else { return true };
    let of_workspace = at.workspaces.iter().any(|workspace| real.starts_with(workspace));
    of_workspace != (row.path == GIT_CONFIG)
}

/// The content of the file, if it is the job's user's or root's, and not everybody may write it.
pub(super) fn believed(file: &File, at: &Places) -> Option<Vec<u8>> {
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || ![0, at.uid].contains(&metadata.uid()) || metadata.mode() & 0o002 != 0 {
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
        let (found, _) = found(&Places::new(Some(home.to_owned()), vec![workspace.to_owned()], uid));
        // The machine's own files are no matter of the test.
        found
            .into_iter()
            .filter(|kept| kept.host.ends_with("good.test"))
            .map(|kept| format!("{} {}", kept.class, kept.host))
            .collect()
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
        assert_eq!(
            hosts(&home, &workspace),
            ["git good.test", "netrc good.test", "git forge.good.test", "docker images.good.test"]
        );
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
