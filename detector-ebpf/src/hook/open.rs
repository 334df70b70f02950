//! Opens, at the exit of the call: the file that was really opened, not the string that was asked for.

use crate::{
    abi,
    emit::{self, now},
    file::File,
    flow,
    hook::memory,
    job,
    layout::read,
    maps::{ATTEMPT, Attempted, OPEN, Opened, TAIL, count, first},
    path,
    task::{Current, armed, join},
};
use aya_ebpf::helpers::generated::{bpf_probe_read_user, bpf_probe_read_user_str};
use core::mem::offset_of;
use detector_common::{
    counter::Counter,
    limits::{ATTEMPT_BYTES, NAME_BYTES},
    record::{Attempt, Open, kind},
    watch::{Component, below, gate, hash, kind as row},
};

/// An open returned `result`; `name` is the string it was given.
#[inline(always)]
pub(crate) fn returned(current: &Current<'_>, name: u64, result: i64) {
    count(Counter::Opens);
    let Some(job) = job::find(current.task.job) else { return };
    if result < 0 {
        return attempt(current, job.policy, name, result);
    }
    let Some(file) = File::of_descriptor(result as u64) else { return count(Counter::Unread) };
    // Whoever opens what a holder wrote is about to have it, by whatever call.
    let opened = read!(file.address, file_mode, u32).unwrap_or(abi::FMODE_READ);
    if opened & abi::FMODE_READ != 0 && armed() && flow::carries(file) {
        flow::take(current, file);
    }
    let Some(dentry) = read!(file.address, file_dentry, u64) else { return count(Counter::Unread) };
    let Some(opening) = OPEN.get_ptr_mut(0) else { return };
    // SAFETY: this CPU's own slot; tracepoints run with preemption off.
    let opening: &mut Opened = unsafe { &mut *opening };
    let Some(mount) = read!(file.address, file_mnt, u64) else { return count(Counter::Unread) };
    let place = path::named(dentry, mount);
    let Some(leaf) = name_of(place.0, &mut opening.record.path.components[0]) else { return count(Counter::Unread) };
    let sb = read!(file.inode, inode_sb, u64).unwrap_or(0);
    if read!(sb, sb_magic, u64) == Some(abi::PROC_SUPER_MAGIC) {
        if let Some(gate) = path::watch(job.policy, row::PROC, leaf) {
            memory::opened(current, job, file, gate.door);
        }
        return;
    }
    if path::gate(job.policy, place, leaf, opened, &mut opening.record.path) {
        resolve(current, job.policy, file, place, opened, opening);
    }
}

/// Hash of the name of `dentry`.
#[inline(always)]
fn name_of(dentry: u64, into: &mut Component) -> Option<u64> {
    path::name(dentry, into)?;
    Some(hash(path::words(into)))
}

/// The gate was passed: walk the path and decide.
#[inline(always)]
fn resolve(current: &Current<'_>, policy: u32, file: File, place: (u64, u64), opened: u32, opening: &mut Opened) {
    let record = &mut opening.record;
    let (dentry, mount) = place;
    path::walk(dentry, mount, &mut record.path);
    if record.path.cut != 0 {
        count(Counter::PathCut);
    }
    let (bits, sdk) = path::classes(policy, dentry, opened, &record.path, &mut opening.leaf, &mut opening.chains);
    if bits | sdk == 0 {
        return;
    }
    let Some(identity) = file.identity() else { return count(Counter::Unread) };
    let time = now();
    if opened & abi::FMODE_READ != 0 {
        join(current.task.holder, current.task.job, bits);
    }
    let object = u64::from(identity.device) << 32 | u64::from(identity.generation);
    // A program opens many files of one SDK.
    let (object, inode) = if bits == 0 { (sdk, 0) } else { (object, identity.inode) };
    if !first(current.task.holder, [object, inode, u64::from(opened & 3) | 1 << 32, bits]) {
        return;
    }
    record.header = emit::header(kind::OPEN, current, time);
    record.bits = bits;
    record.sdk = sdk;
    record.file = identity;
    record.access = opened & 3;
    record.reserved = 0;
    let used = offset_of!(Open, path.components) as u64 + path::bytes(&record.path);
    emit::secret(record, path::at_most::<{ size_of::<Open>() as u64 }>(used));
}

/// A failed open is recorded when the last or last but one component of the string is watched.
#[inline(always)]
fn attempt(current: &Current<'_>, policy: u32, name: u64, result: i64) {
    let Some(attempted) = ATTEMPT.get_ptr_mut(0) else { return };
    // SAFETY: as in `returned`.
    let Attempted { record, tail, name: component_name } = unsafe { &mut *attempted };
    // SAFETY: at most the size of the array.
    let len =
        unsafe { bpf_probe_read_user_str(record.path.as_mut_ptr().cast(), ATTEMPT_BYTES as u32, name as *const _) };
    // The string counts its ending zero; a path that is not there is an error of the caller, not ours.
    if len <= 1 || len > ATTEMPT_BYTES as i64 {
        return;
    }
    let len = len as u64 - 1;
    let start = len.saturating_sub(TAIL as u64);
    // SAFETY: the size of the array; bytes behind the string's end are not looked at.
    if unsafe { bpf_probe_read_user(tail.as_mut_ptr().cast(), TAIL as u32, (name + start) as *const _) } != 0 {
        return;
    }
    let end = len - start;
    let (mut last, mut before) = (0u64, 0u64);
    for (i, byte) in tail.iter().enumerate() {
        // VERIFIER: without branches, so that the loop's state depends on the number of the step alone.
        let slash = below(u64::from(*byte ^ b'/'), 1) & below(i as u64, end);
        let mask = slash.wrapping_neg();
        before = (before & !mask) | (last & mask);
        last = (last & !mask) | ((i as u64 + 1) & mask);
    }
    let leaf = component(name + start + last, end.wrapping_sub(last), component_name).unwrap_or(0);
    let parent = if last > before {
        component(name + start + before, last - before - 1, component_name).unwrap_or(0)
    } else {
        0
    };
    let watched = path::passes(policy, row::LEAF, leaf, gate::PROBE)
        || path::watch(policy, row::PROC, leaf).is_some()
        || path::passes(policy, row::PARENT, parent, gate::PROBE);
    if !watched || !first(current.task.holder, [leaf, parent, len, result as u64]) {
        return;
    }
    record.header = emit::header(kind::ATTEMPT, current, now());
    record.errno = result.unsigned_abs() as u32;
    record.len = len as u32;
    emit::network(record, size_of::<Attempt>() as u64);
}

/// Hash of the component of `len` bytes at a user address.
#[inline(always)]
fn component(at: u64, len: u64, name: &mut Component) -> Option<u64> {
    path::clear(name);
    if len == 0 || len > NAME_BYTES as u64 {
        return None;
    }
    name.len = len as u16;
    // SAFETY: at most NAME_BYTES into an array of as many.
    let result = unsafe {
        bpf_probe_read_user(
            name.name.as_mut_ptr().cast(),
            path::at_most::<{ NAME_BYTES as u64 }>(len) as u32,
            at as *const _,
        )
    };
    (result == 0).then(|| hash(path::words(name)))
}
