//! What must hold beyond the end of this process: marked sockets stay marked until they are gone, and the
//! egress hook stays attached as long as one is.

use super::{KernelError, abi::Abi, sensor::chain};
use aya::{
    maps::{HashMap, Map, MapData},
    programs::links::{FdLink, PinnedLink},
};
use detector_common::state::{Socket, socket_flags};
use std::{
    borrow::Borrow,
    fs, io,
    path::{Path, PathBuf},
};

const BPFFS: &str = "/sys/fs/bpf";
const ROOT: &str = "/sys/fs/bpf/detector";

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
        mount()?;
        let own = procfs::process::Process::myself()
            .and_then(|own| own.stat())
            .map_err(|error| pin(Path::new(ROOT), &error))?;
        let directory = Path::new(ROOT).join(format!("{}-{}", own.pid, own.starttime));
        fs::create_dir_all(&directory).map_err(|error| pin(&directory, &error))?;
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
        let Ok(entries) = fs::read_dir(ROOT) else { return 0 };
        let mut needed = 0;
        for entry in entries.flatten() {
            let path = entry.path();
            if alive(&path) {
                continue;
            }
            let empty = MapData::from_pin(path.join("SOCKETS"))
                .and_then(|data| HashMap::<_, u64, Abi<Socket>>::try_from(Map::HashMap(data)))
                .map(|sockets| quarantined(sockets).is_empty());
            match empty {
                Ok(false) => needed += 1,
                // Pins without their map protect nothing.
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

/// Sockets of which something was refused at egress and that still exist.
pub(super) fn quarantined<T: Borrow<MapData>>(sockets: HashMap<T, u64, Abi<Socket>>) -> Vec<(u64, Socket)> {
    sockets
        .iter()
        .flatten()
        .map(|(cookie, Abi(socket))| (cookie, socket))
        .filter(|(_, socket)| socket.flags & socket_flags::QUARANTINED != 0)
        .collect()
}

/// Whether the process that made the directory still runs.
fn alive(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some((pid, start)) = name.split_once('-') else { return false };
    let (Ok(pid), Ok(start)) = (pid.parse::<i32>(), start.parse::<u64>()) else { return false };
    procfs::process::Process::new(pid).and_then(|process| process.stat()).is_ok_and(|stat| stat.starttime == start)
}

fn remove(directory: &Path) -> io::Result<()> {
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
    rustix::mount::mount("bpf", BPFFS, "bpf", rustix::mount::MountFlags::empty(), None)
        .map_err(|error| pin(Path::new(BPFFS), &error))
}

fn pin(path: &Path, error: &(dyn std::error::Error + 'static)) -> KernelError {
    KernelError::Pin { path: path.to_path_buf(), reason: chain(error) }
}
