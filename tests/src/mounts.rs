//! A mount namespace for one command: what it mounts and unmounts, nobody else sees.

use rustix::{
    fs::{Mode, mkdir},
    io::Result,
    mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, unmount},
    thread::{UnshareFlags, unshare_unsafe},
};
use std::{
    ffi::{CStr, CString},
    os::unix::process::CommandExt as _,
    path::Path,
    process::Command,
};

/// What is changed before the command starts.
#[derive(Clone, Debug)]
pub enum Change {
    /// An empty tmpfs there; its size in bytes, 0 for the usual half of the memory.
    Tmpfs(CString, u32),
    /// The topmost mount there is taken away.
    Unmount(CString),
    /// A new bpffs there.
    Bpffs(CString),
    /// A new directory there.
    Directory(CString),
    /// The first seen at the second, which is there.
    Bind(CString, CString),
}

impl Change {
    fn make(&self) -> Result<()> {
        match self {
            Self::Unmount(at) => unmount(at, UnmountFlags::DETACH),
            Self::Directory(at) => mkdir(at, Mode::from_raw_mode(0o755)),
            Self::Bind(from, at) => mount_bind(from, at),
            Self::Bpffs(at) => mount(c"bpf", at, c"bpf", MountFlags::empty(), None::<&CStr>),
            Self::Tmpfs(at, 0) => mount(c"tmpfs", at, c"tmpfs", MountFlags::empty(), None::<&CStr>),
            Self::Tmpfs(at, size) => {
                // Written by hand: nothing may be allocated between fork and exec. Zeros in front would make it octal (memparse).
                let mut option = *b"size=\0\0\0\0\0\0\0\0\0\0\0";
                let mut rest = *size;
                let digits = size.ilog10() as usize + 1;
                for digit in option[5..5 + digits].iter_mut().rev() {
                    *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
                    rest /= 10;
                }
                let option = CStr::from_bytes_until_nul(&option).unwrap_or(c"");
                mount(c"tmpfs", at, c"tmpfs", MountFlags::empty(), Some(option))
            }
        }
    }
}

/// Makes `command` run in a mount namespace of its own, changed so.
pub fn own(command: &mut Command, changes: Vec<Change>) -> &mut Command {
    // SAFETY: the closure makes system calls on what it owns; it neither allocates nor locks. The namespace is new
    // before this child's only thread does anything else.
    unsafe {
        command.pre_exec(move || {
            unshare_unsafe(UnshareFlags::NEWNS)?;
            mount_change(c"/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
            Ok(changes.iter().try_for_each(Change::make)?)
        })
    }
}

/// Every mount point of file systems of `kind`, the last mounted first.
pub fn points(kind: &str) -> anyhow::Result<Vec<CString>> {
    let mounts = std::fs::read_to_string("/proc/self/mounts")?;
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let points = fields.filter(|fields| fields.get(2) == Some(&kind)).filter_map(|fields| fields.get(1).copied());
    let mut points = points.map(|point| Ok(CString::new(point)?)).collect::<anyhow::Result<Vec<_>>>()?;
    points.reverse();
    Ok(points)
}

/// `path` as the system takes it.
pub fn at(path: &Path) -> anyhow::Result<CString> {
    Ok(CString::new(path.as_os_str().as_encoded_bytes())?)
}
