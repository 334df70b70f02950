//! Jobs and their policy.

use crate::{
    maps::{ADDRESSES, DESTINATIONS, JOBS, PROGRESS, global},
    task::grow,
};
use aya_ebpf::maps::lpm_trie::Key;
use detector_common::{
    destination::{DestinationKey, FIXED_BITS, OWN},
    host::AddressKey,
    set::{Bits, GrowingSet},
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
    // SAFETY: bytes that only ever go from 0 to 1.
    unsafe { PROGRESS.get(&job) }.map_or(0, |progress| progress.coarse.bits())
}

/// The job as a whole holds `bits`, since there is no room to say who does.
#[inline(always)]
pub(crate) fn coarsen(job: u32, bits: Bits) {
    if let Some(progress) = PROGRESS.get_ptr_mut(&job) {
        // SAFETY: bytes that only ever go from 0 to 1.
        grow(unsafe { &mut (*progress).coarse }, bits);
    }
}

/// Classes that `policy` lets be spent by `job` at `address` (IPv4 mapped) and `port` (host byte order), by the declared program
/// `reader`, or one of those that stand for several: 0 for anyone, [`OWN`] for what a process read itself.
#[inline(always)]
pub(crate) fn accepted((job, policy): (u32, u32), address: &[u8; 16], port: u16, reader: u16) -> Bits {
    let mut key = Key::new(FIXED_BITS + 128, DestinationKey { policy, port: 0, reader, address: *address });
    let mut accepted = DESTINATIONS.get(&key).map_or(0, |row| row.accepted);
    if port != 0 {
        key.data.port = port;
        accepted |= DESTINATIONS.get(&key).map_or(0, |row| row.accepted);
    }
    if global().is_some_and(|global| global.learned != 0) {
        let mut key = AddressKey { job, port: 0, reader, address: *address };
        // SAFETY: bytes only ever go from 0 to 1.
        accepted |= unsafe { ADDRESSES.get(&key) }.map_or(0, GrowingSet::bits);
        if port != 0 {
            key.port = port;
            // SAFETY: as above.
            accepted |= unsafe { ADDRESSES.get(&key) }.map_or(0, GrowingSet::bits);
        }
    }
    accepted
}

/// As [`accepted`], of what a process of the declared program `reader` (0 for none) read itself.
#[inline(always)]
pub(crate) fn accepted_for_reader(whose: (u32, u32), address: &[u8; 16], port: u16, reader: u16) -> Bits {
    let own = accepted(whose, address, port, OWN);
    if reader == 0 { own } else { own | accepted(whose, address, port, reader) }
}
