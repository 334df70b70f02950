//! Records on their way out.

use crate::{
    maps::{NETWORK_RING, PROCESS_RING, SECRET_RING, count},
    task::Current,
};
use aya_ebpf::{
    helpers::{bpf_get_smp_processor_id, bpf_ktime_get_boot_ns, bpf_ktime_get_ns},
    maps::{RingBuf, ring_buf::RingBufEntry},
};
use detector_common::{counter::Counter, identity::ProcessId, record::Header};

/// `CLOCK_BOOTTIME`, nanoseconds. 5.8.
#[inline(always)]
pub(crate) fn now() -> u64 {
    // SAFETY: takes nothing.
    unsafe { bpf_ktime_get_boot_ns() }
}

/// `CLOCK_MONOTONIC`, nanoseconds.
#[inline(always)]
pub(crate) fn monotonic() -> u64 {
    // SAFETY: takes nothing.
    unsafe { bpf_ktime_get_ns() }
}

/// The head of a record of `kind` about what `current` does at `time`.
#[inline(always)]
pub(crate) fn header(kind: u16, current: &Current<'_>, time: u64) -> Header {
    Header {
        kind,
        // SAFETY: takes nothing.
        cpu: unsafe { bpf_get_smp_processor_id() } as u16,
        job: current.task.job,
        time,
        process: ProcessId { start: current.task.start, pid: current.pid, reserved: 0 },
        holder: current.task.holder,
        thread: current.thread,
        step: current.task.step,
    }
}

/// Says `record` on the ring of processes.
#[inline(always)]
pub(crate) fn process<T>(record: &T, len: u64) {
    output(&PROCESS_RING, record, len, Counter::LostProcess);
}

/// Says `record` on the ring that noise cannot fill.
#[inline(always)]
pub(crate) fn secret<T>(record: &T, len: u64) {
    output(&SECRET_RING, record, len, Counter::LostSecret);
}

/// Says `record` on the ring of connections and failed opens.
#[inline(always)]
pub(crate) fn network<T>(record: &T, len: u64) {
    output(&NETWORK_RING, record, len, Counter::LostNetwork);
}

/// Room for a record on the ring that noise cannot fill.
#[inline(always)]
pub(crate) fn reserve<T>() -> Option<RingBufEntry<T>> {
    room(&SECRET_RING, Counter::LostSecret)
}

#[inline(always)]
fn room<T>(ring: &'static RingBuf, lost: Counter) -> Option<RingBufEntry<T>> {
    let entry = ring.reserve::<T>(0);
    if entry.is_none() {
        count(lost);
    }
    entry
}

#[inline(always)]
fn output<T>(ring: &'static RingBuf, record: &T, len: u64, lost: Counter) {
    // SAFETY: the record outlives the call; `len` is at most its size, which the verifier checks.
    let result = unsafe {
        aya_ebpf::helpers::bpf_ringbuf_output(
            core::ptr::from_ref(ring).cast_mut().cast(),
            core::ptr::from_ref(record).cast_mut().cast(),
            len,
            0,
        )
    };
    if result != 0 {
        count(lost);
    }
}
