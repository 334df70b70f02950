//! Data that passes through files and pipes.

use crate::{
    abi::{S_IFIFO, S_IFMT, S_IFREG},
    author,
    emit::{self, now},
    file::File,
    job,
    maps::{OBJECTS, count, entry},
    program,
    scan::Said,
    task::{Current, arm, grow},
};
use detector_common::{
    command::line,
    counter::Counter,
    identity::ObjectKey,
    judge::{Offer, Sets},
    program::trait_of,
    record::{self, Flow, flow, kind},
    set::{Bits, EMPTY},
    state::{Mapped, Object},
    watch::below,
};

/// A file that carries nothing: too large for the stack.
pub(crate) static NOTHING: Object = Object { carried: EMPTY, inherited: EMPTY, credential: EMPTY, given: 0, log: 0 };

/// Whether data can pass through the file.
#[inline(always)]
pub(crate) fn carries(file: File) -> bool {
    matches!(file.mode & S_IFMT, S_IFIFO | S_IFREG)
}

/// What a call writes: one buffer of user space.
#[derive(Clone, Copy)]
pub(crate) struct Buffer {
    /// Its address.
    pub(crate) address: u64,
    /// Its length in bytes.
    pub(crate) len: u64,
}

/// Where it is not that simple: longer than any that is looked at.
pub(crate) const NO_BUFFER: Buffer = Buffer { address: 0, len: u64::MAX };

/// `current` is about to write to `file`; `said_plain` is 1 when what it writes cannot be the secret.
#[inline(always)]
pub(crate) fn give(current: &Current<'_>, file: File, said_plain: u64) {
    let sets = current.sets();
    if sets.all() == 0 {
        return;
    }
    let Some(key) = file.object(current.task.job) else { return count(Counter::Unread) };
    let (strong, mild) = sets.passed(current.quiet(), current.lossy() || said_plain != 0);
    let mild = if file.mode & S_IFMT == S_IFIFO { mild } else { 0 };
    pass(current, &key, file.mode, [strong, mild], said_plain as u32 * flow::PLAIN);
}

/// `current` is about to put `strong` into what `key` names, a file of `mode`, and what may carry `mild`.
#[inline(always)]
pub(crate) fn pass(current: &Current<'_>, key: &ObjectKey, mode: u32, [strong, mild]: [Bits; 2], flags: u32) {
    // SAFETY: bytes that only ever go from 0 to 1, and a word.
    let (carried, known) = match unsafe { OBJECTS.get(key) } {
        Some(object) => (object.carried.bits(), object.inherited.bits()),
        None => (0, 0),
    };
    let bits = strong & !carried;
    let inherited = mild & !(carried | bits | known);
    if bits | inherited == 0 {
        return;
    }
    let Some(object) = entry(&OBJECTS, key, &NOTHING) else {
        // No room to mark it: whoever reads it must count as having read everything its writer held.
        count(Counter::ObjectsFull);
        return job::coarsen(current.task.job, bits | inherited);
    };
    // Before the store: who takes afterwards has a later time.
    let time = now();
    // The number first: whoever sees the bits finds a give that will be said.
    // SAFETY: a word of a preallocated map; volatile, as `grow`, so that the order stays.
    unsafe { (&raw mut object.given).write_volatile(time) };
    grow(&mut object.carried, bits);
    grow(&mut object.inherited, inherited);
    say(kind::GIVE, current, time, *key, mode, time, [bits, inherited], flags);
}

/// 1 for a token of make's job server (`+`, of the jobserver crate `|`): in a pipe a byte is no secret.
#[inline(always)]
pub(crate) fn token(buffer: Buffer) -> u64 {
    if buffer.len != 1 {
        return 0;
    }
    // SAFETY: the helper checks the address and fails instead of faulting.
    let byte = unsafe { aya_ebpf::helpers::bpf_probe_read_user(buffer.address as *const u8) }.unwrap_or(0);
    below(u64::from(byte ^ b'+'), 1) | below(u64::from(byte ^ b'|'), 1)
}

/// Whether what `current` writes itself tells if it is the secret: it is a shell, or runs a command line that is searched.
#[inline(always)]
pub(crate) fn is_searched(current: &Current<'_>) -> bool {
    current.task.traits & trait_of::SHELL != 0 || current.task.line & line::SEARCHED != 0
}

/// 1 when it is not: it has no token and, on a command line that is searched, no password.
#[inline(always)]
pub(crate) fn is_plain(current: &Current<'_>, said: &Said) -> u64 {
    let searched = u64::from(current.task.line & line::SEARCHED != 0);
    said.plain & (said.password & searched ^ 1)
}

