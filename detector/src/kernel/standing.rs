//! A daemon's kernel side: pinned whole, so that it goes on when the daemon ends in the middle, and the next one takes it over.

use super::{
    KernelError,
    maps::Maps,
    quarantine::{self, pin, private, remove},
    sensor::{OBJECT, chain},
};
use aya::{
    maps::{Map, MapData},
    programs::links::{FdLink, PinnedLink},
};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

/// How directories of daemons begin; behind it stands what tells one object from another.
pub(super) const PREFIX: &str = "daemon-";
/// Behind the name of a directory that is not whole yet; bpffs has no dots in names.
const NEW: &str = "-new";

/// A directory of pins.
#[derive(Debug)]
pub struct Standing {
    directory: PathBuf,
}

impl Standing {
    fn path() -> PathBuf {
        let digest: String = Sha256::digest(OBJECT).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Path::new(quarantine::ROOT).join(format!("{PREFIX}{digest}"))
    }

    /// What a daemon of this very version left, if it is whole.
    pub fn find() -> Option<Self> {
        let directory = Self::path();
        private(&directory).then_some(Self { directory })
    }

    /// An empty one; it counts when [`Self::complete`] was called.
    ///
    /// # Errors
    /// When bpffs can neither be found nor mounted, or the directory cannot be made.
    pub fn new() -> Result<Self, KernelError> {
        quarantine::make_root()?;
        let mut directory = Self::path().into_os_string();
        directory.push(NEW);
        let directory = PathBuf::from(directory);
        if directory.exists() {
            remove(&directory).map_err(|error| pin(&directory, &error))?;
        }
        DirBuilder::new().mode(0o700).create(&directory).map_err(|error| pin(&directory, &error))?;
        Ok(Self { directory })
    }

    /// It is whole: daemons of other versions are superseded.
    ///
    /// # Errors
    /// When it cannot be given its name.
    pub fn complete(&mut self) -> Result<(), KernelError> {
        let path = Self::path();
        fs::rename(&self.directory, &path).map_err(|error| pin(&path, &error))?;
        self.directory = path;
        for other in fs::read_dir(quarantine::ROOT).into_iter().flatten().flatten().map(|entry| entry.path()) {
            let is_daemon = other.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
            if is_daemon
                && other != self.directory
                && private(&other)
                && let Err(error) = remove(&other)
            {
                tracing::warn!("{} of another daemon could not be removed: {error}", other.display());
            }
        }
        Ok(())
    }

    pub(super) fn pin_link(&self, name: &str, link: FdLink) -> Result<PinnedLink, KernelError> {
        let path = self.directory.join(name);
        link.pin(&path).map_err(|error| pin(&path, &error))
    }

    pub(super) fn pin_map(&self, name: &str, map: &Map) -> Result<(), KernelError> {
        let path = self.directory.join(name);
        map.pin(&path).map_err(|error| pin(&path, &error))
    }

    /// The maps: their names are in capitals.
    pub(super) fn maps(&self) -> Result<Maps, KernelError> {
        let failed = |error: &io::Error| pin(&self.directory, error);
        let mut maps = Maps::default();
        for entry in fs::read_dir(&self.directory).map_err(|error| failed(&error))?.flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            if !name.starts_with(|c: char| c.is_ascii_uppercase()) {
                continue;
            }
            let map = MapData::from_pin(entry.path()).and_then(Map::from_map_data);
            let map = map.map_err(|error| KernelError::Pin { path: entry.path(), reason: chain(&error) })?;
            maps.insert(name, map);
        }
        Ok(maps)
    }

    /// The links of these programs.
    pub(super) fn links<'a>(&self, names: impl Iterator<Item = &'a str>) -> Result<Vec<FdLink>, KernelError> {
        names
            .map(|name| {
                let path = self.directory.join(name);
                PinnedLink::from_pin(&path).map(FdLink::from).map_err(|error| pin(&path, &error))
            })
            .collect()
    }

    /// Takes it away; with `quarantined`, all but what keeps sockets with refused data from sending.
    ///
    /// # Errors
    /// When a pin cannot be removed.
    pub fn end(self, quarantined: bool) -> Result<(), KernelError> {
        let failed = |error: io::Error| pin(&self.directory, &error);
        if !quarantined {
            return remove(&self.directory).map_err(failed);
        }
        let kept = quarantine::kept();
        for entry in fs::read_dir(&self.directory).map_err(failed)?.flatten() {
            if !entry.file_name().to_str().is_some_and(|name| kept.contains(&name)) {
                fs::remove_file(entry.path()).map_err(failed)?;
            }
        }
        // As what a run leaves: the next one looks whether it is needed still.
        let path = quarantine::directory()?;
        fs::rename(&self.directory, path).map_err(failed)
    }
}
