//! The job's log: a destination that accepts no class whose leak kills.
//!
//! What is printed is read by whoever may read the log, and often that is everybody (tj-actions-2025). A holder prints all day, so
//! only a block counts: what an encoder makes of a secret, since the secret itself would be masked by most CI systems. A write to
//! a pipe cannot be refused here, and a signal comes after it: where the log is a pipe, user space stands in it and masks, once it is
//! told. A write to a file is not made by who is about to die (`generic_perform_write` and `iomap_write_begin`; tests/cases/log.rs).
//! btrfs, FUSE and O_DIRECT have ways of their own, which were not tried.
//! Splicing calls are not looked into, nor a block in pieces that other text divides.

use crate::{
    abi::{self, S_IFIFO, S_IFMT},
    emit::{self, now},
    file::File,
    flow::{self, Buffer},
    hook::call::{Arguments, element},
    job,
    maps::{OBJECTS, SCAN, count, entry, first, global},
    scan::{self, PIECES, smaller},
    task::Current,
};
use detector_common::{
    counter::Counter,
    limits::{BLOCK_BYTES, PRINT_BYTES},
    record::{Print, kind, print},
    watch::{below, some},
};

/// What was before in the same block does not make one of a word.
const SHORTEST: u64 = 16;

/// `file` is standard output or standard error of a step's first program, or of its worker: whoever of the job writes there prints to
/// its log. `log` is one of [`logs`].
#[inline(always)]
pub(crate) fn opens_log(job: u32, file: File, log: u64) {
    if !flow::carries(file) {
        return;
    }
    let Some(key) = file.object(job) else { return count(Counter::Unread) };
    match entry(&OBJECTS, &key, &flow::NOTHING) {
        Some(object) => object.log = log,
        None => count(Counter::ObjectsFull),
    }
}

/// [`detector_common::state::Object::log`].
pub(crate) mod logs {
    /// Of a step's first program.
    pub(crate) const STEP: u64 = 1;
    /// Of its worker: where user space stands between the two, what is written here passes it by.
    pub(crate) const WORKER: u64 = 2;
}

/// Whether `current` holds what the log does not accept, and `fd` is the log.
#[inline(always)]
pub(crate) fn is_to_log(current: &Current<'_>, fd: u64) -> bool {
    let Some(job) = job::find(current.task.job) else { return false };
    if current.sets().held & job.log == 0 {
        return false;
    }
    let Some(file) = File::of_descriptor(fd).filter(|file| flow::carries(*file)) else { return false };
    let Some(key) = file.object(current.task.job) else { return false };
    // SAFETY: a word that is written once.
    unsafe { OBJECTS.get(&key) }.is_some_and(|object| object.log != 0)
}

/// Looks at what the call that begins prints: its first bytes and its last; of a vector its first and its second buffer.
///
/// VERIFIER: before the process is looked up, and without a branch, so that the loops are followed once.
#[inline(always)]
pub(crate) fn look(number: u64, arguments: &Arguments) {
    const MOST: u64 = PRINT_BYTES as u64;
    let Some(scan) = SCAN.get_ptr_mut(0) else { return };
    // SAFETY: this CPU's own slot; preemption is off (`event.rs`).
    let scan = unsafe { &mut *scan };
    let buffer = arguments.buffer();
    let most = scan.opaque(MOST);
    let rest = smaller(buffer.len.wrapping_sub(MOST) & below(MOST, buffer.len).wrapping_neg(), most);
    let tail = Buffer { address: buffer.address.wrapping_add(buffer.len - rest), len: rest };
    let vector = (some(number ^ abi::WRITE) & some(number ^ abi::PWRITE64)).wrapping_neg();
    scan.call = (number, buffer);
    scan.pieces = [(0, buffer), (1, tail)].map(|(n, other)| {
        let own = element(buffer, n);
        Buffer {
            address: (own.address & vector) | (other.address & !vector),
            len: (own.len & vector) | (other.len & !vector),
        }
    });
    for piece in 0..PIECES {
        scan::encoded(scan, piece);
    }
}

/// `current` prints what was looked at to `file`, and holds what the log does not accept: where it is a block it is a leak.
/// The call's number and its buffer.
#[inline(always)]
pub(crate) fn printing(current: &mut Current<'_>, file: File) -> Option<(u64, Buffer)> {
    let scan = SCAN.get_ptr(0)?;
    // SAFETY: as in `look`, which wrote it.
    let ([head, tail], (number, buffer)) = unsafe { (&(*scan).encoded, (&raw const (*scan).call).read_volatile()) };
    let before = u64::from(current.task.block);
    let through = tail.is_there;
    let inner = below(BLOCK_BYTES - 1, head.longest)
        | below(BLOCK_BYTES - 1, tail.longest)
        | below(BLOCK_BYTES - 1, (head.last + tail.first) & through.wrapping_neg());
    let outer = before + head.first;
    let end = if tail.is_there == 0 { head } else { tail };
    let run = end.last + (before & head.whole.wrapping_neg()) * (tail.is_there ^ 1);
    current.task.block = run.min(BLOCK_BYTES) as u16;
    let found = inner | below(BLOCK_BYTES - 1, outer) & below(SHORTEST, head.first);
    if found != 0 {
        leaked(current, file, buffer.len);
    }
    Some((number, buffer))
}

#[inline(always)]
fn leaked(current: &mut Current<'_>, file: File, bytes: u64) {
    let Some(job) = job::find(current.task.job) else { return };
    let held = current.sets().held;
    let leak = held & job.log;
    let pipe = file.mode & S_IFMT == S_IFIFO;
    // SAFETY: a word that is written at the start of a step.
    let log = file.object(current.task.job).and_then(|key| unsafe { OBJECTS.get(&key) }).map_or(0, |object| object.log);
    let mut denied = 0;
    if job.enforce != 0 && job.print != print::PASSES {
        if pipe && job.print == print::MASKED && log == logs::STEP {
            denied = print::MASKED;
        } else {
            denied = if pipe { 0 } else { print::REFUSED };
            current.task.kill = 1;
        }
    }
    if let Some(global) = global() {
        global.printed = 1;
    }
    if !first(current.task.holder, [4 << 32, u64::from(denied), leak, 0]) {
        return;
    }
    count(Counter::Leaks);
    let header = emit::header(kind::PRINT, current, now());
    emit::secret(&Print { header, held, leak, bytes, denied, reserved: 0 }, size_of::<Print>() as u64);
}
