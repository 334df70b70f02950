//! Requests to an io_uring: none passes the entry of a call of its own. Those who carry them out are threads of the process that asks
//! (5.12), so whoever runs is who asked.
//!
//! A request is looked at as it is submitted, where its file is there by then, and as it completes; of a chain, each one when the one
//! before has completed. What has completed already and is not told yet (`io_submit_flush_completions` runs behind the whole batch) is
//! looked at before anything is sent.

use crate::{
    abi::{self, ring},
    carrier::{self, Store},
    event,
    file::File,
    flow,
    hook::{ask, call::acts, memory, open},
    layout::{load, offset, read},
    maps::{BEGIN_STEPS, RING_DONE, RING_STEPS, count, global},
    shared, socket,
    task::{Current, arm, current},
};
use aya_ebpf::programs::BtfTracePointContext;
use detector_common::{counter::Counter, layout::ABSENT};

/// Completed requests that neither open nor receive, and are passed over by one program.
const PASSED_OVER: usize = 64;

/// Low bits of a word that holds a `struct file *` and flags (`FFS_MASK` in io_uring/rsrc.h, before 6.13 in io_uring/io_uring.h).
const FILE_FLAGS: u64 = 7;

/// Whether this kernel's requests can be read.
#[inline(always)]
pub(crate) fn is_known() -> bool {
    offset!(ring_opcode) != ABSENT as usize
}

/// What a request that begins goes on with, by its place in [`BEGIN_STEPS`].
///
/// VERIFIER: programs of their own, as the steps of exec are.
#[derive(Clone, Copy)]
enum Begin {
    Done = 0,
    Give = 1,
    Share = 2,
}

/// What one that has completed goes on with, by its place in [`RING_STEPS`].
#[derive(Clone, Copy)]
enum Step {
    Opened = 0,
    Received = 1,
    Next = 2,
    Give = 3,
    Share = 4,
    Link = 5,
}

/// A request is submitted.
#[inline(always)]
pub(crate) fn submitted(ctx: &BtfTracePointContext) {
    let Some(current) = current().filter(|_| is_known()) else { return };
    let request = event::submitted(ctx);
    if read!(request, ring_opcode, u8).is_some_and(opens) {
        // The file can be read by its descriptor before anyone is told that it is open.
        arm();
    }
    let sends = take(&current, request);
    let flags = read!(request, ring_flags, u32).unwrap_or(0);
    let opcode = read!(request, ring_opcode, u8).unwrap_or(0);
    // Nothing is told of its completion, and of what begins with that.
    let silent = flags & ring::SKIP != 0 && (opens(opcode) || receives(opcode) || flags & ring::LINK != 0);
    // Or it waits for all before it, whatever they are.
    if silent || sends && flags & ring::DRAIN != 0 {
        count(Counter::IoUring);
    }
    if !sends {
        return acts::kill();
    }
    let first = read!(request, ring_ctx, u64).and_then(|ctx| read!(ctx, ring_done, u64)).unwrap_or(0);
    let Some(done) = RING_DONE.get_ptr_mut(0) else { return };
    // SAFETY: this CPU's own slot; preemption is off (`event.rs`).
    unsafe { *done = first };
    if first != 0 {
        return begin(ctx, Begin::Done);
    }
    give_from_memory(ctx, &current);
}

/// Goes on with what `current` sends, and before that with memory that others have mapped, too.
#[inline(always)]
fn give_from_memory(ctx: &BtfTracePointContext, current: &Current<'_>) {
    if shared::has(current) {
        shared::begin();
        return begin(ctx, Begin::Share);
    }
    begin(ctx, Begin::Give);
}

/// What such memory carries by now.
#[inline(always)]
pub(crate) fn sharing(ctx: &BtfTracePointContext) {
    let Some(current) = current() else { return };
    begin(ctx, if shared::pass(&current) { Begin::Share } else { Begin::Give });
}

/// Nothing is told of a completion for which there is no room.
#[inline(always)]
pub(crate) fn overflowed() {
    if current().is_some() {
        count(Counter::IoUring);
    }
}

