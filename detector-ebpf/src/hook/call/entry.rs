//! The entry of a call: what it sends, before a byte has left; what it is about to take or to start.

use super::{
    acts::{foreign, give, kill, missed, take},
    arguments::{Arguments, buffer, moves, source, starts, submitted, target},
};
use crate::{
    abi, carrier,
    file::File,
    flow::{self, Buffer},
    hook::{ask, exec, print, service},
    layout::read,
    maps::{ENTER_STEPS, count, global},
    scan, socket,
    task::{Current, armed, current, current_struct},
};
use aya_ebpf::programs::BtfTracePointContext;
use detector_common::counter::Counter;

/// No descriptor.
const NOTHING: u64 = u64::MAX;

/// At the entry.
#[inline(always)]
pub(crate) fn enter(ctx: &BtfTracePointContext) {
    let number = ctx.arg::<u64>(1);
    if starts(number) {
        // SAFETY: the program in the map is of this tracepoint.
        unsafe { ENTER_STEPS.tail_call(ctx, EnterStep::Exec as u32) };
        return count(Counter::Unread);
    }
    if !armed() {
        return;
    }
    let arguments = Arguments { regs: ctx.arg::<*const u8>(0) as u64 };
    if abi::moves_foreign(number) && foreign() {
        return missed();
    }
    let messages = matches!(number, abi::MSGSND | abi::SOCKET);
    if !moves(number) && !messages {
        return;
    }
    let Some(mut current) = current() else { return };
    if foreign() {
        return;
    }
    if messages {
        return beside(&mut current, number, arguments.get(0));
    }
    if global().is_some_and(|global| global.asked != 0) && target(number, &arguments).is_some_and(ask::is_to_metadata) {
        // SAFETY: the programs in the map are of this tracepoint.
        unsafe { ENTER_STEPS.tail_call(ctx, EnterStep::Ask as u32) };
        return count(Counter::Unread);
    }
    let vector = matches!(number, abi::WRITEV | abi::PWRITEV | abi::PWRITEV2);
    let plain = matches!(number, abi::WRITE | abi::PWRITE64);
    if (plain || vector) && print::is_to_log(&current, arguments.get(0)) {
        // SAFETY: as above.
        unsafe { ENTER_STEPS.tail_call(ctx, EnterStep::Print as u32) };
        return count(Counter::Unread);
    }
    if plain && flow::is_searched(&current) {
        // SAFETY: as above.
        unsafe { ENTER_STEPS.tail_call(ctx, EnterStep::Write as u32) };
        return count(Counter::Unread);
    }
    // VERIFIER: all of it first, so that what follows is not followed for each number.
    let buffer = buffer(number, &arguments);
    let (from, to) = if number == abi::IO_SUBMIT {
        submitted(&arguments)
    } else {
        (source(number, &arguments), target(number, &arguments))
    };
    // VERIFIER: numbers and no options, of which the empty ones' would be kept, unwritten, where registers are short.
    let (from, to) = (from.unwrap_or(NOTHING), to.unwrap_or(NOTHING));
    if from != NOTHING {
        take(&current, from);
    }
    if to == NOTHING {
        return;
    }
    let further = give(&mut current, to, 0, flow::token(buffer));
    // A send that blocks on what is dropped would not return for a quarter of an hour.
    kill();
    if further {
        to_service(ctx);
    }
}

/// What is no matter of descriptors: a message goes into the queue `argument`, or a socket of the family `argument` is made.
#[inline(always)]
fn beside(current: &mut Current<'_>, number: u64, argument: u64) {
    if number == abi::MSGSND {
        carrier::give_to_queue(current, argument as u32);
    } else if argument as u16 == abi::AF_PACKET {
        socket::packet(current, 1);
        kill();
    }
}

/// A holder sends on a socket whose other end is on this host: goes on with who is there.
#[inline(always)]
fn to_service(ctx: &BtfTracePointContext) {
    // SAFETY: the programs in the map are of this tracepoint.
    unsafe { ENTER_STEPS.tail_call(ctx, EnterStep::Service as u32) };
    count(Counter::Unread);
}

/// What the entry of a call goes on with, by its place in [`ENTER_STEPS`].
#[derive(Clone, Copy)]
enum EnterStep {
    Exec = 0,
    Write = 1,
    Print = 2,
    Ask = 3,
    Service = 4,
}

