//! Why the sensor could not start or go on. Each message says what to do.

use std::{io, path::PathBuf};

/// Why the sensor could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The binary carries no eBPF object.
    #[error("this binary was built without the sensor: build it with `cargo xtask build`")]
    NoObject,
    /// Not allowed to load programs.
    #[error(
        "loading eBPF programs needs root or CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and CAP_SYS_PTRACE: run it through sudo (missing: {missing})"
    )]
    Privilege {
        /// Names of the missing capabilities.
        missing: String,
    },
    /// Process ids here are not the kernel's.
    #[error(
        "this is a process id namespace of its own (a container), and the sensor numbers processes as the host does: run it there, or give the container the host's (`docker run --pid=host`)"
    )]
    PidNamespace,
    /// BTF could not be read.
    #[error(
        "cannot read kernel type information (BTF) from {path}: {source}; the kernel must be built with CONFIG_DEBUG_INFO_BTF, or name a file that fits it with --btf"
    )]
    BtfRead {
        /// Where it was looked for.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// BTF is malformed.
    #[error("{path} is not BTF ({reason}); name a file that fits the running kernel with --btf, or leave --btf out")]
    BtfParse {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// Structures differ from what this build knows.
    #[error("kernel {release} lacks structure fields that the sensor reads ({path}): {missing}; please report this")]
    Layout {
        /// `uname -r`.
        release: String,
        /// BTF source.
        path: PathBuf,
        /// `field: why`, comma separated.
        missing: String,
    },
    /// No cgroup2.
    #[error(
        "no cgroup2 hierarchy is mounted, and the network hooks attach there: mount one with `mount -t cgroup2 none /sys/fs/cgroup/unified` (or boot with systemd.unified_cgroup_hierarchy=1)"
    )]
    NoCgroup2,
    /// The root of the cgroup2 hierarchy could not be opened.
    #[error("cannot open the cgroup2 root {path}: {source}")]
    Cgroup {
        /// Mount point.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The object was refused.
    #[error("the kernel refused the sensor's maps or object: {0}")]
    Object(String),
    /// A program was refused.
    #[error("the kernel refused program {program}: {reason}")]
    Program {
        /// Its name.
        program: &'static str,
        /// Errno, and the end of the verifier's log.
        reason: String,
    },
    /// A map could not be read or written.
    #[error("cannot {action} map {map}: {reason}")]
    Map {
        /// The map.
        map: &'static str,
        /// What was tried.
        action: &'static str,
        /// Why.
        reason: String,
    },
    /// The policy does not fit the kernel's tables.
    #[error("the policy has {rows} {what}, more than the {bound} that fit: shorten it")]
    TooLarge {
        /// `watched paths` or `destinations`.
        what: &'static str,
        /// Rows.
        rows: usize,
        /// Bound.
        bound: u32,
    },
    /// Trace events are not as they are read.
    #[error(
        "this kernel may preempt tracepoints, and its trace events cannot be used instead: {reason}; mount tracefs with `mount -t tracefs none /sys/kernel/tracing`, or report this"
    )]
    Events {
        /// Why.
        reason: String,
    },
    /// The kernel does not say which calls of programs it left out.
    #[error("cannot read how many calls of programs the kernel left out: {reason}")]
    Missed {
        /// Why.
        reason: String,
    },
    /// The quarantine could not be pinned.
    #[error(
        "cannot keep the quarantine beyond this process ({path}: {reason}): mount bpffs with `mount -t bpf bpf /sys/fs/bpf`"
    )]
    Pin {
        /// The path.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}
