//! What a program of a tracepoint is called with: the arguments of the tracepoint, or the trace event that is made of them.
//!
//! A program of a BTF tracepoint gets the arguments, and runs with preemption off up to 6.19. Since 7.0 it may be preempted there
//! (`__DECLARE_TRACE`, include/linux/tracepoint.h), and whoever runs next on that processor is missed, as a program is not entered
//! where it runs already. Those of trace events turn preemption off themselves (include/trace/perf.h).

use crate::{
    layout::{load, offset, read},
    task::current_struct,
};
use aya_ebpf::{
    EbpfContext as _,
    helpers::generated::{bpf_get_current_task_btf, bpf_task_pt_regs},
    programs::BtfTracePointContext,
};

/// Whether the programs are those of trace events. Written by user space before the object is loaded, as the layout is: it has looked
/// up that members are where they are read here.
#[unsafe(no_mangle)]
static EVENTS: u32 = 0;

/// `CLONE_*` (include/uapi/linux/sched.h).
const CLONE_PARENT: u64 = 0x8000;
const CLONE_THREAD: u64 = 0x10000;

/// Children that a parent may have got beside one: of others (CLONE_PARENT), or that lost theirs.
const SIBLINGS: usize = 16;

#[inline(always)]
fn is_event() -> bool {
    // SAFETY: a static of this object; volatile, since user space rewrites what the compiler sees here.
    unsafe { (&raw const EVENTS).read_volatile() != 0 }
}

/// Reads a member of the event.
///
/// VERIFIER: by an instruction of its own: the compiler would read the two kinds by one, at a place that it chooses before.
macro_rules! member {
    ($ctx:expr, $type:literal, $at:literal) => {{
        let value: u64;
        // SAFETY: within the event, which user space has looked up.
        unsafe {
            core::arch::asm!(
                concat!("{value} = *(", $type, " *)({ctx} + ", $at, ")"),
                value = out(reg) value,
                ctx = in(reg) $ctx.as_ptr(),
                options(nostack, readonly),
            );
        }
        value
    }};
}

/// Number of the call that begins.
#[inline(always)]
pub(crate) fn number(ctx: &BtfTracePointContext) -> u64 {
    if is_event() { member!(ctx, "u64", 8) } else { ctx.arg(1) }
}

/// What the call came to.
#[inline(always)]
pub(crate) fn result(ctx: &BtfTracePointContext) -> i64 {
    if is_event() { member!(ctx, "u64", 16).cast_signed() } else { ctx.arg(1) }
}

/// Address of the registers that the call was made with.
#[inline(always)]
pub(crate) fn registers(ctx: &BtfTracePointContext) -> u64 {
    if is_event() {
        // SAFETY: the task that runs now; 5.15.
        unsafe { bpf_task_pt_regs(bpf_get_current_task_btf()).cast_unsigned() }
    } else {
        ctx.arg::<*const u8>(0) as u64
    }
}

/// The number that the thread which runs another program had.
#[inline(always)]
pub(crate) fn thread_before(ctx: &BtfTracePointContext) -> u32 {
    if is_event() { member!(ctx, "u32", 16) as u32 } else { ctx.arg::<i32>(1).cast_unsigned() }
}

/// Address of the request to an io_uring that is submitted.
#[inline(always)]
pub(crate) fn submitted(ctx: &BtfTracePointContext) -> u64 {
    if is_event() { member!(ctx, "u64", 16) } else { ctx.arg::<*const u8>(0) as u64 }
}

/// Address of the one that has completed.
#[inline(always)]
pub(crate) fn completed(ctx: &BtfTracePointContext) -> u64 {
    if is_event() { member!(ctx, "u64", 16) } else { ctx.arg::<*const u8>(1) as u64 }
}

/// What was made of the task that runs now.
pub(crate) enum Made {
    /// A thread.
    Thread,
    /// A process: the address of its first task, and its id.
    Process(u64, u32),
    /// It could not be read.
    Unread,
}

/// What was made by a fork.
#[inline(always)]
pub(crate) fn made(ctx: &BtfTracePointContext) -> Made {
    let (task, pid) = if is_event() {
        if member!(ctx, "u64", 32) & CLONE_THREAD != 0 {
            return Made::Thread;
        }
        let pid = member!(ctx, "u32", 8) as u32;
        match child(pid, member!(ctx, "u64", 32) & CLONE_PARENT != 0) {
            Some(child) => (child, pid),
            None => return Made::Unread,
        }
    } else {
        let child = ctx.arg::<*const u8>(1) as u64;
        match read!(child, task_tgid, u32) {
            Some(pid) => (child, pid),
            None => return Made::Unread,
        }
    };
    if pid == (aya_ebpf::helpers::bpf_get_current_pid_tgid() >> 32) as u32 {
        return Made::Thread;
    }
    Made::Process(task, pid)
}

/// The number of what was made by a fork.
#[inline(always)]
pub(crate) fn number_made(ctx: &BtfTracePointContext) -> Option<u32> {
    if is_event() { Some(member!(ctx, "u32", 8) as u32) } else { read!(ctx.arg::<*const u8>(1) as u64, task_tgid, u32) }
}

/// The task of number `pid`, which was just added to the children of the one that runs now, or to those beside it.
#[inline(always)]
fn child(pid: u32, beside: bool) -> Option<u64> {
    let current = current_struct();
    let parent = if beside { read!(current, task_real_parent, u64)? } else { current };
    let head = parent as usize + offset!(task_children);
    let mut node = head;
    for _ in 0..SIBLINGS {
        // `prev` of a `struct list_head`: the newest is the last.
        node = load::<u64>(node + size_of::<u64>())? as usize;
        let task = (node - offset!(task_sibling)) as u64;
        if node == head {
            return None;
        }
        if read!(task, task_pid, u32)? == pid {
            return Some(task);
        }
    }
    None
}
