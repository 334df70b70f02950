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
    os::unix::ffi::OsStrExt as _,
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
        let Some(file) = sensor.know(id, &path, classes.bits())? else {
            let shown = redact::path(path.as_os_str().as_bytes());
            tracing::warn!("{shown} is known by its own name only: it cannot be opened, or there is no room");
            continue;
        };
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
    // A link that a job before this one left may lead to what every program opens: only those within a base are followed.
    let within = |path: &Path, real: &Path| {
        real == path || bases.iter().any(|base| Path::new(base).canonicalize().is_ok_and(|base| real.starts_with(base)))
    };
    let is_one = |path: &PathBuf| {
        let is_file = path.metadata().is_ok_and(|metadata| metadata.is_file());
        let is_own = || path.canonicalize().is_ok_and(|real| within(path, &real));
        let classes = || policy.classes_opened(&path.to_string_lossy(), false).minus(policy.observed());
        is_file && path.to_str().is_some() && !classes().is_empty() && is_own()
    };
    let paths = globs.iter().flat_map(|glob| programs::expand(Path::new("/"), glob));
    let found: BTreeSet<_> = paths.filter(is_one).collect();
    if found.len() > FILES {
        tracing::warn!(
            "{} credential files are known by their own names only: there are too many",
            found.len() - FILES
        );
    }
    found.into_iter().take(FILES).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;
    use std::{fs, os::unix::fs::symlink};

    #[test]
    fn what_lies_in_the_home_is_known_and_no_link_out_of_it() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        let (home, other) = (root.join("home"), root.join("library"));
        fs::create_dir_all(home.join("keys")).unwrap();
        fs::write(&other, "what everybody opens").unwrap();
        fs::write(home.join("keys/id_x"), "key").unwrap();
        fs::write(home.join(".npmrc"), "token").unwrap();
        // As a dot-file manager does it, and as the job before did.
        symlink(home.join("keys"), home.join(".ssh")).unwrap();
        symlink(&other, home.join(".pypirc")).unwrap();
        let environment = [("HOME".to_owned(), home.to_str().unwrap().to_owned())].into();
        let policy = Policy::builtin().for_job(&environment);
        let places = kept::Places::new(Some(home.clone()), Vec::new(), 0);
        let found: Vec<_> = found(&policy, &places).into_iter().filter(|path| path.starts_with(&home)).collect();
        assert_eq!(found, [home.join(".npmrc"), home.join(".ssh/id_x")]);
    }
}
