//! The kernel's own counts of a process's programs and maps.

use anyhow::Context as _;
use std::{
    collections::BTreeMap,
    fs, io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    path::{Path, PathBuf},
};

// include/uapi/linux/bpf.h
const BPF_PROG_GET_FD_BY_ID: libc::c_int = 13;
const BPF_MAP_GET_FD_BY_ID: libc::c_int = 14;
const BPF_OBJ_GET_INFO_BY_FD: libc::c_int = 15;
const BPF_ENABLE_STATS: libc::c_int = 32;
const NAME_BYTES: usize = 16;
/// Where `name` is in `bpf_prog_info` and in `bpf_map_info`.
const PROGRAM_NAME: usize = 64;
const MAP_NAME: usize = 24;

/// As long as it lives the kernel counts runs, and the time that they take (Linux 5.8).
#[derive(Debug)]
pub struct Statistics {
    _enabled: OwnedFd,
}

impl Statistics {
    /// From now on.
    pub fn enable() -> anyhow::Result<Self> {
        // Of run time.
        let enabled = descriptor(BPF_ENABLE_STATS, &mut [0; 8]).context("BPF statistics cannot be enabled")?;
        Ok(Self { _enabled: enabled })
    }
}

/// Runs of a program. A program that another one goes on with (a tail call) counts as that one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Runs {
    pub(super) count: u64,
    /// Nanoseconds of all of them.
    pub(super) time: u64,
}

/// The programs of a process, by name.
#[derive(Debug)]
pub(super) struct Programs(BTreeMap<String, PathBuf>);

impl Programs {
    pub(super) fn of(pid: u32) -> anyhow::Result<Self> {
        // Links have the id of their program, but no runs.
        let all = objects(pid, "prog_id", "run_cnt")?.into_iter();
        let named = all.map(|(path, id)| Ok((name(BPF_PROG_GET_FD_BY_ID, id, PROGRAM_NAME)?, path)));
        Ok(Self(named.collect::<anyhow::Result<_>>()?))
    }

    pub(super) fn runs(&self, name: &str) -> anyhow::Result<Runs> {
        let path = self.0.get(name).with_context(|| format!("no program {name}"))?;
        let info = fs::read_to_string(path)?;
        let get = |key| number(&info, key).with_context(|| format!("no {key}"));
        Ok(Runs { count: get("run_cnt")?, time: get("run_time_ns")? })
    }
}

/// Bytes of kernel memory of each map of a process, by name.
pub(super) fn maps(pid: u32) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut maps = BTreeMap::new();
    for (path, id) in objects(pid, "map_id", "memlock")? {
        let bytes = number(&fs::read_to_string(path)?, "memlock").context("no memlock")?;
        maps.insert(name(BPF_MAP_GET_FD_BY_ID, id, MAP_NAME)?, bytes);
    }
    Ok(maps)
}

/// Where the kernel tells of descriptors that have such an id and something else, and the id.
fn objects(pid: u32, id: &str, other: &str) -> anyhow::Result<Vec<(PathBuf, u32)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(Path::new("/proc").join(pid.to_string()).join("fdinfo"))? {
        let path = entry?.path();
        // Some are gone again.
        let info = fs::read_to_string(&path).ok().filter(|info| number(info, other).is_some());
        let id = info.and_then(|info| u32::try_from(number(&info, id)?).ok());
        found.extend(id.map(|id| (path, id)));
    }
    Ok(found)
}

fn number(info: &str, key: &str) -> Option<u64> {
    let line = info.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    line.trim().parse().ok()
}

fn name(by_id: libc::c_int, id: u32, at: usize) -> anyhow::Result<String> {
    let mut attributes = [0; 16];
    attributes[..4].copy_from_slice(&id.to_ne_bytes());
    let object = descriptor(by_id, &mut attributes).with_context(|| format!("object {id}"))?;
    let mut info = [0u8; PROGRAM_NAME + NAME_BYTES];
    let mut attributes = [0; 16];
    attributes[..4].copy_from_slice(&object.as_raw_fd().to_ne_bytes());
    attributes[4..8].copy_from_slice(&u32::try_from(info.len())?.to_ne_bytes());
    attributes[8..].copy_from_slice(&(info.as_mut_ptr() as u64).to_ne_bytes());
    call(BPF_OBJ_GET_INFO_BY_FD, &mut attributes).with_context(|| format!("object {id}"))?;
    let name = info[at..at + NAME_BYTES].split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(name).into_owned())
}

fn descriptor(command: libc::c_int, attributes: &mut [u8]) -> io::Result<OwnedFd> {
    let number = call(command, attributes)?;
    // SAFETY: the kernel just made it for this call.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

fn call(command: libc::c_int, attributes: &mut [u8]) -> io::Result<libc::c_int> {
    // SAFETY: the attributes are as long as they are said to be, and whatever they point to outlives the call.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, attributes.as_mut_ptr(), attributes.len()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(libc::c_int::try_from(result).unwrap_or(-1)) }
}
