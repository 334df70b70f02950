//! Every system call, on kernels whose rung is the tracepoint: sends and flows at the entry, opens and
//! memory reads at the exit, where the kill comes too.

use crate::{
    abi, carrier,
    emit::{self, now},
    file::File,
    flow::{self, Buffer, NO_BUFFER},
    hook::{ask, exec, memory, open, print, probe, service},
    layout::{load, read},
    maps::{ENTER_STEPS, EXIT_STEPS, count, first, global},
    program, scan, socket,
    task::{Current, armed, current, current_struct, find},
};
use aya_ebpf::{
    helpers::{
        bpf_get_current_pid_tgid, bpf_send_signal,
        generated::{bpf_probe_read_kernel, bpf_probe_read_user},
    },
    programs::BtfTracePointContext,
};
use detector_common::{
    counter::Counter,
    record::{self, Kill, kind},
    watch::{below, some},
};

/// A system call's arguments, read when asked for.
pub(crate) struct Arguments {
    regs: u64,
}

impl Arguments {
    /// The `n`th argument, from 0.
    #[inline(always)]
    pub(crate) fn get(&self, n: usize) -> u64 {
        load::<u64>(self.regs as usize + abi::ARGUMENTS[n]).unwrap_or(0)
    }

    /// The second and the third, mostly a buffer or an array of them.
    ///
    /// VERIFIER: without a branch; what cannot be read is 0 (`bpf_probe_read_kernel_common` in kernel/trace/bpf_trace.c).
    #[inline(always)]
    pub(crate) fn buffer(&self) -> Buffer {
        let read = |n: usize| {
            let (mut value, from) = (0u64, self.regs as usize + abi::ARGUMENTS[n]);
            // SAFETY: the size of what is written to; the helper checks the address and fails instead of faulting.
            unsafe { bpf_probe_read_kernel((&raw mut value).cast(), 8, from as *const _) };
            value
        };
        // No buffer is so long, and what compares takes no larger numbers.
        Buffer { address: read(1), len: read(2) & (u64::MAX >> 1) }
    }
}

/// The `n`th buffer of an array (`struct iovec`); behind its end, or where it cannot be read, an empty one.
#[inline(always)]
pub(crate) fn element(array: Buffer, n: u64) -> Buffer {
    let (mut read, from) = ([0u64; 2], array.address.wrapping_add(n * 16));
    // SAFETY: the size of what is written to; the helper checks the address and fails instead of faulting.
    let result = unsafe { bpf_probe_read_user(read.as_mut_ptr().cast(), 16, from as *const _) };
    let there = below(n, array.len) & (some(result as u64) ^ 1);
    Buffer { address: read[0], len: read[1] & (u64::MAX >> 1) & there.wrapping_neg() }
}

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

/// At the exit.
#[inline(always)]
pub(crate) fn exit(ctx: &BtfTracePointContext) {
    let regs = ctx.arg::<*const u8>(0) as u64;
    // 32 bits on aarch64, with something else behind them; no number is larger.
    let Some(number) = read!(regs, regs_number, u32).map(u64::from) else { return count(Counter::Unread) };
    let result = ctx.arg::<i64>(1);
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
    if number == abi::PROCESS_VM_READV || number == abi::PTRACE {
        return go_on(ctx, Step::Looked);
    }
    if starts(number) {
        return exec::returned();
    }
    if number == abi::IO_URING_SETUP {
        return ringed(result);
    }
    if !armed() {
        return;
    }
    if result > 0 && receives(number) {
        return go_on(ctx, Step::Received);
    }
    if result > 0 && waits(number) {
        return go_on(ctx, Step::Moved);
    }
    kill();
}

