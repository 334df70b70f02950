//! The entry of a call: what it sends, before a byte has left; what it is about to take or to start.

use super::{
    acts::{foreign, give, kill, missed, take, unmonitored},
    arguments::{Arguments, buffer, moves, source, starts, stores, submitted, target},
};
use crate::{
    abi, carrier, event,
    file::File,
    flow::{self, Buffer},
    hook::{ask, exec, memory, print, service},
    layout::read,
    maps::{ENTER_STEPS, count, global},
    scan, shared, socket,
    task::{armed, current, current_struct},
};
use aya_ebpf::programs::BtfTracePointContext;
use detector_common::counter::Counter;

/// No descriptor.
const NOTHING: u64 = u64::MAX;

/// At the entry.
#[inline(always)]
pub(crate) fn enter(ctx: &BtfTracePointContext) {
    let number = event::number(ctx);
    let arguments = Arguments { regs: event::registers(ctx) };
    // Before anything is held, too: it is there when something is.
    if shared::is_mapping(number, &arguments) || number == abi::PROCESS_VM_WRITEV {
        return go_on(ctx, EnterStep::Map);
    }
    if !armed() {
        if starts(number) {
            go_on(ctx, EnterStep::Exec);
        }
        return;
    }
    if abi::moves_foreign(number) && foreign() {
        return missed();
    }
    if !moves(number) && stores(number, &arguments).is_none() && !starts(number) && number != abi::IO_URING_ENTER {
        return;
    }
    let Some(current) = current() else { return };
    if shared::has(&current) {
        shared::begin();
        return go_on(ctx, EnterStep::Share);
    }
    go_on(ctx, if starts(number) { EnterStep::Exec } else { EnterStep::Move });
}

/// Goes on with `step`, and does not come back.
#[inline(always)]
fn go_on(ctx: &BtfTracePointContext, step: EnterStep) {
    // SAFETY: the programs in the map are of this tracepoint.
    unsafe { ENTER_STEPS.tail_call(ctx, step as u32) };
    count(Counter::Unread);
}

/// Memory that others have, too, is about to be mapped.
///
/// VERIFIER: a program of its own, as [`writing`] is.
#[inline(always)]
pub(crate) fn mapping(ctx: &BtfTracePointContext) {
    let number = event::number(ctx);
    let Some(mut current) = current() else { return };
    if unmonitored() {
        return;
    }
    let arguments = Arguments { regs: event::registers(ctx) };
    if number == abi::PROCESS_VM_WRITEV {
        memory::written(&mut current, arguments.get(0) as u32);
    } else {
        shared::note(&mut current, number, &arguments);
    }
    if armed() {
        shared::begin();
        go_on(ctx, EnterStep::Share);
    }
}

/// What such memory carries by now, and what a holder may have stored there.
///
/// VERIFIER: as [`mapping`].
#[inline(always)]
pub(crate) fn sharing(ctx: &BtfTracePointContext) {
    let number = event::number(ctx);
    let Some(current) = current() else { return };
    if unmonitored() {
        return;
    }
    if shared::pass(&current) {
        return go_on(ctx, EnterStep::Share);
    }
    go_on(ctx, if starts(number) { EnterStep::Exec } else { EnterStep::Move });
}

/// A call that moves data.
///
/// VERIFIER: as [`mapping`].
#[inline(always)]
pub(crate) fn moving(ctx: &BtfTracePointContext) {
    let number = event::number(ctx);
    let arguments = Arguments { regs: event::registers(ctx) };
    let Some(mut current) = current() else { return };
    if unmonitored() {
        return;
    }
    if let Some(store) = stores(number, &arguments) {
        return carrier::give_to_store(&current, store);
    }
    if global().is_some_and(|global| global.asked != 0) && target(number, &arguments).is_some_and(ask::is_to_metadata) {
        return go_on(ctx, EnterStep::Ask);
    }
    let vector = matches!(number, abi::WRITEV | abi::PWRITEV | abi::PWRITEV2);
    let plain = matches!(number, abi::WRITE | abi::PWRITE64);
    if (plain || vector) && print::is_to_log(&current, arguments.get(0)) {
        return go_on(ctx, EnterStep::Print);
    }
    if plain && flow::is_searched(&current) {
        return go_on(ctx, EnterStep::Write);
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
        // Whose other end is on this host: who is there?
        go_on(ctx, EnterStep::Service);
    }
}

/// What the entry of a call goes on with, by its place in [`ENTER_STEPS`].
#[derive(Clone, Copy)]
enum EnterStep {
    Exec = 0,
    Write = 1,
    Print = 2,
    Ask = 3,
    Service = 4,
    Move = 5,
    Map = 6,
    Share = 7,
}

/// A holder of what the job's log does not accept is about to write there.
///
/// VERIFIER: a program of its own, as [`writing`] is.
#[inline(always)]
pub(crate) fn printing(ctx: &BtfTracePointContext) {
    let number = event::number(ctx);
    let arguments = Arguments { regs: event::registers(ctx) };
    print::look(number, &arguments);
    let Some(mut current) = current() else { return };
    let Some(file) = File::of_descriptor(arguments.get(0)) else { return };
    let Some((number, buffer)) = print::printing(&mut current, file) else { return };
    // What is written to a file must not be: the signal comes before.
    kill();
    let plain = matches!(number, abi::WRITE | abi::PWRITE64);
    if plain && flow::is_searched(&current) {
        return go_on(ctx, EnterStep::Write);
    }
    let token = if plain { flow::token(buffer) } else { 0 };
    flow::give(&current, file, token & u64::from(file.mode & abi::S_IFMT == abi::S_IFIFO));
}

/// Something is about to be sent to a metadata service.
///
/// VERIFIER: a program of its own, as [`writing`] is.
#[inline(always)]
pub(crate) fn asking(ctx: &BtfTracePointContext) {
    let number = event::number(ctx);
    let arguments = Arguments { regs: event::registers(ctx) };
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
    let number = event::number(ctx);
    let arguments = Arguments { regs: event::registers(ctx) };
    let to = if number == abi::IO_SUBMIT { submitted(&arguments).1 } else { target(number, &arguments) };
    let Some(file) = to.and_then(File::of_descriptor) else { return };
    if let Some(current) = current() {
        if file.mode & abi::S_IFMT == abi::S_IFCHR {
            return carrier::give_to_device(&current, file);
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
    let arguments = Arguments { regs: event::registers(ctx) };
    let buffer = Buffer { address: arguments.get(1), len: arguments.get(2) };
    let (fd, said) = (arguments.get(0), scan::said(buffer.address, buffer.len));
    let Some(mut current) = current() else { return };
    let plain = flow::is_plain(&current, &said);
    let further = give(&mut current, fd, plain, flow::token(buffer));
    kill();
    if further {
        // Whose other end is on this host: who is there?
        go_on(ctx, EnterStep::Service);
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
