//! Credential files that are there before a job: whoever opens one has it, by a link, another name or another mount, too.

use super::{kept, programs};
use crate::{
    event::{File, Known},
    kernel::{KernelError, Sensor},
    policy::{Access, Policy},
    secret::redact,
};
use std::{
    collections::BTreeSet,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
};

/// Files that are known at most.
const FILES: usize = 512;

/// Tells the kernel side of those under `policy`, which has the id `id`; what is to be recorded of them.
pub(super) fn register(
    sensor: &mut Sensor,
    (id, policy): (u32, &Policy),
    places: &kept::Places,
) -> Result<Vec<Known>, KernelError> {
    let mut known = Vec::new();
    for path in found(policy, places) {
        let classes = policy.classes_opened(&path.to_string_lossy(), false).minus(policy.observed());
        let Some(file) = sensor.know(id, &path, classes.bits())? else { continue };
        let file = File { device: file.device, inode: file.inode, generation: file.generation };
        known.push(Known { path: redact::path(path.as_os_str().as_bytes()), file });
    }
    Ok(known)
}

/// Files of classes that are joined by reading them, in the home, the workspaces, and where their patterns say.
fn found(policy: &Policy, places: &kept::Places) -> Vec<PathBuf> {
    let bases = places.home.iter().chain(&places.workspaces);
    let bases: BTreeSet<_> = bases.filter_map(|base| base.to_str().map(str::to_owned)).collect();
    let bases: Vec<_> = bases.into_iter().collect();
    let classes = policy.classes().iter().filter(|class| class.access == Access::Read && !class.is_observed());
    let globs: BTreeSet<String> =
        classes.flat_map(|class| &class.paths).flat_map(|pattern| pattern.globs(&bases)).collect();
    let is_one = |path: &PathBuf| {
        let is_file = path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.nlink() != 0);
        let classes = || policy.classes_opened(&path.to_string_lossy(), false).minus(policy.observed());
        is_file && path.to_str().is_some() && !classes().is_empty()
    };
    let paths = globs.iter().flat_map(|glob| programs::expand(Path::new("/"), glob));
    paths.filter(is_one).take(FILES).collect()
}
