//! Who wrote the files that name places of their own: only what declared readers of a class wrote, from the first byte on, tells where
//! its secrets may be spent.

use crate::{
    file::File,
    layout::{load, offset, read},
    maps::{AUTHORS, PROGRESS, forget, global},
    path,
    task::{Current, grow},
};
use detector_common::{identity::ObjectKey, judge::Sets, record, set::Bits, state::Job, watch::kind as row};

/// Classes of whose places `current` may tell: those that it is a declared reader of, as long as it has read and holds nothing else.
#[inline(always)]
fn tells(current: &Current<'_>) -> Bits {
    if current.task.reads == 0 || current.task.hook | current.task.injected | current.task.misled != 0 {
        return 0;
    }
    let Sets { held, soft, .. } = current.sets();
    if held | soft == 0 { current.task.reads } else { 0 }
}

/// `current` opened `file`, which is in a directory whose name has the hash `directory`, for writing.
///
/// The file counts from the first byte on (`i_size` is 0) and while nobody else has it open for writing, whoever that is
/// (`i_writecount`, include/linux/fs.h): what was opened before could be written to behind.
#[inline(always)]
pub(crate) fn written(current: &mut Current<'_>, job: &Job, file: File, directory: u64) {
    let authored = global().is_some_and(|global| global.authored != 0);
    let tells = tells(current);
    if tells == 0 && !authored {
        return;
    }
    let Some(key) = file.object(current.task.job) else { return };
    // SAFETY: a word that is written whole.
    let before = unsafe { AUTHORS.get(&key) }.copied().unwrap_or(0);
    let writers = load::<u32>(file.inode as usize + offset!(inode_writers)).unwrap_or(0);
    let fresh =
        read!(file.inode, inode_size, u64) == Some(0) && path::watch(job.policy, row::KEPT, directory).is_some();
    let bits = tells & if fresh { Bits::MAX } else { before };
    if bits == 0 || writers != 1 {
        if before != 0 {
            forget(&AUTHORS, &key);
        }
        return;
    }
    // Without room it is nobody's, which is no worse.
    if AUTHORS.insert(&key, &bits, 0).is_ok() {
        current.task.author = 1;
        if let Some(global) = global() {
            global.authored = 1;
        }
    }
}

/// `current` opened `file`, called `leaf` in `directory` (the hashes of their names), for reading: where such a file may name places
/// and nobody is known to have written this one, what it writes may say what that said.
#[inline(always)]
pub(crate) fn looked(current: &mut Current<'_>, job: &Job, file: File, [leaf, directory]: [u64; 2]) {
    if current.task.reads == 0
        || current.task.misled != 0
        || path::watch(job.policy, row::KEPT_FILE, leaf).is_none()
        || path::watch(job.policy, row::KEPT, directory).is_none()
    {
        return;
    }
    let Some(key) = file.object(current.task.job) else { return };
    // SAFETY: a word that is written whole.
    if unsafe { AUTHORS.get(&key) }.copied().unwrap_or(0) & current.task.reads == 0 {
        mislead(current);
    }
}

/// `current` opened `file`, a credential of `bits`, for reading: as in [`looked`].
#[inline(always)]
pub(crate) fn credential(current: &mut Current<'_>, file: &record::File, bits: Bits) {
    let bits = bits & current.task.reads;
    if bits == 0 || current.task.misled != 0 {
        return;
    }
    let key = key(current.task.job, file);
    // SAFETY: a word that is written whole.
    if bits & !unsafe { AUTHORS.get(&key) }.copied().unwrap_or(0) != 0 {
        mislead(current);
    }
}

#[inline(always)]
fn mislead(current: &mut Current<'_>) {
    current.task.misled = 1;
    if current.task.author != 0
        && let Some(progress) = PROGRESS.get_ptr_mut(&current.task.job)
    {
        // It had begun to write before: nothing more is told of what it writes.
        // SAFETY: bytes that only ever go from 0 to 1.
        grow(unsafe { &mut (*progress).misled }, current.task.reads);
    }
}

/// Classes of whose places `file` tells in `job`. User space asks, and what it is told may be an address.
#[inline(always)]
pub(crate) fn of(job: u32, file: &record::File) -> Bits {
    if let Some(global) = global() {
        global.learned = 1;
    }
    // SAFETY: bytes that only ever go from 0 to 1.
    let misled = unsafe { PROGRESS.get(&job) }.map_or(Bits::MAX, |progress| progress.misled.bits());
    // SAFETY: a word that is written whole.
    unsafe { AUTHORS.get(&key(job, file)) }.copied().unwrap_or(0) & !misled
}

/// `file` tells of places of `bits` in `job`, for it was there before.
#[inline(always)]
pub(crate) fn believe(job: u32, file: &record::File, bits: Bits) -> bool {
    if let Some(global) = global() {
        global.authored = 1;
    }
    AUTHORS.insert(&key(job, file), &bits, 0).is_ok()
}

#[inline(always)]
fn key(job: u32, file: &record::File) -> ObjectKey {
    let &record::File { device, inode, generation, .. } = file;
    ObjectKey { job, device, inode, generation, reserved: 0 }
}
