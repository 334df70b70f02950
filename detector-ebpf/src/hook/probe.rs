//! Probes, at the exit of the call: a process asks whether a watched name is there, or fails to open it. Nothing was
//! resolved where it is not, so the string that the caller wrote is all there is.

use crate::{
    abi,
    emit::{self, now},
    job,
    layout::read,
    maps::{ATTEMPT, Attempted, TAIL, first},
    path,
    task::{Current, current_struct},
};
use aya_ebpf::helpers::generated::{bpf_probe_read_user, bpf_probe_read_user_str};
use detector_common::{
    limits::{ATTEMPT_BYTES, NAME_BYTES},
    record::{Attempt, kind, probe},
    watch::{ANY, CHAIN, Component, below, chain, gate, hash, kind as row},
};

/// Which family a call that names a file is of, and which of its arguments is the name. Other calls cost a few
/// comparisons.
#[inline(always)]
pub(crate) fn named(number: u64) -> Option<(u32, usize)> {
    Some(match number {
        abi::OPEN | abi::CREAT => (probe::OPEN, 0),
        abi::OPENAT | abi::OPENAT2 | abi::OPEN_BY_HANDLE_AT => (probe::OPEN, 1),
        abi::STAT | abi::LSTAT => (probe::STAT, 0),
        abi::NEWFSTATAT | abi::STATX => (probe::STAT, 1),
        abi::ACCESS => (probe::ACCESS, 0),
        abi::FACCESSAT | abi::FACCESSAT2 => (probe::ACCESS, 1),
        abi::READLINK => (probe::READLINK, 0),
        abi::READLINKAT => (probe::READLINK, 1),
        _ => return None,
    })
}

/// `call` on the string at `name` returned `result`. It is recorded when the last or last but one component of the string
/// is watched.
#[inline(always)]
pub(crate) fn returned(current: &Current<'_>, call: u32, name: u64, result: i64) {
    let Some(job) = job::find(current.task.job) else { return };
    let policy = job.policy;
    let Some(attempted) = ATTEMPT.get_ptr_mut(0) else { return };
    // SAFETY: this CPU's own slot; preemption is off (`event.rs`).
    let Attempted { record, tail, name: component_name, chains } = unsafe { &mut *attempted };
    // SAFETY: at most the size of the array.
    let len =
        unsafe { bpf_probe_read_user_str(record.path.as_mut_ptr().cast(), ATTEMPT_BYTES as u32, name as *const _) };
    // The string counts its ending zero. Without one (`fstat` by AT_EMPTY_PATH) the caller has the file open already; a
    // string that is not there is an error of the caller, not ours.
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
    // Where the last three components start: behind a slash each.
    let mut slashes = 0;
    for (i, word) in tail.iter().enumerate() {
        slashes |= where_slash(*word) << (i * 8);
    }
    slashes &= u64::MAX >> (TAIL as u64 - end);
    let (last, slashes) = highest(slashes);
    let (before, slashes) = highest(slashes);
    let (third, _) = highest(slashes);
    let at = name + start;
    let leaf = component(at + last, end.wrapping_sub(last), component_name).unwrap_or(0);
    let (first_bytes, last_bytes) = path::edges(component_name);
    let parent = component(at + before, between(before, last), component_name).unwrap_or(0);
    let mut odd = is_odd(component_name, before, last);
    // VERIFIER: every gate is asked, as in `path::gate`.
    let of = |kind: u32, hash: u64| path::watch(policy, kind, hash).map_or(0, |row| row.gate);
    let gates = of(row::LEAF, leaf) | of(row::START, first_bytes) | of(row::END, last_bytes) | of(row::PARENT, parent);
    let proc = call == probe::OPEN && path::watch(policy, row::PROC, leaf).is_some();
    if gates & gate::PROBE == 0 && !proc {
        return;
    }
    let above = component(at + third, between(third, before), component_name).unwrap_or(0);
    // `.aws//credentials`, `.aws/./credentials`, and what lies before the tail: only the engine can tell.
    odd |= is_odd(component_name, third, before) | below(third, 1) & below(0, start);
    let mut tried = gates & gate::ALONE | u32::from(proc) | odd as u32;
    for (i, leaf) in [leaf, ANY, first_bytes].into_iter().enumerate() {
        for (j, parent) in [parent, ANY].into_iter().enumerate() {
            let two = chain(chain(CHAIN, leaf), parent);
            chains[i * 4 + j * 2] = two;
            // Of a component that is not there, the chain is nobody's.
            chains[i * 4 + j * 2 + 1] = chain(two, above);
        }
    }
    for chain in chains.iter() {
        tried |= of(row::TRIED, *chain);
    }
    if tried == 0 {
        return;
    }
    // By whichever call: who asks and then opens has tried it once.
    let errno = if result < 0 { result.unsigned_abs() as u32 } else { 0 };
    if !first(current.task.holder, [leaf, parent, len, u64::from(errno)]) {
        return;
    }
    record.header = emit::header(kind::ATTEMPT, current, now());
    record.errno = errno;
    record.len = len as u32;
    record.call = call;
    let level = read!(current_struct(), task_thread_pid, u64).and_then(|own| read!(own, pid_level, u32));
    record.nested = u32::from(level != Some(0));
    emit::network(record, size_of::<Attempt>() as u64);
}

/// A bit for each byte of `word` that is a slash.
///
/// VERIFIER: without branches, here and in `highest`; and byte by byte it was a thousand instructions.
#[inline(always)]
fn where_slash(word: u64) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let other = word ^ 0x2f2f_2f2f_2f2f_2f2f;
    let zero = !(((other & LOW) + LOW) | other | LOW);
    (zero >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// The highest bit of `bits`, counted from 1 (0: there is none), and the others.
#[inline(always)]
fn highest(bits: u64) -> (u64, u64) {
    let mut below = bits;
    for shift in [1, 2, 4, 8, 16, 32] {
        below |= below >> shift;
    }
    let pairs = below - ((below >> 1) & 0x5555_5555_5555_5555);
    let fours = (pairs & 0x3333_3333_3333_3333) + ((pairs >> 2) & 0x3333_3333_3333_3333);
    let count = ((fours + (fours >> 4)) & 0x0f0f_0f0f_0f0f_0f0f).wrapping_mul(0x0101_0101_0101_0101) >> 56;
    (count, bits & (below >> 1))
}

/// Length of the component from `start` on, where the one behind it starts at `next`.
#[inline(always)]
fn between(start: u64, next: u64) -> u64 {
    next.saturating_sub(start + 1)
}

/// 1 where that component, read into `name`, is empty, `.` or `..`, and not the root's.
#[inline(always)]
fn is_odd(name: &Component, start: u64, next: u64) -> u64 {
    let len = between(start, next);
    let dots = below(u64::from(name.name[0] ^ b'.'), 1) & below(len, 3);
    below(1, next) & (below(len, 1) | dots)
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
