//! What a holder asks of a service of the host that finds names. The question that goes out is the service's own, so it cannot be
//! refused: it is said, and user space reads the name.

use crate::{
    emit::{self, now},
    file::File,
    hook::{ask::sent, call::Arguments},
    layout::{load, offset, read},
    maps::{SCAN, first_of},
    scan, socket,
    task::current,
};
use detector_common::{
    judge::Sets,
    layout::ABSENT,
    limits::SERVICE_BYTES,
    record::{Request, kind},
    service::{KNOWN, Known, WORDS},
    watch::some,
};

/// Bytes of `sockaddr_un` before the path.
const FAMILY: usize = 2;

/// Whether this kernel says who is at the other end of a unix socket.
#[inline(always)]
pub(crate) fn is_known() -> bool {
    const NONE: usize = ABSENT as usize;
    offset!(unix_peer) != NONE && offset!(unix_addr) != NONE && offset!(unix_address_name) != NONE
}

/// The number of the service that the unix socket `file` leads to; 0 for none.
#[inline(always)]
pub(crate) fn behind(file: File) -> u32 {
    peer(file).map_or(0, |path| KNOWN.iter().fold(0, |found, known| found | is(known, &path)))
}

/// The path that the other end is bound to: what a connection is accepted with has that of who listens (`unix_stream_connect` in
/// net/unix/af_unix.c). Behind its zero is whatever is there.
#[inline(always)]
fn peer(file: File) -> Option<[u64; WORDS]> {
    if !is_known() {
        return None;
    }
    let peer = read!(socket::behind(file)?, unix_peer, u64).filter(|peer| *peer != 0)?;
    let address = read!(peer, unix_addr, u64).filter(|address| *address != 0)?;
    load(address as usize + offset!(unix_address_name) + FAMILY)
}

/// The number of `known` where `path` is its; else 0.
///
/// VERIFIER: without a branch.
#[inline(always)]
fn is(known: &Known, path: &[u64; WORDS]) -> u32 {
    let words = known.words();
    let mut differs = 0;
    for n in 0..WORDS {
        differs |= (path[n] ^ words[n].0) & words[n].1;
    }
    known.number & (some(differs) as u32).wrapping_sub(1)
}

/// The call that begins sends to `service`.
#[inline(always)]
pub(crate) fn asked(service: u32, number: u64, arguments: &Arguments) {
    let Some(scan) = SCAN.get_ptr_mut(0) else { return };
    // SAFETY: this CPU's own slot; preemption is off (`event.rs`).
    let scan = unsafe { &mut *scan };
    let (buffer, one) = sent(number, arguments);
    let (len, hash) = scan::request(scan, buffer);
    let Some(current) = current() else { return };
    // What a declared reader read itself it does not spell.
    let Sets { held, own, soft, .. } = current.sets();
    let carried = held | soft;
    let whole = one & (some(len ^ buffer.len) ^ 1);
    let which = u64::from(service) << 8 | whole | 7 << 32;
    if carried | own == 0 || !first_of(current.task.holder, [which, hash, carried, own, len]) {
        return;
    }
    let header = emit::header(kind::REQUEST, &current, now());
    let Some(mut record) = emit::reserve::<Request>() else { return };
    // SAFETY: the reserved bytes are this call's own until they are submitted; all of them are written.
    unsafe {
        let to = record.as_mut_ptr();
        (&raw mut (*to).header).write(header);
        (&raw mut (*to).held).write(carried);
        (&raw mut (*to).service).write(service);
        (&raw mut (*to).len).write(len as u32);
        (&raw mut (*to).whole).write(whole as u32);
        (&raw mut (*to).reserved).write(0);
        let bytes = (&raw mut (*to).bytes).cast::<u64>();
        for n in 0..SERVICE_BYTES / 8 {
            bytes.add(n).write_volatile(scan.request(n));
        }
    }
    record.submit(0);
}