/// A request that sends begins, and others have completed of which that is not told yet: takes what the first of these read, and goes on
/// with the next.
#[inline(always)]
pub(crate) fn done(ctx: &BtfTracePointContext) {
    let Some(current) = current().filter(|_| is_known()) else { return };
    let Some(done) = RING_DONE.get_ptr_mut(0) else { return };
    // SAFETY: as in `submitted`.
    let mut node = unsafe { *done };
    let (mut request, mut opcode) = (0, 0);
    for _ in 0..PASSED_OVER {
        request = node.wrapping_sub(offset!(ring_node) as u64);
        opcode = read!(request, ring_opcode, u8).unwrap_or(0);
        if opens(opcode) || receives(opcode) {
            break;
        }
        match load::<u64>(node as usize) {
            Some(next) if next != 0 => node = next,
            _ => break,
        }
    }
    let file = if opens(opcode) {
        made(request)
    } else if receives(opcode) {
        read!(request, ring_file, u64).and_then(file_at)
    } else {
        None
    };
    if let Some(file) = file.filter(|file| flow::carries(*file)) {
        flow::take(&current, file, false);
    }
    let next = load::<u64>(node as usize).unwrap_or(0);
    // SAFETY: as in `submitted`.
    unsafe { *done = next };
    if next != 0 {
        // SAFETY: the programs in the map are of this tracepoint.
        unsafe { BEGIN_STEPS.tail_call(ctx, Begin::Done as u32) };
        // There are more than programs that may follow each other (`MAX_TAIL_CALL_CNT`).
        count(Counter::IoUring);
    }
    give_from_memory(ctx, &current);
}

/// The request that begins sends.
#[inline(always)]
pub(crate) fn sending(ctx: &BtfTracePointContext) {
    if is_known()
        && let Some(mut current) = current()
    {
        send(&mut current, event::submitted(ctx));
    }
    acts::kill();
}

#[inline(always)]
fn begin(ctx: &BtfTracePointContext, step: Begin) {
    // SAFETY: the programs in the map are of this tracepoint.
    unsafe { BEGIN_STEPS.tail_call(ctx, step as u32) };
    count(Counter::IoUring);
}

/// A request has completed.
#[inline(always)]
pub(crate) fn completed(ctx: &BtfTracePointContext) {
    if !is_known() || current().is_none() {
        return;
    }
    let request = event::completed(ctx);
    let Some(opcode) = read!(request, ring_opcode, u8) else { return count(Counter::IoUring) };
    let step = match opcode {
        _ if opens(opcode) => Step::Opened,
        _ if receives(opcode) || matches!(opcode, ring::GETXATTR | ring::FGETXATTR) => Step::Received,
        _ => Step::Next,
    };
    go_on(ctx, step);
}

/// It opened a file, perhaps.
#[inline(always)]
pub(crate) fn opened(ctx: &BtfTracePointContext) {
    if is_known()
        && let Some(mut current) = current()
        && let Some(file) = made(event::completed(ctx))
    {
        count(Counter::Opens);
        memory::unlinked();
        open::opened(&mut current, file);
        if memory::links() {
            return go_on(ctx, Step::Link);
        }
    }
    go_on(ctx, Step::Next);
}

/// There is a way to write into another process's memory by it.
#[inline(always)]
pub(crate) fn linked(ctx: &BtfTracePointContext) {
    if let Some(mut current) = current() {
        memory::linked(&mut current);
    }
    go_on(ctx, Step::Next);
}

/// It has received something.
#[inline(always)]
pub(crate) fn received(ctx: &BtfTracePointContext) {
    if is_known()
        && let Some(current) = current()
    {
        let request = event::completed(ctx);
        if matches!(read!(request, ring_opcode, u8), Some(ring::GETXATTR | ring::FGETXATTR)) {
            carrier::take_from_store(&current, Store::Attributes);
        } else if let Some(file) = read!(request, ring_file, u64).and_then(file_at) {
            acts::receive(&current, file);
        }
        if shared::has(&current) {
            shared::begin();
            return go_on(ctx, Step::Share);
        }
    }
    go_on(ctx, Step::Next);
}

/// It may be in memory that others have, too.
#[inline(always)]
pub(crate) fn shared(ctx: &BtfTracePointContext) {
    let more = current().is_some_and(|current| shared::pass(&current));
    go_on(ctx, if more { Step::Share } else { Step::Next });
}

/// The one behind it in its chain begins.
#[inline(always)]
pub(crate) fn next(ctx: &BtfTracePointContext) {
    if is_known()
        && let Some(current) = current()
        && let Some(next) = chained(ctx)
        && take(&current, next)
    {
        return go_on(ctx, Step::Give);
    }
    acts::kill();
}

/// The one behind it in its chain sends.
#[inline(always)]
pub(crate) fn sending_next(ctx: &BtfTracePointContext) {
    if is_known()
        && let Some(mut current) = current()
        && let Some(next) = chained(ctx)
    {
        send(&mut current, next);
    }
    acts::kill();
}

/// The request that begins when this one has completed.
#[inline(always)]
fn chained(ctx: &BtfTracePointContext) -> Option<u64> {
    let request = event::completed(ctx);
    let flags = read!(request, ring_flags, u32)?;
    if flags & ring::LINK == 0 {
        return None;
    }
    read!(request, ring_link, u64).filter(|next| *next != 0)
}

