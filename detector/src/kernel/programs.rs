//! The programs of the object: where each attaches and what it is for.

use super::{Tracing, layout::RINGS};
use crate::engine::Capability;

/// Where a program attaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placement {
    /// A BTF tracepoint.
    Tracepoint,
    /// A step that the program of a BTF tracepoint goes on with.
    Step {
        /// The tracepoint.
        tracepoint: &'static str,
        /// The map of its steps.
        steps: &'static str,
        /// Its place there.
        place: u32,
    },
    /// `connect` and `sendmsg` of the cgroup2 root.
    Address,
    /// Socket life of the cgroup2 root.
    Socket,
    /// Packets of the cgroup2 root.
    Packet(Way),
    /// A step that a program for packets goes on with.
    PacketStep {
        /// The map of its steps.
        steps: &'static str,
        /// Its place there.
        place: u32,
    },
}

/// Which way packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Out.
    Egress,
    /// In.
    Ingress,
}

/// A program of the object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Program {
    /// Its name in the object; of a tracepoint also the tracepoint's.
    pub(super) name: &'static str,
    /// Where it attaches.
    pub(super) placement: Placement,
    /// In enforce its link is pinned: it serves the quarantine after the session.
    pub(super) outlives: bool,
}

impl Program {
    /// Whether it is of requests to an io_uring, which not every kernel tells of.
    pub(super) fn is_of_rings(&self) -> bool {
        RINGS.contains(&self.name)
            || matches!(self.placement, Placement::Step { tracepoint, .. } if RINGS.contains(&tracepoint))
    }

    /// The tracepoint that it is of, or is called at.
    pub(super) fn tracepoint(&self) -> &'static str {
        match self.placement {
            Placement::Step { tracepoint, .. } => tracepoint,
            _ => self.name,
        }
    }

    /// Whether it is attached itself, and not called by another one.
    pub(super) fn is_attached(&self) -> bool {
        !matches!(self.placement, Placement::Step { .. } | Placement::PacketStep { .. })
    }
}

const fn step(name: &'static str, (tracepoint, steps): (&'static str, &'static str), place: u32) -> Program {
    Program { name, placement: Placement::Step { tracepoint, steps, place }, outlives: false }
}

const fn packet_step(name: &'static str, steps: &'static str, place: u32) -> Program {
    Program { name, placement: Placement::PacketStep { steps, place }, outlives: false }
}

/// What the egress hook goes on with: kept by a pin, or it would be emptied with the end of this process.
pub(super) const EGRESS_STEPS: &str = "EGRESS_STEPS";

const INGRESS_STEPS: &str = "INGRESS_STEPS";

const EXEC: (&str, &str) = ("sched_process_exec", "EXEC_STEPS");
const ENTER: (&str, &str) = ("sys_enter", "ENTER_STEPS");
const EXIT: (&str, &str) = ("sys_exit", "EXIT_STEPS");
const RING: (&str, &str) = ("io_uring_complete", "RING_STEPS");
const BEGIN: (&str, &str) = ("io_uring_submit_req", "BEGIN_STEPS");

/// All programs, in the order they are attached: what marks before what judges, forks last, so that no job is
/// tracked before everything else is in place.
pub(super) const PROGRAMS: &[Program] = &[
    Program { name: "sock_create", placement: Placement::Socket, outlives: false },
    Program { name: "sock_release", placement: Placement::Socket, outlives: true },
    Program { name: "inet_sock_set_state", placement: Placement::Tracepoint, outlives: true },
    packet_step("egress_read", EGRESS_STEPS, 0),
    packet_step("egress_judge", EGRESS_STEPS, 1),
    Program { name: "egress", placement: Placement::Packet(Way::Egress), outlives: true },
    packet_step("ingress_look", INGRESS_STEPS, 0),
    packet_step("ingress_walk", INGRESS_STEPS, 1),
    packet_step("ingress_learn", INGRESS_STEPS, 2),
    packet_step("ingress_say", INGRESS_STEPS, 3),
    Program { name: "ingress", placement: Placement::Packet(Way::Ingress), outlives: false },
    Program { name: "connect4", placement: Placement::Address, outlives: false },
    Program { name: "connect6", placement: Placement::Address, outlives: false },
    Program { name: "sendmsg4", placement: Placement::Address, outlives: false },
    Program { name: "sendmsg6", placement: Placement::Address, outlives: false },
    step("enter_exec", ENTER, 0),
    step("enter_write", ENTER, 1),
    step("enter_print", ENTER, 2),
    step("enter_ask", ENTER, 3),
    step("enter_service", ENTER, 4),
    step("enter_move", ENTER, 5),
    step("enter_map", ENTER, 6),
    step("enter_share", ENTER, 7),
    step("fork_inherit", ("sched_process_fork", "FORK_STEPS"), 0),
    step("exit_share", EXIT, 5),
    step("exit_link", EXIT, 6),
    step("exit_open", EXIT, 0),
    step("exit_probe", EXIT, 1),
    step("exit_memory", EXIT, 2),
    step("exit_move", EXIT, 3),
    step("exit_receive", EXIT, 4),
    step("exec_identify", EXEC, 0),
    step("exec_inject", EXEC, 1),
    step("exec_walk", EXEC, 2),
    step("exec_search", EXEC, 3),
    step("exec_compare", EXEC, 4),
    step("exec_decide", EXEC, 5),
    step("exec_take", EXEC, 6),
    step("exec_agent", EXEC, 7),
    step("ring_open", RING, 0),
    step("ring_receive", RING, 1),
    step("ring_next", RING, 2),
    step("ring_give", RING, 3),
    step("ring_share", RING, 4),
    step("ring_link", RING, 5),
    step("begin_done", BEGIN, 0),
    step("begin_give", BEGIN, 1),
    step("begin_share", BEGIN, 2),
    Program { name: "io_uring_cqe_overflow", placement: Placement::Tracepoint, outlives: false },
    Program { name: "io_uring_submit_req", placement: Placement::Tracepoint, outlives: false },
    Program { name: "io_uring_complete", placement: Placement::Tracepoint, outlives: false },
    Program { name: "sys_enter", placement: Placement::Tracepoint, outlives: false },
    Program { name: "sys_exit", placement: Placement::Tracepoint, outlives: false },
    Program { name: "sched_process_exit", placement: Placement::Tracepoint, outlives: false },
    Program { name: "sched_process_exec", placement: Placement::Tracepoint, outlives: false },
    Program { name: "sched_process_fork", placement: Placement::Tracepoint, outlives: false },
];

