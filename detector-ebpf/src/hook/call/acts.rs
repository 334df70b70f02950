//! What is done at either end of a call.

use crate::{
    abi, carrier,
    emit::{self, now},
    file::File,
    flow,
    layout::read,
    maps::{count, first},
    socket,
    task::{Current, current, current_struct, find},
};
use aya_ebpf::helpers::{bpf_get_current_pid_tgid, bpf_send_signal};
use detector_common::{
    counter::Counter,
    record::{Kill, kind},
};

#[inline(always)]
pub(super) fn take(current: &Current<'_>, fd: u64) {
    if let Some(file) = File::of_descriptor(fd)
        && flow::carries(file)
    {
        flow::take(current, file, false);
    }
}

/// `current` has received something from `file`.
#[inline(always)]
pub(crate) fn receive(current: &Current<'_>, file: File) {
    match file.mode & abi::S_IFMT {
        abi::S_IFSOCK => carrier::take(current, file),
        abi::S_IFCHR => carrier::take_from_terminal(current, file),
        // A file, a pipe, or a queue of messages, which is a file.
        _ => flow::take(current, file, false),
    }
}

/// True where it is still to be seen who is at the other end, as [`socket::send`] says.
#[inline(always)]
pub(super) fn give(current: &mut Current<'_>, fd: u64, plain: u64, token: u64) -> bool {
    let Some(file) = File::of_descriptor(fd) else { return false };
    if file.mode & abi::S_IFMT == abi::S_IFSOCK {
        return socket::send(current, file);
    }
    if flow::carries(file) {
        flow::give(current, file, plain | token & u64::from(file.mode & abi::S_IFMT == abi::S_IFIFO));
    }
    // A terminal, perhaps.
    file.mode & abi::S_IFMT == abi::S_IFCHR
}

/// Whether the call came through the 32-bit entry, whose numbers and registers are others.
#[inline(always)]
pub(super) fn foreign() -> bool {
    cfg!(bpf_target_arch = "x86_64")
        && crate::layout::offset!(task_thread_status) != detector_common::layout::ABSENT as usize
        && read!(current_struct(), task_thread_status, u32).is_some_and(|status| status & abi::TS_COMPAT != 0)
}

/// As [`foreign`]; counts it where it is so. For a tracked process.
#[inline(always)]
pub(super) fn unmonitored() -> bool {
    let foreign = foreign();
    if foreign {
        count(Counter::ForeignAbi);
    }
    foreign
}

/// A call of a tracked process that is not monitored.
#[inline(always)]
pub(super) fn missed() {
    if current().is_some() {
        count(Counter::ForeignAbi);
    }
}

/// Sends the signal that a hook before decided on and was not allowed to send.
#[inline(always)]
pub(crate) fn kill() {
    let pid = (bpf_get_current_pid_tgid() >> 32) as u32;
    let Some(task) = find(pid) else { return };
    if task.kill == 0 || task.killed != 0 {
        return;
    }
    // SAFETY: takes a number.
    let result = unsafe { bpf_send_signal(abi::SIGKILL) };
    if result == 0 {
        task.killed = 1;
        count(Counter::Killed);
    } else if !first(task.holder, [3 << 32, 0, 0, result.unsigned_abs()]) {
        return; // tried again at the next call
    }
    let current = Current { pid, thread: bpf_get_current_pid_tgid() as u32, task };
    let record =
        Kill { header: emit::header(kind::KILL, &current, now()), errno: result.unsigned_abs() as u32, reserved: 0 };
    emit::secret(&record, size_of::<Kill>() as u64);
}