/// `current` opened `file`, a credential of `classes`: whoever reads it has them, by whatever name. Returns whether that is new, said
/// at `time`.
#[inline(always)]
pub(crate) fn mark(current: &Current<'_>, file: File, classes: Bits, time: u64) -> bool {
    if classes == 0 || file.mode & S_IFMT != S_IFREG {
        return false;
    }
    let Some(key) = file.object(current.task.job) else {
        count(Counter::Unread);
        return false;
    };
    let Some(object) = entry(&OBJECTS, &key, &NOTHING) else {
        count(Counter::ObjectsFull);
        job::coarsen(current.task.job, classes);
        return false;
    };
    let added = classes & !object.credential.bits();
    if added == 0 {
        return false;
    }
    // SAFETY: as in `give`.
    unsafe { (&raw mut object.given).write_volatile(time) };
    grow(&mut object.credential, added);
    arm();
    true
}

/// The classes of the credential that `file` is known to be.
#[inline(always)]
pub(crate) fn credential(job: u32, file: &record::File) -> Bits {
    let key = ObjectKey { job, device: file.device, inode: file.inode, generation: file.generation, reserved: 0 };
    // SAFETY: bytes that only ever go from 0 to 1.
    unsafe { OBJECTS.get(&key) }.map_or(0, |object| object.credential.bits())
}

/// `current` reads, or has read, from `file`; as a new program, where it was `handed` to it as standard input.
#[inline(always)]
pub(crate) fn take(current: &Current<'_>, file: File, handed: bool) {
    let Some(identity) = file.identity() else { return count(Counter::Unread) };
    let key = author::key(current.task.job, &identity);
    let Some(job) = job::find(current.task.job) else { return };
    // Who opened it may be of no job.
    let known = if file.mode & S_IFMT == S_IFREG { program::known(job.policy, &identity) } else { 0 };
    // SAFETY: bytes that only ever go from 0 to 1, and a word.
    let object = match unsafe { OBJECTS.get(&key) } {
        Some(object) => object,
        None if known != 0 => &NOTHING,
        None => return,
    };
    let credential = (object.credential.bits() | known) & !job.observe;
    let credential = if credential != 0 && author::reads_back(current, &key, credential) { 0 } else { credential };
    let offer = Offer { carried: object.carried.bits(), inherited: object.inherited.bits(), credential, handed };
    join(current, &key, file.mode, object, &offer);
}

/// `current` has received what holders put into what `key` names, a socket of `mode`.
#[inline(always)]
pub(crate) fn take_from(current: &Current<'_>, key: &ObjectKey, mode: u32) {
    // SAFETY: as in `take`.
    let Some(object) = (unsafe { OBJECTS.get(key) }) else { return };
    let offer = Offer { carried: object.carried.bits(), ..Offer::default() };
    join(current, key, mode, object, &offer);
}

/// `current` may have read what is stored in memory that it has mapped.
#[inline(always)]
pub(crate) fn take_mapped(current: &Current<'_>, mapped: &Mapped) {
    // SAFETY: as in `take`.
    let Some(object) = (unsafe { OBJECTS.get(&mapped.object) }) else { return };
    let offer = Offer { carried: object.carried.bits(), ..Offer::default() };
    join_by(current, &mapped.object, mapped.mode, object, &offer, flow::MAPPED);
}

/// `current` may store what it holds in such memory.
#[inline(always)]
pub(crate) fn give_mapped(current: &Current<'_>, mapped: &Mapped) {
    let Sets { held, soft, .. } = current.sets();
    if mapped.writes != 0 && held | soft != 0 {
        pass(current, &mapped.object, mapped.mode, [held | soft, 0], flow::MAPPED);
    }
}

/// `current` joins what `object` offers.
#[inline(always)]
fn join(current: &Current<'_>, key: &ObjectKey, mode: u32, object: &Object, offer: &Offer) {
    join_by(current, key, mode, object, offer, u32::from(offer.handed) * flow::HANDED);
}

#[inline(always)]
fn join_by(current: &Current<'_>, key: &ObjectKey, mode: u32, object: &Object, offer: &Offer, flags: u32) {
    let new = current.sets().taken(offer, &current.reader());
    if new.all() == 0 {
        return;
    }
    // SAFETY: as in `give`: read after the bits.
    let given = unsafe { (&raw const object.given).read_volatile() };
    let time = now();
    current.join(&new);
    say(kind::TAKE, current, time, *key, mode, given, [new.strong(), new.inherited], flags);
}

#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "the record's fields")]
fn say(
    kind: u16,
    current: &Current<'_>,
    time: u64,
    object: ObjectKey,
    mode: u32,
    given: u64,
    [bits, inherited]: [Bits; 2],
    flags: u32,
) {
    let record = Flow { header: emit::header(kind, current, time), object, mode, flags, given, bits, inherited };
    emit::secret(&record, size_of::<Flow>() as u64);
}