/// A holder of what the job's log does not accept is about to write there.
///
/// VERIFIER: a program of its own, as [`writing`] is.
#[inline(always)]
pub(crate) fn printing(ctx: &BtfTracePointContext) {
    let number = ctx.arg::<u64>(1);
    let arguments = Arguments { regs: ctx.arg::<*const u8>(0) as u64 };
    print::look(number, &arguments);
    let Some(mut current) = current() else { return };
    let Some(file) = File::of_descriptor(arguments.get(0)) else { return };
    let Some((number, buffer)) = print::printing(&mut current, file) else { return };
    // What is written to a file must not be: the signal comes before.
    kill();
    let plain = matches!(number, abi::WRITE | abi::PWRITE64);
    if plain && flow::is_searched(&current) {
        // SAFETY: the program in the map is of this tracepoint.
        unsafe { ENTER_STEPS.tail_call(ctx, EnterStep::Write as u32) };
        return count(Counter::Unread);
    }
    let token = if plain { flow::token(buffer) } else { 0 };
    flow::give(&current, file, token & u64::from(file.mode & abi::S_IFMT == abi::S_IFIFO));
}

/// Something is about to be sent to a metadata service.
///
/// VERIFIER: a program of its own, as [`writing`] is.
#[inline(always)]
pub(crate) fn asking(ctx: &BtfTracePointContext) {
    let number = ctx.arg::<u64>(1);
    let arguments = Arguments { regs: ctx.arg::<*const u8>(0) as u64 };
    let asks = ask::asks(number, &arguments);
    let Some(mut current) = current() else { return };
    // What was held before the answer may leak there.
    let to = match number {
        abi::SPLICE => arguments.get(2),
        abi::TEE => arguments.get(1),
        _ => arguments.get(0),
    };
    if let Some(file) = File::of_descriptor(to) {
        socket::send(&mut current, file);
    }
    if asks != 0 {
        ask::asking(&current);
    }
    kill();
}

/// A holder is about to send on a socket whose other end is on this host.
///
/// VERIFIER: a program of its own, as [`writing`] is.
#[inline(always)]
pub(crate) fn serving(ctx: &BtfTracePointContext) {
    let number = ctx.arg::<u64>(1);
    let arguments = Arguments { regs: ctx.arg::<*const u8>(0) as u64 };
    let to = if number == abi::IO_SUBMIT { submitted(&arguments).1 } else { target(number, &arguments) };
    let Some(file) = to.and_then(File::of_descriptor) else { return };
    if let Some(current) = current() {
        if file.mode & abi::S_IFMT == abi::S_IFCHR {
            return carrier::give_to_terminal(&current, file);
        }
        carrier::give(&current, file);
    }
    let service = service::behind(file);
    if service != 0 {
        service::asked(service, number, &arguments);
    }
}

/// One buffer is about to be written by a program whose writes are searched.
///
/// VERIFIER: a program of its own, as the steps of exec are, and the search before all else: so it is followed once.
#[inline(always)]
pub(crate) fn writing(ctx: &BtfTracePointContext) {
    let arguments = Arguments { regs: ctx.arg::<*const u8>(0) as u64 };
    let buffer = Buffer { address: arguments.get(1), len: arguments.get(2) };
    let (fd, said) = (arguments.get(0), scan::said(buffer.address, buffer.len));
    let Some(mut current) = current() else { return };
    let plain = flow::is_plain(&current, &said);
    let further = give(&mut current, fd, plain, flow::token(buffer));
    kill();
    if further {
        to_service(ctx);
    }
}

/// A program is about to be started.
///
/// VERIFIER: a program of its own, as the steps of exec are. The numbers are those of other calls on the 32-bit entry.
#[inline(always)]
pub(crate) fn starting() {
    if let Some(current) = current()
        && !foreign()
    {
        exec::entered(&current, parent_waits() == Some(true));
    }
}

/// Whether this is the child of a vfork, and shares its memory with the one thread that waits for it.
#[inline(always)]
fn parent_waits() -> Option<bool> {
    let task = current_struct();
    let users = read!(read!(task, task_mm, u64)?, mm_users, u32)?;
    Some(users == 2 && read!(task, task_vfork_done, u64)? != 0)
}