/// A process has made an io_uring.
#[inline(always)]
fn ringed(result: i64) {
    if result >= 0 && current().is_some() {
        count(Counter::IoUring);
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
    if foreign() {
        return None;
    }
    let regs = ctx.arg::<*const u8>(0) as u64;
    let number = read!(regs, regs_number, u32).map(u64::from)?;
    Some((current, number, Arguments { regs }, ctx.arg::<i64>(1)))
}

/// An open succeeded.
#[inline(always)]
pub(crate) fn opened(ctx: &BtfTracePointContext) {
    if let Some((mut current, _, _, result)) = returning(ctx) {
        count(Counter::Opens);
        open::returned(&mut current, result as u64);
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

/// Another process's memory was read, or it was attached to.
#[inline(always)]
pub(crate) fn looked(ctx: &BtfTracePointContext) {
    if let Some((mut current, number, arguments, result)) = returning(ctx) {
        memory::returned(&mut current, number, &arguments, result);
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
    }
    kill();
}

/// Something came out of a socket, a queue or a terminal: what it was shows as the call returns.
///
/// VERIFIER: a program of its own, as [`moved`] is.
#[inline(always)]
pub(crate) fn got(ctx: &BtfTracePointContext) {
    if let Some((current, number, arguments, _)) = returning(ctx) {
        if number == abi::MSGRCV {
            carrier::take_from_queue(&current, arguments.get(0) as u32);
        } else if let Some(file) =
            source(number, &arguments).or_else(|| received(number, &arguments)).and_then(File::of_descriptor)
        {
            match file.mode & abi::S_IFMT {
                abi::S_IFSOCK => carrier::take(&current, file),
                abi::S_IFCHR => carrier::take_from_terminal(&current, file),
                // A queue of messages that is a file.
                _ => flow::take(&current, file, false),
            }
        }
        // What was spliced from there goes into a pipe.
        if let Some(file) = target(number, &arguments).and_then(File::of_descriptor).filter(|file| flow::carries(*file))
        {
            flow::give(&current, file, 0);
        }
    }
    kill();
}

/// Calls that receive, and do nothing else.
#[inline(always)]
fn receives(number: u64) -> bool {
    matches!(number, abi::RECVFROM | abi::RECVMSG | abi::RECVMMSG | abi::MSGRCV | abi::MQ_TIMEDRECEIVE)
}

/// Calls that start another program.
#[inline(always)]
fn starts(number: u64) -> bool {
    matches!(number, abi::EXECVE | abi::EXECVEAT)
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

/// Calls that move data between descriptors.
#[inline(always)]
fn moves(number: u64) -> bool {
    matches!(
        number,
        abi::READ
            | abi::WRITE
            | abi::MMAP
            | abi::PREAD64
            | abi::PWRITE64
            | abi::READV
            | abi::WRITEV
            | abi::SENDFILE
            | abi::SENDTO
            | abi::SENDMSG
            | abi::SPLICE
            | abi::TEE
            | abi::VMSPLICE
            | abi::PREADV
            | abi::PWRITEV
            | abi::SENDMMSG
            | abi::COPY_FILE_RANGE
            | abi::PREADV2
            | abi::PWRITEV2
            | abi::IO_SUBMIT
            | abi::MQ_TIMEDSEND
    )
}

/// A call of a tracked process that is not monitored.
#[inline(always)]
fn missed() {
    if current().is_some() {
        count(Counter::ForeignAbi);
    }
}

/// `io_submit`: the descriptors that its first request reads from and writes to (include/uapi/linux/aio_abi.h, `struct
/// iocb`). More requests in one call are a loss.
#[inline(always)]
fn submitted(arguments: &Arguments) -> (Option<u64>, Option<u64>) {
    if arguments.get(1) > 1 {
        count(Counter::Unread);
    }
    let Some(request) = load_user::<u64>(arguments.get(2)) else { return (None, None) };
    let fd = load_user::<u32>(request + 20).map(u64::from);
    match load_user::<u16>(request + 16) {
        // IOCB_CMD_PREAD, IOCB_CMD_PREADV
        Some(0 | 7) => (fd, None),
        // IOCB_CMD_PWRITE, IOCB_CMD_PWRITEV
        Some(1 | 8) => (None, fd),
        _ => (None, None),
    }
}

/// Reads a `T` at a user address.
#[inline(always)]
fn load_user<T>(address: u64) -> Option<T> {
    // SAFETY: the helper checks the address and fails instead of faulting.
    unsafe { aya_ebpf::helpers::bpf_probe_read_user(address as *const T) }.ok()
}

/// Calls that may wait for what they read.
#[inline(always)]
fn waits(number: u64) -> bool {
    matches!(number, abi::READ | abi::READV | abi::PREADV2 | abi::SENDFILE | abi::SPLICE | abi::TEE)
}

/// The descriptor a call reads from.
#[inline(always)]
fn source(number: u64, arguments: &Arguments) -> Option<u64> {
    match number {
        abi::READ | abi::READV | abi::PREAD64 | abi::PREADV | abi::PREADV2 => Some(arguments.get(0)),
        abi::SPLICE | abi::TEE | abi::COPY_FILE_RANGE => Some(arguments.get(0)),
        abi::SENDFILE => Some(arguments.get(1)),
        abi::MMAP if arguments.get(3) & abi::MAP_ANONYMOUS == 0 => Some(arguments.get(4)),
        _ => None,
    }
}

/// The socket a call received on.
#[inline(always)]
fn received(number: u64, arguments: &Arguments) -> Option<u64> {
    matches!(number, abi::RECVFROM | abi::RECVMSG | abi::RECVMMSG | abi::MQ_TIMEDRECEIVE).then(|| arguments.get(0))
}

/// Whether what is read from the file may have been put in on this host, at another side.
#[inline(always)]
fn is_carrier(file: File) -> bool {
    matches!(file.mode & abi::S_IFMT, abi::S_IFSOCK | abi::S_IFCHR)
}

/// The descriptor a call writes to.
#[inline(always)]
fn target(number: u64, arguments: &Arguments) -> Option<u64> {
    match number {
        abi::WRITE | abi::WRITEV | abi::PWRITE64 | abi::PWRITEV | abi::PWRITEV2 | abi::VMSPLICE => {
            Some(arguments.get(0))
        }
        abi::SENDTO | abi::SENDMSG | abi::SENDMMSG | abi::SENDFILE | abi::MQ_TIMEDSEND => Some(arguments.get(0)),
        abi::TEE => Some(arguments.get(1)),
        abi::SPLICE | abi::COPY_FILE_RANGE => Some(arguments.get(2)),
        // A shared writable mapping counts as written: stores into it are not seen.
        abi::MMAP if arguments.get(3) & (abi::MAP_ANONYMOUS | abi::MAP_TYPE) == shared(arguments) => {
            (arguments.get(2) & abi::PROT_WRITE != 0).then(|| arguments.get(4))
        }
        _ => None,
    }
}

/// `MAP_SHARED` or `MAP_SHARED_VALIDATE`, whichever the call has; never `MAP_PRIVATE`.
#[inline(always)]
fn shared(arguments: &Arguments) -> u64 {
    let kind = arguments.get(3) & abi::MAP_TYPE;
    if kind == abi::MAP_PRIVATE { u64::MAX } else { kind }
}

#[inline(always)]
fn take(current: &Current<'_>, fd: u64) {
    if let Some(file) = File::of_descriptor(fd)
        && flow::carries(file)
    {
        flow::take(current, file, false);
    }
}

/// The one buffer that a call writes.
#[inline(always)]
fn buffer(number: u64, arguments: &Arguments) -> Buffer {
    match number {
        abi::WRITE | abi::PWRITE64 => Buffer { address: arguments.get(1), len: arguments.get(2) },
        _ => NO_BUFFER,
    }
}

/// True where it is still to be seen who is at the other end, as [`socket::send`] says.
#[inline(always)]
fn give(current: &mut Current<'_>, fd: u64, plain: u64, token: u64) -> bool {
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
fn foreign() -> bool {
    cfg!(bpf_target_arch = "x86_64")
        && crate::layout::offset!(task_thread_status) != detector_common::layout::ABSENT as usize
        && read!(current_struct(), task_thread_status, u32).is_some_and(|status| status & abi::TS_COMPAT != 0)
}

/// Sends the signal that a hook before decided on and was not allowed to send.
#[inline(always)]
fn kill() {
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
