//! Agents as /proc has them.

use super::super::attribute::TICK;
use crate::ci::{Agent, Jobs, Provider, Role, Started, is_plausible, leaves};
use std::{
    ffi::OsString,
    fs,
    io::Read as _,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::PathBuf,
};

/// A process, as it was read.
pub(super) struct Seen {
    pid: u32,
    parent: u32,
    start: u64,
    executable: PathBuf,
    argv: Vec<u8>,
    uid: u32,
}

impl Seen {
    /// Process `pid`; none where it is gone, or a kernel thread.
    pub(super) fn of(pid: u32) -> Option<Self> {
        let process = procfs::process::Process::new(i32::try_from(pid).ok()?).ok()?;
        let stat = process.stat().ok()?;
        Some(Self {
            pid,
            parent: u32::try_from(stat.ppid).ok()?,
            start: stat.starttime,
            executable: process.exe().ok()?,
            argv: fs::read(format!("/proc/{pid}/cmdline")).ok()?,
            uid: process.uid().ok()?,
        })
    }

    /// Process `pid`, which is gone, as far as its parent and its executable's name tell of it.
    pub(super) fn gone(pid: u32, parent: u32, name: &str) -> Option<Self> {
        let beside = Self::of(parent);
        let executable = beside.as_ref().map_or_else(|| name.into(), |beside| beside.executable.with_file_name(name));
        Some(Self { pid, parent, start: 0, executable, argv: Vec::new(), uid: beside.map_or(0, |beside| beside.uid) })
    }

    /// As the room of CI asks.
    pub(super) fn started(&self) -> Started<'_> {
        Started { executable: self.executable.as_os_str().as_bytes(), argv: &self.argv, uid: self.uid }
    }

    /// Whether it is the process that the kernel side saw start at `start` (`CLOCK_BOOTTIME` nanoseconds), and not another one with
    /// its number.
    pub(super) fn is(&self, start: u64) -> bool {
        (self.start * TICK).abs_diff(start) <= TICK
    }

    /// Its id.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Its arguments.
    pub(super) fn arguments(&self) -> Vec<OsString> {
        let argv = self.argv.strip_suffix(b"\0").unwrap_or(&self.argv);
        argv.split(|b| *b == 0).map(|argument| OsString::from_vec(argument.to_vec())).collect()
    }

    /// Its environment, as its exec left it: at most a megabyte.
    pub(super) fn environment(&self) -> Vec<u8> {
        let mut environment = Vec::new();
        if self.is_gone() {
            return environment; // another's, if anyone's
        }
        let file = fs::File::open(format!("/proc/{}/environ", self.pid));
        // What cannot be read says nothing.
        _ = file.and_then(|file| file.take(1 << 20).read_to_end(&mut environment));
        environment
    }

    /// Its current directory; empty where it cannot be read.
    pub(super) fn directory(&self) -> PathBuf {
        if self.is_gone() {
            return PathBuf::new();
        }
        fs::read_link(format!("/proc/{}/cwd", self.pid)).unwrap_or_default()
    }

    /// Of a gone process the arguments are not known, and of a worker there are some.
    fn is_gone(&self) -> bool {
        self.argv.is_empty()
    }

    fn agent(&self) -> Option<Agent> {
        if self.is_gone() {
            return Agent::by_name(self.executable.file_name()?.to_str()?);
        }
        Agent::of(&self.started())
    }

    /// Whose worker it is, if it is one, with the parent that such a worker has.
    pub(super) fn worker(&self) -> Option<(Provider, Jobs)> {
        let agent = self.agent()?;
        let Role::Worker(jobs) = agent.role else { return None };
        let parent = Self::of(self.parent);
        // Of one that is gone as its parent is, nothing is known but that the kernel side watched what it began.
        if parent.is_none() && self.is_gone() {
            return Some((agent.provider, jobs));
        }
        let nobody = Started::default();
        let parent = parent.as_ref().map_or(nobody, Self::started);
        is_plausible(agent, &self.started(), &parent).then_some((agent.provider, jobs))
    }

    /// Where its runner's files are: the directory above that of its executable.
    pub(super) fn root(&self) -> Option<PathBuf> {
        self.agent()?;
        Some(self.executable.parent()?.parent()?.to_owned())
    }
}

/// Every process of the host, as far as it can be read.
pub(super) fn all() -> impl Iterator<Item = Seen> {
    let processes = procfs::process::all_processes().into_iter().flatten().flatten();
    processes.filter_map(|process| Seen::of(u32::try_from(process.pid).ok()?))
}

/// Directories of runners that are here now.
pub(super) fn roots() -> Vec<PathBuf> {
    let mut roots: Vec<_> = all().filter_map(|process| process.root()).collect();
    roots.sort();
    roots.dedup();
    roots
}

/// Names of programs to look for, each with whether its name alone makes a worker: of an interpreter's, arguments tell, and of a
/// program with several tasks, too.
pub(super) fn names() -> impl Iterator<Item = (&'static str, bool)> {
    leaves().map(|leaf| (leaf, Agent::by_name(leaf).is_some()))
}
