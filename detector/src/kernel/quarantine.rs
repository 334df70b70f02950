//! What must hold beyond the end of this process: marked sockets stay marked until they are gone, and the
//! egress hook stays attached as long as one is.

use super::{
    KernelError,
    abi::Abi,
    programs::{EGRESS_STEPS, PROGRAMS},
    rings::monotonic,
    sensor::{chain, map as map_error},
    standing,
};
use aya::{
    maps::{HashMap, Map, MapData},
    programs::links::{FdLink, PinnedLink},
};
use detector_common::state::Socket;
use std::{
    borrow::Borrow,
    fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

const BPFFS: &str = "/sys/fs/bpf";
pub(super) const ROOT: &str = "/sys/fs/bpf/detector";

/// The map of marked sockets, in the object and as pinned.
pub(super) const SOCKETS: &str = "SOCKETS";

/// A directory of pins, named by the process that made it.
#[derive(Debug)]
pub struct Quarantine {
    directory: PathBuf,
}

impl Quarantine {
    /// Makes the directory, and mounts bpffs at its usual place where it is not mounted yet.
    ///
    /// # Errors
    /// When bpffs can neither be found nor mounted.
    pub fn new() -> Result<Self, KernelError> {
        make_root()?;
        let directory = directory()?;
        make(&directory).map_err(|error| pin(&directory, &error))?;
        Ok(Self { directory })
    }

    /// Dropping what is returned closes the descriptor; the pin stays.
    pub(super) fn pin_link(&self, name: &str, link: FdLink) -> Result<PinnedLink, KernelError> {
        let path = self.directory.join(name);
        link.pin(&path).map_err(|error| pin(&path, &error))
    }

    pub(super) fn pin_map(&self, name: &str, map: &Map) -> Result<(), KernelError> {
        let path = self.directory.join(name);
        map.pin(&path).map_err(|error| pin(&path, &error))
    }

    /// Takes the pins away: nothing is quarantined.
    ///
    /// # Errors
    /// When a pin cannot be removed.
    pub fn lift(self) -> Result<(), KernelError> {
        remove(&self.directory).map_err(|error| pin(&self.directory, &error))
    }

    /// Takes away what earlier processes left, where no socket of theirs is quarantined any more; says how many
    /// directories are still needed.
    pub fn sweep() -> usize {
        if !private(Path::new(ROOT)) {
            return 0;
        }
        let Ok(entries) = fs::read_dir(ROOT) else { return 0 };
        let mut needed = 0;
        for path in entries.flatten().map(|entry| entry.path()).filter(|path| private(path) && !alive(path)) {
            // A daemon's: the next one takes it over.
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(standing::PREFIX)) {
                continue;
            }
            let map = path.join(SOCKETS);
            let empty = MapData::from_pin(&map)
                .and_then(|data| HashMap::<_, u64, Abi<Socket>>::try_from(Map::HashMap(data)))
                .map_err(|error| chain(&error))
                .and_then(|sockets| quarantined(sockets).map(|sockets| sockets.is_empty()).map_err(|e| e.to_string()));
            match empty {
                Ok(false) => needed += 1,
                // What cannot be asked may protect something still.
                Err(error) if map.exists() => {
                    tracing::warn!("{}: {error}", map.display());
                    needed += 1;
                }
                Ok(true) | Err(_) => {
                    if let Err(error) = remove(&path) {
                        tracing::warn!("{} of an earlier run could not be removed: {error}", path.display());
                    }
                }
            }
        }
        needed
    }
}

/// Where this process's pins go.
pub(super) fn directory() -> Result<PathBuf, KernelError> {
    let own =
        procfs::process::Process::myself().and_then(|own| own.stat()).map_err(|error| pin(Path::new(ROOT), &error))?;
    Ok(Path::new(ROOT).join(format!("{}-{}", own.pid, own.starttime)))
}

/// Makes the directory of all pins, and mounts bpffs at its usual place where it is not mounted yet.
pub(super) fn make_root() -> Result<(), KernelError> {
    mount()?;
    match make(Path::new(ROOT)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(pin(Path::new(ROOT), &error)),
        _ if !private(Path::new(ROOT)) => Err(KernelError::Pin {
            path: ROOT.into(),
            reason: "it is not root's own directory: somebody else made it, remove it".into(),
        }),
        _ => Ok(()),
    }
}

fn make(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(path)
}

/// Names of what keeps sockets with refused data from sending.
pub(super) fn kept() -> Vec<&'static str> {
    let links = PROGRAMS.iter().filter(|program| program.outlives).map(|program| program.name);
    links.chain([SOCKETS, EGRESS_STEPS]).collect()
}

/// Whether the path is a directory, no link, that root alone can write: bpffs itself may be writable by all, and a link
/// in it would have us remove files elsewhere.
pub(super) fn private(path: &Path) -> bool {
    fs::symlink_metadata(path)
        .is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == 0 && metadata.mode() & 0o022 == 0)
}

/// Sockets of which something was refused at egress and that still exist.
pub(super) fn quarantined<T: Borrow<MapData>>(
    sockets: HashMap<T, u64, Abi<Socket>>,
) -> Result<Vec<(u64, Socket)>, KernelError> {
    let (mut found, now) = (Vec::new(), monotonic());
    for entry in sockets.iter() {
        let (cookie, Abi(socket)) = entry.map_err(|error| map_error(SOCKETS, "read", &error))?;
        if socket.quarantined != 0 && !socket.is_gone(now) {
            found.push((cookie, socket));
        }
    }
    Ok(found)
}

/// Whether the process that made the directory still runs.
fn alive(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some((pid, start)) = name.split_once('-') else { return false };
    let (Ok(pid), Ok(start)) = (pid.parse::<i32>(), start.parse::<u64>()) else { return false };
    procfs::process::Process::new(pid).and_then(|process| process.stat()).is_ok_and(|stat| stat.starttime == start)
}

pub(super) fn remove(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        fs::remove_file(entry?.path())?;
    }
    fs::remove_dir(directory)
}

fn mount() -> Result<(), KernelError> {
    /// include/uapi/linux/magic.h.
    const BPF_FS_MAGIC: u64 = 0xcafe_4a11;
    let magic = rustix::fs::statfs(BPFFS).map(|stat| u64::try_from(stat.f_type).unwrap_or(0));
    if magic == Ok(BPF_FS_MAGIC) {
        return Ok(());
    }
    tracing::info!("mounting bpffs at {BPFFS}: a quarantine must outlive this process");
    // By default all may write to it.
    rustix::mount::mount("bpf", BPFFS, "bpf", rustix::mount::MountFlags::empty(), Some(c"mode=0700"))
        .map_err(|error| pin(Path::new(BPFFS), &error))
}

pub(super) fn pin(path: &Path, error: &(dyn std::error::Error + 'static)) -> KernelError {
    KernelError::Pin { path: path.to_path_buf(), reason: chain(error) }
}