/// Those for a kernel that tells of requests to an io_uring, or does not.
pub(super) fn all(rings: bool) -> impl DoubleEndedIterator<Item = &'static Program> + Clone {
    PROGRAMS.iter().filter(move |program| rings || !program.is_of_rings())
}

/// Name, mechanism and gap of each capability on this rung.
const CAPABILITIES: &[(&str, Option<&str>, Option<&str>)] = &[
    ("see-process", Some("tp_btf/sched_process_{fork,exec,exit}"), None),
    (
        "see-open",
        Some("tp_btf/sys_exit"),
        Some(
            "by name, and what was there before by any; not through an overlay of the job's own; 32-bit calls are counted as lost",
        ),
    ),
    (
        "see-memory",
        Some("tp_btf/sys_exit"),
        Some(
            "what is read by /proc/<pid>/{fd,root,map_files} and pidfd_getfd counts as opened; who makes a userfaultfd is counted as lost; not: cores that the kernel writes",
        ),
    ),
    (
        "see-flow",
        Some("tp_btf/sys_{enter,exit}"),
        Some(
            "files, pipes, unix and loopback sockets, queues, terminals, shared memory, keys, attributes; not: names of files and targets of links, \
             files mapped before they were written, \
             numbers of signals and of exits, cores that the kernel writes, netlink between processes, AF_ALG",
        ),
    ),
    ("see-send", Some("cgroup/{connect,sendmsg}{4,6}, tp_btf/sys_enter"), None),
    ("deny-open", None, Some("needs BPF LSM, fmod_ret or fanotify; the secret is stopped when it is sent")),
    ("deny-connect", Some("cgroup/{connect,sendmsg}{4,6}"), None),
    (
        "deny-send",
        Some("cgroup_skb/egress"),
        Some(
            "not what is sent on packet sockets that were made before: killed after it; who writes to /dev/net/tun or makes a socket of AF_XDP is counted as lost",
        ),
    ),
    (
        "deny-print",
        Some("a relay in the pipes to the job's log"),
        Some("blocks as encoders write them; not: splice, sendfile, io_uring, a socket as the log"),
    ),
    ("kill", Some("bpf_send_signal in tp_btf/sys_exit"), None),
    ("see-metadata", Some("tp_btf/sys_enter"), Some("by the request: not over a proxy; of io_uring, any request")),
    (
        "names",
        Some("cgroup_skb/{egress,ingress}, cgroup/{connect,sendmsg}{4,6}"),
        Some(
            "from answers of the host's name servers over UDP, and TCP in one segment, to processes of the job; not: DNS over TLS \
             or HTTPS, what nscd or a resolver of systemd answers over a unix socket",
        ),
    ),
];

/// Of what is asked of services of the host.
const SEE_SERVICE: &str = "see-service";

/// Its mechanism and gap, and its gap where the kernel's types do not say who is at the other end of a unix socket.
const SERVICE: [&str; 3] = [
    "tp_btf/sys_enter",
    "names that holders ask nscd and, by nss-resolve, systemd-resolved for; reported and not refused: they ask in their own name. Not: \
     sssd, D-Bus, io_uring",
    "this kernel does not say who is at the other end of a unix socket",
];

/// Of requests to an io_uring.
const SEE_RING: &str = "see-io-uring";

/// Its mechanism and gap, and its gap where the kernel does not tell of them.
const RINGS_SEEN: [&str; 3] = [
    "tp_btf/io_uring_{submit_req,complete}",
    "not: opens that fail, what is printed to the job's log, what a request sends that waits while other data is read into its buffer, \
     receives whose completion nobody asks for, credentials known by name only that one batch opens, reads and sends; \
     requests of which no completion is told are counted as lost",
    "this kernel does not tell of requests to an io_uring: who makes one is counted as lost",
];

/// The capabilities, as reports have them; `services` says whether who is at the other end of a unix socket is known, and `rings` whether
/// requests to an io_uring are.
pub(super) fn capabilities(tracing: Tracing, services: bool, rings: bool) -> Vec<Capability> {
    let [mechanism, gap, absent] = SERVICE;
    let service = if services { (SEE_SERVICE, Some(mechanism), Some(gap)) } else { (SEE_SERVICE, None, Some(absent)) };
    let [mechanism, gap, absent] = RINGS_SEEN;
    let ring = if rings { (SEE_RING, Some(mechanism), Some(gap)) } else { (SEE_RING, None, Some(absent)) };
    CAPABILITIES
        .iter()
        .chain([&service, &ring])
        .map(|(name, mechanism, gap)| Capability {
            name: (*name).into(),
            mechanism: mechanism.map(|mechanism| tracing.mechanism(mechanism)),
            gap: gap.map(Into::into),
        })
        .collect()
}
