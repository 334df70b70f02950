//! The programs of tracepoints as programs of trace events: for kernels on which a tracepoint may be preempted.
//!
//! Since 7.0 a tracepoint leaves preemption on (`__DECLARE_TRACE`, include/linux/tracepoint.h), and a program is not entered on a
//! processor where it runs already (`__bpf_trace_run`, kernel/trace/bpf_trace.c): calls of whoever runs while another one is in its
//! middle are missed, and what it keeps by processor is overwritten. Trace events turn preemption off themselves (include/trace/perf.h).
//! They are missed too while anybody uses a map from user space and is preempted in it (`bpf_disable_instrumentation`): that is short,
//! and counted.

use super::{
    KernelError,
    btf::Btf,
    programs::{Placement, Program},
};
use std::{borrow::Cow, path::Path};

/// What the programs of tracepoints are loaded as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracing {
    /// Programs of BTF tracepoints.
    Typed,
    /// Programs of trace events.
    Events,
}

/// Where the kernel's own description of events is, and on some systems instead.
const TRACEFS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// How the section of a program begins, as one and as the other: as long, since names of symbols may be the ends of these.
const TYPED: &[u8] = b"tp_btf/";
const EVENT: &[u8] = b"tp/btf/";

/// Members that are read of events, and where `event.rs` of the kernel side reads them.
const MEMBERS: [(&str, u32); 6] = [
    ("trace_event_raw_sys_enter.id", 8),
    ("trace_event_raw_sys_exit.id", 8),
    ("trace_event_raw_sys_exit.ret", 16),
    ("trace_event_raw_sched_process_exec.old_pid", 16),
    ("trace_event_raw_task_newtask.pid", 8),
    ("trace_event_raw_task_newtask.clone_flags", 32),
];

/// As before, where the kernel tells of requests to an io_uring.
const RING_MEMBERS: [(&str, u32); 2] =
    [("trace_event_raw_io_uring_submit_req.req", 16), ("trace_event_raw_io_uring_complete.req", 16)];

impl Tracing {
    /// Says `events` where [`Self::Events`] is to be had whatever the kernel: to see here what is got there.
    const FORCE: &str = "DETECTOR_TRACING";

    /// As the running kernel needs it.
    pub fn detect() -> Self {
        let forced = std::env::var_os(Self::FORCE).is_some_and(|value| value == "events");
        if forced { Self::Events } else { Self::of(&rustix::system::uname().release().to_string_lossy()) }
    }

    /// By the release: neither types nor symbols tell whether a tracepoint may be preempted.
    fn of(release: &str) -> Self {
        const FROM: u32 = 7;
        let major = release.split('.').next().and_then(|major| major.parse::<u32>().ok());
        // What is no release that has BTF may be any (`PER_LINUX` with UNAME26 says 2.6).
        if major.is_some_and(|major| (5..FROM).contains(&major)) { Self::Typed } else { Self::Events }
    }

    /// Makes sure that events are as they are read, and that the kernel's description of them is there.
    pub(super) fn prepare(self, btf: &Btf<'_>, rings: bool) -> Result<(), KernelError> {
        if self == Self::Typed {
            return Ok(());
        }
        let rings = if rings { &RING_MEMBERS[..] } else { &[] };
        let is_at = |(path, at): &(&str, u32)| btf.member(path).is_ok_and(|member| member.offset == *at);
        if let Some((member, at)) = MEMBERS.iter().chain(rings).find(|member| !is_at(member)) {
            return Err(KernelError::Events { reason: format!("{member} is not {at} bytes from the start") });
        }
        if TRACEFS.iter().any(|path| Path::new(path).join("events").is_dir()) {
            return Ok(());
        }
        let flags =
            rustix::mount::MountFlags::NOSUID | rustix::mount::MountFlags::NODEV | rustix::mount::MountFlags::NOEXEC;
        rustix::mount::mount("tracefs", TRACEFS[0], "tracefs", flags, Some(c"mode=0700")).map_err(|errno| {
            KernelError::Events { reason: format!("tracefs is not mounted, and cannot be at {}: {errno}", TRACEFS[0]) }
        })
    }

    /// The object for it. Programs of events are in sections of other names: what a section is called is what it is loaded as.
    pub(super) fn object(self, object: &[u8]) -> Cow<'_, [u8]> {
        let mut object = Cow::Borrowed(object);
        if self == Self::Typed {
            return object;
        }
        let bytes = object.to_mut();
        let mut at = 0;
        while let Some(found) = bytes[at..].windows(TYPED.len()).position(|window| window == TYPED) {
            let (start, name) = (at + found, at + found + TYPED.len());
            if !bytes[name..].starts_with(STATE.as_bytes()) {
                bytes[start..name].copy_from_slice(EVENT);
            }
            at = name;
        }
        object
    }

    /// Category and name of the event, where `program` is one of an event.
    pub(super) fn event(self, program: &Program) -> Option<(&'static str, &'static str)> {
        if self == Self::Typed || program.placement != Placement::Tracepoint {
            return None;
        }
        Some(match program.name {
            STATE => return None,
            // That of forks does not say which task was made.
            "sched_process_fork" => ("task", "task_newtask"),
            name @ ("sys_enter" | "sys_exit") => ("raw_syscalls", name),
            name if name.starts_with("io_uring") => ("io_uring", name),
            name => ("sched", name),
        })
    }

    /// The mechanism of a capability, as it is here.
    pub(super) fn mechanism(self, typed: &str) -> String {
        if self == Self::Typed { typed.to_owned() } else { typed.replace("tp_btf/", "tracepoint/") }
    }
}

/// It keeps nothing by processor, and an interrupt brings it in the middle of others: among programs of events it would be missed then.
const STATE: &str = "inet_sock_set_state";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracepoints_are_preempted_since_7_0() {
        for (release, tracing) in [
            ("5.10.0-46-cloud-amd64", Tracing::Typed),
            ("6.19.2", Tracing::Typed),
            ("7.0.0-rc1", Tracing::Events),
            ("7.3.4+deb13-cloud-amd64", Tracing::Events),
            ("10.1", Tracing::Events),
            ("what", Tracing::Events),
        ] {
            assert_eq!(Tracing::of(release), tracing, "{release}");
        }
    }

    #[test]
    fn sections_get_the_names_of_events() {
        let object = b"\0.reltp_btf/sys_enter\0tp_btf/inet_sock_set_state\0tp_btf/x";
        assert_eq!(*Tracing::Typed.object(object), *object);
        let events = b"\0.reltp/btf/sys_enter\0tp_btf/inet_sock_set_state\0tp/btf/x";
        assert_eq!(*Tracing::Events.object(object), *events);
    }
}
