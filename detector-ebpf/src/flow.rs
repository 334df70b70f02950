//! Data that passes through files and pipes.

use crate::{
    abi::{S_IFIFO, S_IFMT, S_IFREG},
    emit::{self, now},
    file::File,
    job,
    maps::{OBJECTS, count, entry},
    task::{Current, grow, held, join},
};
use detector_common::{
    counter::Counter,
    identity::ObjectKey,
    record::{Flow, kind},
    set::{Bits, EMPTY},
    state::Object,
};

/// A file that carries nothing: too large for the stack.
static NOTHING: Object = Object { carried: EMPTY, inherited: EMPTY, credential: EMPTY, given: 0 };

/// Whether data can pass through the file.
#[inline(always)]
pub(crate) fn carries(file: File) -> bool {
    matches!(file.mode & S_IFMT, S_IFIFO | S_IFREG)
}

/// `current` is about to write to `file`.
#[inline(always)]
pub(crate) fn give(current: &Current<'_>, file: File) {
    let bits = held(current.task.holder, current.task.job);
    if bits == 0 {
        return;
    }
    let Some(key) = file.object(current.task.job) else { return count(Counter::Unread) };
    let Some(object) = entry(&OBJECTS, &key, &NOTHING) else {
        // No room to mark it: whoever reads it must count as having read everything its writer held.
        count(Counter::ObjectsFull);
        return job::coarsen(current.task.job, bits);
    };
    let added = bits & !object.carried.bits();
    if added == 0 {
        return;
    }
    // Before the store: who takes afterwards has a later time.
    let time = now();
    // The number first: whoever sees the bits finds a give that will be said.
    // SAFETY: a word of a preallocated map; volatile, as `grow`, so that the order stays.
    unsafe { (&raw mut object.given).write_volatile(time) };
    grow(&mut object.carried, added);
    say(kind::GIVE, current, time, key, file.mode, time, added);
}

/// `current` reads, or has read, from `file`.
#[inline(always)]
pub(crate) fn take(current: &Current<'_>, file: File) {
    let Some(key) = file.object(current.task.job) else { return count(Counter::Unread) };
    // SAFETY: bytes that only ever go from 0 to 1, and a word.
    let Some(object) = (unsafe { OBJECTS.get(&key) }) else { return };
    let bits = object.carried.bits() & !held(current.task.holder, current.task.job);
    if bits == 0 {
        return;
    }
    // SAFETY: as in `give`: read after the bits.
    let given = unsafe { (&raw const object.given).read_volatile() };
    let time = now();
    join(current.task.holder, current.task.job, bits);
    say(kind::TAKE, current, time, key, file.mode, given, bits);
}

#[inline(always)]
fn say(kind: u16, current: &Current<'_>, time: u64, object: ObjectKey, mode: u32, given: u64, bits: Bits) {
    let record = Flow { header: emit::header(kind, current, time), object, mode, flags: 0, given, bits, inherited: 0 };
    emit::secret(&record, size_of::<Flow>() as u64);
}
