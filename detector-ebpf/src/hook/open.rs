//! Opens, at the exit of the call: the file that was really opened, not the string that was asked for.

use crate::{
    abi, author,
    emit::{self, now},
    file::File,
    flow,
    hook::memory,
    job,
    layout::read,
    maps::{OPEN, Opened, count, first},
    path, program,
    task::{Current, armed},
};
use core::mem::offset_of;
use detector_common::{
    counter::Counter,
    record::{Open, kind},
    state::Job,
    watch::{Component, hash, kind as row},
};

/// An open returned the descriptor `fd`. One that failed is looked at in [`super::probe`].
#[inline(always)]
pub(crate) fn returned(current: &mut Current<'_>, fd: u64) {
    let Some(file) = File::of_descriptor(fd) else { return count(Counter::Unread) };
    opened(current, file);
}

/// `file` was opened.
///
/// VERIFIER: what is long comes first, and leaves what it found in memory: it is followed again for each way that leads to it.
#[inline(always)]
pub(crate) fn opened(current: &mut Current<'_>, file: File) {
    let Some(job) = job::find(current.task.job) else { return };
    let Some(opened) = read!(file.address, file_mode, u32) else { return count(Counter::Unread) };
    let Some(dentry) = read!(file.address, file_dentry, u64) else { return count(Counter::Unread) };
    let Some(mount) = read!(file.address, file_mnt, u64) else { return count(Counter::Unread) };
    let Some(opening) = OPEN.get_ptr_mut(0) else { return };
    // SAFETY: this CPU's own slot; preemption is off (`event.rs`).
    let opening: &mut Opened = unsafe { &mut *opening };
    let place = path::named(dentry, mount);
    let Some(leaf) = name_of(place.0, &mut opening.record.path.components[0]) else { return count(Counter::Unread) };
    (opening.record.bits, opening.record.sdk) = (0, 0);
    let known = file.identity().map_or(0, |file| program::known(job.policy, &file));
    if path::gate(job.policy, place, leaf, opened, &mut opening.record.path) | (known != 0) {
        path::walk(place.0, place.1, &mut opening.record.path);
        let Opened { record, leaf, chains } = opening;
        (record.bits, record.sdk) = path::classes(job.policy, place.0, opened, &record.path, leaf, chains);
    }
    opening.record.bits |= known;
    // Whoever opens what a holder wrote is about to have it, by whatever call.
    if opened & abi::FMODE_READ != 0 && armed() && flow::carries(file) {
        flow::take(current, file, false);
    }
    let sb = read!(file.inode, inode_sb, u64).unwrap_or(0);
    let door = if read!(sb, sb_magic, u64) == Some(abi::PROC_SUPER_MAGIC) {
        path::watch(job.policy, row::PROC, leaf).map_or(0, |gate| gate.door)
    } else {
        memory::device(file)
    };
    if door != 0 {
        return memory::opened(current, job, file, door);
    }
    let directory = hash(path::words(&opening.record.path.components[1]));
    if opened & abi::FMODE_READ != 0 {
        program::confirm(current, job, file, leaf);
        author::looked(current, job, file, [leaf, directory]);
    }
    if opened & abi::FMODE_WRITE != 0 {
        let words = path::words(&opening.record.path.components[0]);
        // Its name begins behind two bytes of length.
        program::written(current, job, file, leaf, words[0] >> 16 | words[1] << 48);
        author::written(current, job, file, directory);
    }
    if opening.record.bits | opening.record.sdk != 0 {
        watched(current, job, file, opened, &mut opening.record);
    }
}

/// Hash of the name of `dentry`.
#[inline(always)]
fn name_of(dentry: u64, into: &mut Component) -> Option<u64> {
    path::name(dentry, into)?;
    Some(hash(path::words(into)))
}

/// The file is of a class, or of the SDK of one.
#[inline(always)]
fn watched(current: &mut Current<'_>, job: &Job, file: File, opened: u32, record: &mut Open) {
    if record.path.cut != 0 {
        count(Counter::PathCut);
    }
    let Some(identity) = file.identity() else { return count(Counter::Unread) };
    let sdk = record.sdk;
    let bits = record.bits | flow::credential(current.task.job, &identity);
    let time = now();
    let joinable = bits & !job.observe;
    let back =
        opened & abi::FMODE_READ != 0 && author::reads_back(current, &author::key(current.task.job, &identity), bits);
    // Marked it is all the same, and not read.
    let access = opened & 3 & !(u32::from(back) * abi::FMODE_READ);
    let reads = access & abi::FMODE_READ != 0;
    let mut news = flow::mark(current, file, joinable, time);
    if reads {
        author::credential(current, &identity, bits);
        // Said once: what the process opens by it is said on its own.
        news |= sdk & !current.task.sdk != 0;
        current.task.sdk |= sdk;
        if joinable != 0 {
            current.join(&current.reader().opens(joinable));
        }
    }
    let object = u64::from(identity.device) << 32 | u64::from(identity.generation);
    let first = bits != 0 && first(current.task.holder, [object, identity.inode, u64::from(access) | 1 << 32, bits]);
    if !news && !first {
        return;
    }
    record.header = emit::header(kind::OPEN, current, time);
    record.bits = bits;
    record.file = identity;
    record.access = access;
    record.reserved = 0;
    let used = offset_of!(Open, path.components) as u64 + path::bytes(&record.path);
    emit::secret(record, path::at_most::<{ size_of::<Open>() as u64 }>(used));
}
