//! The exit of a call: what it opened, and what it has received.

use super::{
    acts::{foreign, give, kill, missed, receive, unmonitored},
    arguments::{Arguments, brings, fetches, received, receives, source, starts, target, waits},
};
use crate::{
    abi, carrier, event,
    file::File,
    flow,
    hook::{exec, memory, open, probe, ring},
    layout::read,
    maps::{EXIT_STEPS, count, global},
    program, shared, socket,
    task::{Current, arm, armed, current, find},
};
use aya_ebpf::{helpers::bpf_get_current_pid_tgid, programs::BtfTracePointContext};
use detector_common::{counter::Counter, record};

/// At the exit.
#[inline(always)]
pub(crate) fn exit(ctx: &BtfTracePointContext) {
    let regs = event::registers(ctx);
    // 32 bits on aarch64, with something else behind them; no number is larger.
    let Some(number) = read!(regs, regs_number, u32).map(u64::from) else { return count(Counter::Unread) };
    let result = event::result(ctx);
    if abi::opens_foreign(number) && foreign() {
        return missed();
    }
    if let Some((call, _)) = probe::named(number) {
        let opened = call == record::probe::OPEN && result >= 0;
        if opened {
            program::register(result);
        }
        return go_on(ctx, if opened { Step::Opened } else { Step::Probed });
    }
    if matches!(number, abi::PROCESS_VM_READV | abi::PTRACE | abi::PERF_EVENT_OPEN) {
        return go_on(ctx, Step::Looked);
    }
    if starts(number) {
        return exec::returned();
    }
    if number == abi::IO_URING_SETUP {
        return ringed(result);
    }
    if result >= 0 && leads_past(number, &Arguments { regs }) && current().is_some() {
        count(Counter::Unseen);
    }
    if number == abi::SOCKET {
        if result >= 0 && armed() && socket::is_unseen(Arguments { regs }.get(0) as u16) {
            return go_on(ctx, Step::Looked);
        }
        return kill();
    }
    if number == abi::PIDFD_GETFD && result >= 0 && current().is_some() {
        // It may be a credential that nobody of the job has opened.
        arm();
    }
    if !armed() {
        return;
    }
    if result > 0 && receives(number, &Arguments { regs }) {
        return go_on(ctx, Step::Received);
    }
    if result > 0 && waits(number) {
        return go_on(ctx, Step::Moved);
    }
    if result >= 0
        && brings(number)
        && let Some(current) = current()
    {
        return share(ctx, &current);
    }
    kill();
}

/// Whether the call makes what carries data past every hook: a userfaultfd, or a socket of AF_XDP, which sends in a call of poll or none.
#[inline(always)]
fn leads_past(number: u64, arguments: &Arguments) -> bool {
    match number {
        abi::USERFAULTFD => true,
        abi::IOCTL => arguments.get(1) & 0xffff_ffff == abi::USERFAULTFD_NEW,
        abi::SOCKET => arguments.get(0) as u16 == abi::AF_XDP,
        _ => false,
    }
}

/// A process has made an io_uring, of which the requests are not seen.
#[inline(always)]
fn ringed(result: i64) {
    if !ring::is_known() && result >= 0 && current().is_some() {
        count(Counter::IoUring);
    }
}

/// What the exit of a call goes on with, by its place in [`EXIT_STEPS`].
///
/// VERIFIER: programs of their own, as the steps of exec are.
#[derive(Clone, Copy)]
enum Step {
    Opened = 0,
    Probed = 1,
    Looked = 2,
    Moved = 3,
    Received = 4,
    Share = 5,
    Link = 6,
}

/// Goes on with `step`, and does not come back.
#[inline(always)]
fn go_on(ctx: &BtfTracePointContext, step: Step) {
    let pid = (bpf_get_current_pid_tgid() >> 32) as u32;
    if find(pid).is_none() && global().is_none_or(|global| global.overflow == 0) {
        return; // of no job
    }
    // SAFETY: the programs in the map are of this tracepoint.
    unsafe { EXIT_STEPS.tail_call(ctx, step as u32) };
    count(Counter::Unread);
}

/// The process whose call returns, with the call's number, arguments and result; none where it is not monitored.
#[inline(always)]
fn returning(ctx: &BtfTracePointContext) -> Option<(Current<'static>, u64, Arguments, i64)> {
    let current = current()?;
    if unmonitored() {
        return None;
    }
    let regs = event::registers(ctx);
    let number = read!(regs, regs_number, u32).map(u64::from)?;
    Some((current, number, Arguments { regs }, event::result(ctx)))
}

