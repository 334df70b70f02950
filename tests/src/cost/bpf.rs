//! The kernel's own counts of a process's programs and maps.

use anyhow::Context as _;
use std::{
    collections::BTreeMap,
    fs, io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    path::{Path, PathBuf},
};

// include/uapi/linux/bpf.h
const BPF_PROG_GET_NEXT_ID: libc::c_int = 11;
const BPF_PROG_GET_FD_BY_ID: libc::c_int = 13;
const BPF_MAP_GET_FD_BY_ID: libc::c_int = 14;
const BPF_OBJ_GET_INFO_BY_FD: libc::c_int = 15;
const BPF_ENABLE_STATS: libc::c_int = 32;
const NAME_BYTES: usize = 16;
/// Bytes of `bpf_prog_info` up to its counts, which are its last words here: nanoseconds, then runs.
const COUNTED: usize = 208;
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

/// A program, of which a process may ask without reading a file.
#[derive(Debug)]
pub(super) struct Program(OwnedFd);

impl Program {
    pub(super) fn of(id: u32) -> anyhow::Result<Self> {
        Ok(Self(by_id(BPF_PROG_GET_FD_BY_ID, id)?))
    }

    pub(super) fn runs(&self) -> io::Result<Runs> {
        let mut bytes = [0; COUNTED];
        info(&self.0, &mut bytes)?;
        let (words, _) = bytes.as_chunks();
        let word = |n: usize| words.iter().rev().nth(n).copied().map_or(0, u64::from_ne_bytes);
        Ok(Runs { count: word(0), time: word(1) })
    }
}

/// The ids of a process's programs, by name; of a long name there may be several.
pub(super) fn programs(pid: u32) -> anyhow::Result<Vec<(String, u32)>> {
    let all = objects(pid, "prog_id", "run_cnt")?.into_iter();
    all.map(|(_, id)| Ok((name(BPF_PROG_GET_FD_BY_ID, id, PROGRAM_NAME)?, id))).collect()
}

/// How many programs of this name the kernel has, whosever they are.
pub(super) fn loaded(wanted: &str) -> usize {
    let (mut found, mut attributes) = (0, [0; 12]);
    // From the last id to the next one, until there is none. Some are gone again.
    while call(BPF_PROG_GET_NEXT_ID, &mut attributes).is_ok() {
        attributes.copy_within(4..8, 0);
        let (words, _) = attributes.as_chunks();
        let id = words.first().copied().map_or(0, u32::from_ne_bytes);
        found += usize::from(name(BPF_PROG_GET_FD_BY_ID, id, PROGRAM_NAME).is_ok_and(|name| name == wanted));
    }
    found
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

fn name(command: libc::c_int, id: u32, at: usize) -> anyhow::Result<String> {
    let mut bytes = [0u8; PROGRAM_NAME + NAME_BYTES];
    info(&by_id(command, id)?, &mut bytes).with_context(|| format!("object {id}"))?;
    let name = bytes[at..at + NAME_BYTES].split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(name).into_owned())
}

fn by_id(command: libc::c_int, id: u32) -> anyhow::Result<OwnedFd> {
    let mut attributes = [0; 16];
    attributes[..4].copy_from_slice(&id.to_ne_bytes());
    descriptor(command, &mut attributes).with_context(|| format!("object {id}"))
}

/// What the kernel says of an object, as far as there is room; the room must be zero.
fn info(object: &OwnedFd, room: &mut [u8]) -> io::Result<()> {
    let mut attributes = [0; 16];
    attributes[..4].copy_from_slice(&object.as_raw_fd().to_ne_bytes());
    attributes[4..8].copy_from_slice(&u32::try_from(room.len()).unwrap_or(u32::MAX).to_ne_bytes());
    attributes[8..].copy_from_slice(&(room.as_mut_ptr() as u64).to_ne_bytes());
    call(BPF_OBJ_GET_INFO_BY_FD, &mut attributes).map(drop)
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
