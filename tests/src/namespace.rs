//! A test's own network: two namespaces and a cable between them, with no way out.

use anyhow::{Context as _, bail};
use rustix::{
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
    thread::{LinkNameSpaceType, move_into_link_name_space},
};
use std::{
    fs::{self, File},
    io::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::{fs::MetadataExt as _, process::CommandExt as _},
    },
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc, Once,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

/// The job's address.
pub const JOB_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));
/// The job's address.
pub const JOB_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
/// The sink's first address, on the job's own link.
pub const SINK_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));
/// The sink's second address, behind a route: two destinations for one sink.
pub const OTHER_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));
/// The sink's address as a cloud's metadata service: the one that all clouds use.
pub const METADATA_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));
/// The sink's address.
pub const SINK_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9));
/// The first of 65,536 addresses; see [`Network::many_hosts`].
pub const MANY_V4: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 0);
/// The first of as many and more.
pub const MANY_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0);

const PREFIX: &str = "detector-";

/// Fails unless root, saying so: a test that cannot run has not passed.
pub fn require_root() -> anyhow::Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!(
            "these tests make network namespaces and watch processes: run them as root (`sudo -E cargo test -p detector-tests`)"
        );
    }
    Ok(())
}

/// Two namespaces joined by a veth pair, removed on drop with whatever still runs in them.
#[derive(Debug)]
pub struct Network {
    /// Where the watched command runs: [`JOB_V4`], [`JOB_V6`], loopback.
    pub job: Namespace,
    /// Where the sink listens: [`SINK_V4`], [`OTHER_V4`], [`METADATA_V4`], [`SINK_V6`], loopback.
    pub sink: Namespace,
}

impl Network {
    /// A new one, under names that no other test uses.
    pub fn new() -> anyhow::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        static LEFT_OVER: Once = Once::new();
        require_root()?;
        LEFT_OVER.call_once(remove_left_over);
        let stem = format!("{PREFIX}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let network =
            Self { job: Namespace::new(format!("{stem}-job"))?, sink: Namespace::new(format!("{stem}-sink"))? };
        // Made inside: the pair never exists in the machine's own namespace.
        network.job.configure(&format!("link add job0 type veth peer name sink0 netns {}", network.sink.name))?;
        network.sink.configure(&format!(
            "link set lo up\nlink set sink0 up\naddr add {SINK_V4}/24 dev sink0\naddr add {OTHER_V4}/32 dev lo\n\
             addr add {METADATA_V4}/32 dev lo\naddr add {SINK_V6}/64 dev sink0 nodad"
        ))?;
        network.job.configure(&format!(
            "link set lo up\nlink set job0 up\naddr add {JOB_V4}/24 dev job0\naddr add {JOB_V6}/64 dev job0 nodad\n\
             route add {OTHER_V4}/32 via {SINK_V4}\nroute add {METADATA_V4}/32 via {SINK_V4}"
        ))?;
        Ok(network)
    }

    /// One more address of the sink's namespace, behind a route: another destination.
    pub fn host(&self, address: Ipv4Addr) -> anyhow::Result<()> {
        self.sink.configure(&format!("addr add {address}/32 dev lo"))?;
        self.job.configure(&format!("route add {address}/32 via {SINK_V4}"))
    }

    /// All of [`MANY_V4`] and [`MANY_V6`] are the sink's: an address for each of many answers.
    pub fn many_hosts(&self) -> anyhow::Result<()> {
        self.sink.configure(&format!("route add local {MANY_V4}/16 dev lo\nroute add local {MANY_V6}/64 dev lo"))?;
        self.job.configure(&format!("route add {MANY_V4}/16 via {SINK_V4}\nroute add {MANY_V6}/64 via {SINK_V6}"))
    }
}

/// A network namespace, removed on drop.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    file: Arc<OwnedFd>,
    inode: u64,
}

impl Namespace {
    fn new(name: String) -> anyhow::Result<Self> {
        ip(&["netns", "add", &name], "")?;
        let open = || -> anyhow::Result<_> {
            let file = File::open(path(&name))?;
            let inode = file.metadata()?.ino();
            Ok((Arc::new(file.into()), inode))
        };
        match open() {
            Ok((file, inode)) => Ok(Self { name, file, inode }),
            Err(error) => {
                // Best effort: the first error is the one to tell.
                _ = ip(&["netns", "del", &name], "");
                Err(error.context(format!("cannot open {}", path(&name))))
            }
        }
    }

    /// Its name, as `ip netns` lists it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes `command` run inside. Only the network changes: `ip netns exec` would also mount another /sys, without
    /// cgroup2, tracefs and bpffs.
    pub fn enter<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let file = Arc::clone(&self.file);
        // SAFETY: the closure makes one system call on a descriptor that it owns; it neither allocates nor locks.
        unsafe {
            command.pre_exec(move || Ok(move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?))
        }
    }

    /// Runs `f` on a thread that has joined the namespace; sockets and threads made there stay in it.
    pub fn within<T: Send>(&self, f: impl FnOnce() -> anyhow::Result<T> + Send) -> anyhow::Result<T> {
        let joined = || {
            move_into_link_name_space(self.file.as_fd(), Some(LinkNameSpaceType::Network))
                .with_context(|| format!("cannot join the network namespace {}", self.name))?;
            f()
        };
        match thread::scope(|scope| scope.spawn(joined).join()) {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// Processes inside, this one left out.
    pub fn processes(&self) -> Vec<u32> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|&pid| pid != std::process::id())
            .filter(|&pid| self.holds(pid))
            .collect()
    }

    /// Kills whatever runs inside. Only a test's own processes can be there.
    pub fn kill_all(&self) {
        for pid in self.processes() {
            let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
            // Asked again once the process is pinned: its number may be another's by now. Gone is as good as killed.
            if let Some(Ok(pinned)) = raw.map(|raw| pidfd_open(raw, PidfdFlags::empty()))
                && self.holds(pid)
            {
                _ = pidfd_send_signal(pinned, Signal::KILL);
            }
        }
    }

    fn holds(&self, pid: u32) -> bool {
        fs::metadata(format!("/proc/{pid}/ns/net")).is_ok_and(|m| m.ino() == self.inode)
    }

    /// Runs these commands of `ip` on it, a line each.
    pub fn configure(&self, batch: &str) -> anyhow::Result<()> {
        ip(&["-n", &self.name, "-batch", "-"], batch)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        self.kill_all();
        // A test that panicked must not panic again here; what stays is removed by the next run.
        _ = ip(&["netns", "del", &self.name], "");
    }
}

fn path(name: &str) -> String {
    format!("/run/netns/{name}")
}

/// Namespaces of test processes that were killed before they could clean up.
fn remove_left_over() {
    let Ok(entries) = fs::read_dir("/run/netns") else { return };
    for name in entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()) {
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            // Another test may have been quicker.
            _ = ip(&["netns", "del", &name], "");
        }
    }
}

fn ip(arguments: &[&str], input: &str) -> anyhow::Result<()> {
    let mut child = Command::new("ip")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run `ip`: install iproute2")?;
    child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes())).transpose()?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("`ip {}` failed: {}\n{input}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