/// An open succeeded.
#[inline(always)]
pub(crate) fn opened(ctx: &BtfTracePointContext) {
    if let Some((mut current, _, _, result)) = returning(ctx) {
        count(Counter::Opens);
        memory::unlinked();
        open::returned(&mut current, result as u64);
        link(ctx);
    }
    kill();
}

/// There may be a way to write into another process's memory since the call.
#[inline(always)]
fn link(ctx: &BtfTracePointContext) {
    if memory::links() {
        // SAFETY: the programs in the map are of this tracepoint.
        unsafe { EXIT_STEPS.tail_call(ctx, Step::Link as u32) };
        count(Counter::Unread);
    }
}

/// There is one.
///
/// VERIFIER: a program of its own, as [`moved`] is.
#[inline(always)]
pub(crate) fn linked(ctx: &BtfTracePointContext) {
    if let Some(mut current) = current() {
        memory::linked(&mut current);
        return share(ctx, &current);
    }
    kill();
}

/// An open failed, or somebody asked for a file.
#[inline(always)]
pub(crate) fn probed(ctx: &BtfTracePointContext) {
    if let Some((current, number, arguments, result)) = returning(ctx)
        && let Some((call, name)) = probe::named(number)
    {
        if call == record::probe::OPEN {
            count(Counter::Opens);
        }
        probe::returned(&current, call, arguments.get(name), result);
    }
    kill();
}

/// Another process's memory was read, or it was attached to; or a socket was made whose packets no hook sees.
#[inline(always)]
pub(crate) fn looked(ctx: &BtfTracePointContext) {
    if let Some((mut current, number, arguments, result)) = returning(ctx) {
        if number == abi::SOCKET {
            socket::packet(&mut current, 1);
            return kill();
        }
        memory::unlinked();
        memory::returned(&mut current, number, &arguments, result);
        link(ctx);
        return share(ctx, &current);
    }
    kill();
}

/// The call is done: what came with it may be in memory that others have, too.
#[inline(always)]
fn share(ctx: &BtfTracePointContext, current: &Current<'_>) {
    if shared::has(current) {
        shared::begin();
        // SAFETY: the programs in the map are of this tracepoint.
        unsafe { EXIT_STEPS.tail_call(ctx, Step::Share as u32) };
        count(Counter::Unread);
    }
    kill();
}

/// What a holder has received may be in memory that others have, too.
///
/// VERIFIER: a program of its own, as [`moved`] is.
#[inline(always)]
pub(crate) fn shared(ctx: &BtfTracePointContext) {
    if let Some(current) = current()
        && shared::pass(&current)
    {
        // SAFETY: the programs in the map are of this tracepoint.
        unsafe { EXIT_STEPS.tail_call(ctx, Step::Share as u32) };
        count(Counter::Unread);
    }
    kill();
}

/// A call that may have waited has read: a pipe that was empty at the entry may have been filled by a holder since, and what came
/// has gone on to the target.
#[inline(always)]
pub(crate) fn moved(ctx: &BtfTracePointContext) {
    if let Some((mut current, number, arguments, _)) = returning(ctx) {
        let from = source(number, &arguments).and_then(File::of_descriptor);
        if from.is_some_and(is_carrier) {
            // SAFETY: the programs in the map are of this tracepoint.
            unsafe { EXIT_STEPS.tail_call(ctx, Step::Received as u32) };
            return count(Counter::Unread);
        }
        if let Some(from) = from.filter(|from| flow::carries(*from)) {
            flow::take(&current, from, false);
        }
        if let Some(to) = target(number, &arguments) {
            give(&mut current, to, 0, 0);
        }
        return share(ctx, &current);
    }
    kill();
}

/// Something came out of a socket, a queue or a terminal: what it was shows as the call returns.
///
/// VERIFIER: a program of its own, as [`moved`] is.
#[inline(always)]
pub(crate) fn got(ctx: &BtfTracePointContext) {
    if let Some((current, number, arguments, _)) = returning(ctx) {
        if let Some(store) = fetches(number, &arguments) {
            carrier::take_from_store(&current, store);
        } else if let Some(file) =
            source(number, &arguments).or_else(|| received(number, &arguments)).and_then(File::of_descriptor)
        {
            receive(&current, file);
        }
        // What was spliced from there goes into a pipe.
        if let Some(file) = target(number, &arguments).and_then(File::of_descriptor).filter(|file| flow::carries(*file))
        {
            flow::give(&current, file, 0);
        }
        return share(ctx, &current);
    }
    kill();
}

/// Whether what is read from the file may have been put in on this host, at another side.
#[inline(always)]
fn is_carrier(file: File) -> bool {
    matches!(file.mode & abi::S_IFMT, abi::S_IFSOCK | abi::S_IFCHR)
}
