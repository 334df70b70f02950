//! The root of the cgroup2 hierarchy, where the network hooks attach.

use super::KernelError;
use std::{fs, fs::File, path::PathBuf};

/// Opens the root of the cgroup2 hierarchy, wherever it is mounted.
pub(super) fn root() -> Result<File, KernelError> {
    let path = find(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default()).ok_or(KernelError::NoCgroup2)?;
    File::open(&path).map_err(|source| KernelError::Cgroup { path, source })
}

/// Mount point of the hierarchy's own root (proc_pid_mountinfo(5): fields 4 and 5, then the type after ` - `).
fn find(mountinfo: &str) -> Option<PathBuf> {
    mountinfo.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        (kind.starts_with("cgroup2 ") && root == "/").then(|| PathBuf::from(point))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hierarchy_is_found_beside_version_one() {
        let text = "25 20 0:22 / /sys/fs/cgroup rw - tmpfs none rw\n\
                    26 25 0:23 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                    27 25 0:24 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
        assert_eq!(find(text), Some(PathBuf::from("/sys/fs/cgroup/unified")));
    }

    #[test]
    fn a_part_of_it_or_none_is_no_root() {
        assert_eq!(find("27 25 0:24 /job /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"), None);
        assert_eq!(find("26 25 0:23 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"), None);
        assert_eq!(find(""), None);
    }
}
