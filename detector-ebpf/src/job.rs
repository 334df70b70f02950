//! Jobs and their policy.

use crate::{
    maps::{DESTINATIONS, JOBS},
    task::grow,
};
use aya_ebpf::maps::lpm_trie::Key;
use detector_common::{
    destination::{DestinationKey, FIXED_BITS},
    set::Bits,
    state::Job,
};

/// The job's entry.
#[inline(always)]
pub(crate) fn find(job: u32) -> Option<&'static Job> {
    // SAFETY: user space writes an entry whole before any process of the job exists.
    unsafe { JOBS.get(&job) }
}

/// What the job as a whole holds.
#[inline(always)]
pub(crate) fn coarse(job: u32) -> Bits {
    find(job).map_or(0, |job| job.coarse.bits())
}

/// The job as a whole holds `bits`, since there is no room to say who does.
#[inline(always)]
pub(crate) fn coarsen(job: u32, bits: Bits) {
    if let Some(job) = JOBS.get_ptr_mut(&job) {
        // SAFETY: bytes that only ever go from 0 to 1.
        grow(unsafe { &mut (*job).coarse }, bits);
    }
}

/// Classes that `policy` lets be spent at `address` (IPv4 mapped) and `port` (host byte order), by the declared program `reader`;
/// 0 for anyone.
#[inline(always)]
pub(crate) fn accepted(policy: u32, address: &[u8; 16], port: u16, reader: u16) -> Bits {
    let mut key = Key::new(FIXED_BITS + 128, DestinationKey { policy, port: 0, reader, address: *address });
    let mut accepted = DESTINATIONS.get(&key).map_or(0, |row| row.accepted);
    if port != 0 {
        key.data.port = port;
        accepted |= DESTINATIONS.get(&key).map_or(0, |row| row.accepted);
    }
    accepted
}
