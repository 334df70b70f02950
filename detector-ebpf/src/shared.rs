//! Memory that processes share: what one that holds something stores there shows in no call of another. So whoever has mapped the same
//! memory has what its holders held as they made their last call.

use crate::{
    abi,
    file::File,
    flow,
    hook::call::Arguments,
    layout::read,
    maps::{MAPPED, SHARING, count, forget},
    task::Current,
};
use detector_common::{
    counter::Counter,
    identity::{
        HolderId, ObjectKey,
        carrier::{MEMORY, SEGMENT},
    },
    limits::MAPPINGS,
    state::{Mapped, MappedKey},
};

/// What anyone may have stored in any such memory: whoever has mapped more than is told apart may have that.
const ANY: u64 = 0;
/// What those may have stored: anyone who has mapped some may have that.
const MORE: u64 = 1;
/// Places behind the last of a holder's: of what it may read beside, and of what it may write.
const BESIDE: u64 = MAPPINGS as u64;
const PLACES: u64 = BESIDE + 2;

/// Memory without a file of `job`.
#[inline(always)]
fn memory(job: u32, inode: u64, writes: u32) -> Mapped {
    let object = ObjectKey { job, device: MEMORY, inode, generation: 0, reserved: 0 };
    Mapped { object, mode: abi::S_IFSOCK, writes }
}

/// Whether the call maps memory that others may have, too (mmap(2), shmat(2)).
#[inline(always)]
pub(crate) fn is_mapping(number: u64, arguments: &Arguments) -> bool {
    match number {
        // MAP_SHARED, MAP_SHARED_VALIDATE
        abi::MMAP => matches!(arguments.get(3) & abi::MAP_TYPE, 1 | 3),
        abi::SHMAT => true,
        _ => false,
    }
}

/// `current` is about to map such memory.
#[inline(always)]
pub(crate) fn note(current: &mut Current<'_>, number: u64, arguments: &Arguments) {
    let job = current.task.job;
    // As its children know it.
    let own = memory(job, current.task.holder, 1);
    let mapped = if number == abi::SHMAT {
        let object = ObjectKey { device: SEGMENT, inode: arguments.get(0) & 0xffff_ffff, ..own.object };
        Mapped { object, writes: u32::from(arguments.get(2) & abi::SHM_RDONLY == 0), ..own }
    } else if arguments.get(3) & abi::MAP_ANONYMOUS != 0 {
        own
    } else {
        let Some(file) = File::of_descriptor(arguments.get(4)) else { return };
        let Some(opened) = read!(file.address, file_mode, u32) else { return count(Counter::Unread) };
        if file.mode & abi::S_IFMT == abi::S_IFREG {
            let Some(object) = file.object(job) else { return count(Counter::Unread) };
            Mapped { object, mode: abi::S_IFREG, writes: u32::from(opened & abi::FMODE_WRITE != 0) }
        } else {
            // /dev/zero gives memory without a file; that of another device, or of a ring, its children have, too.
            own
        }
    };
    current.task.mapped = 1;
    keep(current.task.holder, &mapped);
}

/// Each of two holders has the memory of the other.
#[inline(always)]
pub(crate) fn link(one: HolderId, other: HolderId, job: u32) {
    let mapped = memory(job, other, 1);
    keep(one, &mapped);
    keep(other, &mapped);
}

/// In the first place that is free, or has it; behind the last, it is not told apart any more.
#[inline(always)]
fn keep(holder: HolderId, mapped: &Mapped) {
    const BPF_NOEXIST: u64 = 1;
    for slot in 0..BESIDE {
        let key = MappedKey { holder, slot };
        if MAPPED.insert(&key, mapped, BPF_NOEXIST).is_ok() {
            return;
        }
        // SAFETY: written whole as it is made, and never changed.
        match unsafe { MAPPED.get(&key) } {
            Some(there) if there.object == mapped.object && there.writes >= mapped.writes => return,
            Some(_) => {}
            None => return count(Counter::MappingsFull),
        }
    }
    let job = mapped.object.job;
    let any = MAPPED.insert(&MappedKey { holder, slot: BESIDE }, &memory(job, ANY, 0), 0);
    // What may be written stays so, whatever is mapped behind it.
    let more = match mapped.writes {
        0 => Ok(()),
        _ => MAPPED.insert(&MappedKey { holder, slot: BESIDE + 1 }, &memory(job, MORE, 1), 0),
    };
    if any.is_err() || more.is_err() {
        count(Counter::MappingsFull);
    }
}

/// A child has what its parent has mapped.
#[inline(always)]
pub(crate) fn inherit(parent: HolderId, child: HolderId) {
    for slot in 0..PLACES {
        // SAFETY: as in `keep`.
        let Some(mapped) = (unsafe { MAPPED.get(&MappedKey { holder: parent, slot }) }) else { return };
        if MAPPED.insert(&MappedKey { holder: child, slot }, mapped, 0).is_err() {
            return count(Counter::MappingsFull);
        }
    }
}

/// Nobody is of `holder` any more.
#[inline(always)]
pub(crate) fn release(holder: HolderId) {
    for slot in 0..PLACES {
        forget(&MAPPED, &MappedKey { holder, slot });
    }
}

/// Whether `current` may have mapped such memory; where its holder is another process's, too, that may have.
#[inline(always)]
pub(crate) fn has(current: &Current<'_>) -> bool {
    current.task.mapped | current.task.shared != 0
}

/// Before the first of [`pass`].
#[inline(always)]
pub(crate) fn begin() {
    if let Some(slot) = SHARING.get_ptr_mut(0) {
        // SAFETY: this CPU's own slot; preemption is off (`event.rs`).
        unsafe { *slot = 0 };
    }
}

/// `current` takes what the next of its mappings carries, and gives what it holds. True where there is one more, perhaps.
///
/// VERIFIER: one at a time, by a program that calls itself.
#[inline(always)]
pub(crate) fn pass(current: &Current<'_>) -> bool {
    let Some(next) = SHARING.get_ptr_mut(0) else { return false };
    // SAFETY: as in `begin`.
    let slot = unsafe { *next };
    // SAFETY: as in `keep`.
    let Some(mapped) = (unsafe { MAPPED.get(&MappedKey { holder: current.task.holder, slot }) }) else { return false };
    flow::take_mapped(current, mapped);
    flow::give_mapped(current, mapped);
    // Once is enough, and there is no memory without a first place.
    if slot == 0 {
        flow::take_mapped(current, &memory(mapped.object.job, MORE, 0));
    }
    if mapped.writes != 0 {
        flow::give_mapped(current, &memory(mapped.object.job, ANY, 1));
    }
    // SAFETY: as in `begin`.
    unsafe { *next = slot + 1 };
    slot + 1 < PLACES
}