#[inline(always)]
fn go_on(ctx: &BtfTracePointContext, step: Step) {
    // SAFETY: the programs in the map are of this tracepoint.
    unsafe { RING_STEPS.tail_call(ctx, step as u32) };
    count(Counter::IoUring);
}

/// `request` begins: takes what it reads. True where it sends.
#[inline(always)]
fn take(current: &Current<'_>, request: u64) -> bool {
    let Some(opcode) = read!(request, ring_opcode, u8) else {
        count(Counter::IoUring);
        return false;
    };
    let file = if matches!(opcode, ring::SPLICE | ring::TEE) {
        let fixed = read!(request, ring_splice_flags, u32).unwrap_or(0) & ring::IN_FIXED != 0;
        read!(request, ring_splice_fd, u32).and_then(|from| of(request, from, fixed))
    } else if receives(opcode) {
        about(request)
    } else {
        if matches!(opcode, ring::SETXATTR | ring::FSETXATTR) {
            carrier::give_to_store(current, Store::Attributes);
        }
        None
    };
    if let Some(file) = file.filter(|file| flow::carries(*file)) {
        flow::take(current, file, false);
    }
    sends(opcode)
}

/// `request`, which sends, begins.
#[inline(always)]
fn send(current: &mut Current<'_>, request: u64) {
    if let Some(file) = about(request) {
        give(current, file);
    }
}

/// The file that `request`, which begins, is about.
#[inline(always)]
fn about(request: u64) -> Option<File> {
    let fixed = read!(request, ring_flags, u32)? & ring::FIXED_FILE != 0;
    of(request, read!(request, ring_fd, u32)?, fixed)
}

/// `current` is about to write to `file`.
#[inline(always)]
fn give(current: &mut Current<'_>, file: File) {
    if file.mode & abi::S_IFMT == abi::S_IFSOCK {
        if global().is_some_and(|global| global.asked != 0) && ask::leads_to_metadata(file) {
            // What it asks for is not looked at.
            ask::asking(current);
        }
        if socket::send(current, file) {
            carrier::give(current, file);
        }
    } else if flow::carries(file) {
        flow::give(current, file, 0);
    } else if file.mode & abi::S_IFMT == abi::S_IFCHR {
        carrier::give_to_device(current, file);
    }
}

/// Requests that open a file.
#[inline(always)]
fn opens(opcode: u8) -> bool {
    matches!(opcode, ring::OPENAT | ring::OPENAT2)
}

/// Requests that bring something in.
#[inline(always)]
fn receives(opcode: u8) -> bool {
    matches!(
        opcode,
        ring::READ
            | ring::READV
            | ring::READ_FIXED
            | ring::READV_FIXED
            | ring::READ_MULTISHOT
            | ring::RECV
            | ring::RECVMSG
            | ring::RECV_ZC
    )
}

/// Requests that put something out.
#[inline(always)]
fn sends(opcode: u8) -> bool {
    matches!(
        opcode,
        ring::WRITE
            | ring::WRITEV
            | ring::WRITE_FIXED
            | ring::WRITEV_FIXED
            | ring::SEND
            | ring::SENDMSG
            | ring::SEND_ZC
            | ring::SENDMSG_ZC
            | ring::SPLICE
            | ring::TEE
    )
}

/// The file that `request`, an open that has completed, made: a descriptor of the process, or one of the ring's own.
#[inline(always)]
fn made(request: u64) -> Option<File> {
    let result = read!(request, ring_result, u32).filter(|result| *result >> 31 == 0)?;
    let slot = if offset!(ring_slot) == ABSENT as usize { 0 } else { read!(request, ring_slot, u32)? };
    match slot {
        0 => of(request, result, false),
        ring::ANY_SLOT => of(request, result, true),
        _ => of(request, slot - 1, true),
    }
}

/// File `number` of the process, or of the ring's own.
#[inline(always)]
fn of(request: u64, number: u32, fixed: bool) -> Option<File> {
    if !fixed {
        return File::of_descriptor(u64::from(number));
    }
    let ctx = read!(request, ring_ctx, u64)?;
    if number >= read!(ctx, ring_files_count, u32)? {
        return None;
    }
    let at = number as usize * 8;
    if offset!(ring_nodes) != ABSENT as usize {
        let node = load::<u64>(read!(ctx, ring_nodes, u64)? as usize + at).filter(|node| *node != 0)?;
        return read!(node, ring_node_file, u64).and_then(file_at);
    }
    load::<u64>(read!(ctx, ring_files, u64)? as usize + at).and_then(file_at)
}

#[inline(always)]
fn file_at(word: u64) -> Option<File> {
    File::at(word & !FILE_FLAGS).filter(|_| word & !FILE_FLAGS != 0)
}
