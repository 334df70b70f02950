//! Who wrote the files that name places of their own: only what declared readers of a class wrote, from the first byte on, tells where
//! its secrets may be spent.

use crate::{
    file::File,
    job,
    layout::{load, offset, read},
    maps::{AUTHORS, HOLDERS, PROGRESS, forget, global},
    path,
    task::{Current, find, grow},
};
use detector_common::{
    identity::ObjectKey,
    judge::Sets,
    record,
    set::Bits,
    state::{Author, Holder, Job, Task},
    watch::kind as row,
};

/// Processes between the one that reads and the one that wrote, with the first: `git clone` starts `git`, which starts what speaks
/// the protocol.
const GENERATIONS: usize = 4;

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
    let before = author(&key);
    let known = before.map_or(0, |author| author.bits);
    let writers = load::<u32>(file.inode as usize + offset!(inode_writers)).unwrap_or(0);
    let fresh =
        read!(file.inode, inode_size, u64) == Some(0) && path::watch(job.policy, row::KEPT, directory).is_some();
    let bits = tells & if fresh { Bits::MAX } else { known };
    if bits == 0 || writers != 1 {
        if known != 0 {
            forget(&AUTHORS, &key);
        }
        return;
    }
    let again = before.is_some_and(|author| author.pid == current.pid && author.start == current.task.start);
    let alone = (fresh || again) && holds_nothing(current.task);
    let (pid, start) = if alone { (current.pid, current.task.start) } else { (0, 0) };
    // Without room it is nobody's, which is no worse.
    if AUTHORS.insert(&key, &Author { bits, start, pid, reserved: 0 }, 0).is_ok() {
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
    if told(&key) & current.task.reads == 0 {
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
    if bits & !told(&key) != 0 {
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
    told(&key(job, file)) & !misled
}

/// `file` tells of places of `bits` in `job`, for it was there before.
#[inline(always)]
pub(crate) fn believe(job: u32, file: &record::File, bits: Bits) -> bool {
    if let Some(global) = global() {
        global.authored = 1;
    }
    AUTHORS.insert(&key(job, file), &Author { bits, ..Author::default() }, 0).is_ok()
}

/// Whether `current`, a declared reader of `bits`, wrote the file of `key` itself, or who started it did, as one of theirs that holds
/// nothing to this day: then it reads what its own lineage knew anyway, as git does that clones and asks the remote in the
/// configuration that it has just written. Another program could keep the file mapped for what comes later.
#[inline(always)]
pub(crate) fn reads_back(current: &Current<'_>, key: &ObjectKey, bits: Bits) -> bool {
    if global().is_none_or(|global| global.authored == 0) {
        return false;
    }
    let Some(author) = author(key) else { return false };
    let (pid, start) = (author.pid, author.start);
    if pid == 0 || current.task.injected != 0 || bits & !(author.bits & current.task.reads) != 0 {
        return false;
    }
    let mut at = (current.pid, current.task.start, current.task.parent);
    for _ in 0..GENERATIONS {
        if at.0 == pid {
            break;
        }
        let Some(task) = find(at.2).filter(|task| task.start <= at.1) else { return false };
        at = (at.2, task.start, task.parent);
    }
    at.0 == pid && at.1 == start && find(pid).is_some_and(|task| holds_nothing(task))
}

/// VERIFIER: not by its sets, which would be made bit by bit: 5.10 and 6.1 count the stack of three functions.
#[inline(always)]
fn holds_nothing(task: &Task) -> bool {
    // SAFETY: bytes that only ever go from 0 to 1.
    let Some(Holder { held, own, soft, inherited }) = (unsafe { HOLDERS.get(&task.holder) }) else {
        return job::coarse(task.job) == 0;
    };
    let mut any = 0;
    for n in 0..held.words.len() {
        any |= held.words[n] | own.words[n] | soft.words[n] | inherited.words[n];
    }
    any | job::coarse(task.job) == 0
}

/// Classes of whose places the file of `key` tells.
#[inline(always)]
fn told(key: &ObjectKey) -> Bits {
    author(key).map_or(0, |author| author.bits)
}

#[inline(always)]
fn author(key: &ObjectKey) -> Option<&'static Author> {
    // SAFETY: an entry that is written whole.
    unsafe { AUTHORS.get(key) }
}

#[inline(always)]
pub(crate) fn key(job: u32, file: &record::File) -> ObjectKey {
    let &record::File { device, inode, generation, .. } = file;
    ObjectKey { job, device, inode, generation, reserved: 0 }
}
