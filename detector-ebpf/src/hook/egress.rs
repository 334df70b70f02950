//! Packets on their way out: the last and only hook that every send passes, retransmissions too.

use crate::{
    emit::{self, now},
    hook::packet::{Packet, Way},
    job,
    maps::{ASKERS, EGRESS_STEPS, PENDING, SOCKETS, count, forget, global},
    resolver,
    socket::{Remote, tally},
};
use aya_ebpf::{EbpfContext, helpers::generated::bpf_get_socket_cookie, programs::SkBuffContext};
use detector_common::{
    counter::Counter,
    identity::ProcessId,
    record::{Drop, Header, kind},
    set::Bits,
    state::Socket,
};

/// What lets a packet go.
pub(crate) const PASS: i32 = 1;
/// What drops it.
pub(crate) const DROP: i32 = 0;

/// A packet of some socket. Runs from timers and softirq too, so the socket's mark decides, never the task.
#[inline(always)]
pub(crate) fn packet(ctx: &SkBuffContext) -> i32 {
    let Some(global) = global() else { return PASS };
    if global.marked | global.asking == 0 {
        return PASS;
    }
    // SAFETY: the hook's own context.
    let cookie = unsafe { bpf_get_socket_cookie(ctx.as_ptr()) };
    let mark = mark(ctx, cookie);
    if mark.is_none() && (global.asking == 0 || ASKERS.get_ptr_mut(&cookie).is_none()) {
        return PASS;
    }
    let packet = Packet::of(ctx, Way::Out);
    if packet.is_some_and(|packet| resolver::at(&packet.remote.address, packet.remote.port).is_some()) {
        step(ctx, Step::Read);
    }
    let Some(mark) = mark else {
        // Options that hide what is asked, or that lead elsewhere than to the end of the socket: it is looked at all the same.
        step(ctx, Step::Read);
        return PASS;
    };
    let Some(job) = job::find(mark.job) else { return PASS };
    let Some(Packet { remote, .. }) = packet else {
        count(Counter::Unread);
        // What cannot be read cannot be accepted.
        return if job.enforce != 0 { DROP } else { PASS };
    };
    let leak = mark.carried.bits() & !job::accepted((mark.job, job.policy), &remote.address, remote.port, 0);
    if leak == 0 {
        return PASS;
    }
    let denied = job.enforce != 0 && leak & job.deny != 0;
    let bytes = ctx.len();
    tally(mark, bytes);
    if mark.said == 0 {
        mark.said = 1;
        count(Counter::Leaks);
        say(mark, cookie, &remote, leak, denied, bytes);
    }
    if !denied {
        return PASS;
    }
    mark.quarantined = 1;
    count(Counter::Dropped);
    DROP
}

/// What a packet goes on with, by its place in [`EGRESS_STEPS`].
#[derive(Clone, Copy)]
pub(crate) enum Step {
    /// A message to a name server is read.
    Read = 0,
    /// It is judged.
    Judge = 1,
}

/// Goes on with `step`, and does not come back.
#[inline(always)]
pub(crate) fn step(ctx: &SkBuffContext, step: Step) {
    // SAFETY: the programs in the map are of this hook.
    unsafe { EGRESS_STEPS.tail_call(ctx, step as u32) };
    count(Counter::Unread);
}

/// The mark of the packet's socket.
#[inline(always)]
pub(crate) fn mark(ctx: &SkBuffContext, cookie: u64) -> Option<&'static mut Socket> {
    let mark = match SOCKETS.get_ptr_mut(&cookie) {
        Some(mark) => mark,
        None if global()?.pending != 0 => adopt(ctx, cookie)?,
        None => return None,
    };
    // SAFETY: words of a preallocated map.
    Some(unsafe { &mut *mark })
}

/// A socket that had no cookie when it was marked has one now.
#[inline(always)]
fn adopt(ctx: &SkBuffContext, cookie: u64) -> Option<*mut Socket> {
    // SAFETY: the hook's own context; the pointer is used as a number.
    let sk = unsafe { core::ptr::read_volatile(&raw const (*ctx.skb.skb).__bindgen_anon_2.sk) } as u64;
    let pending = PENDING.get_ptr_mut(&sk)?;
    // SAFETY: an entry that its sender wrote whole.
    if SOCKETS.insert(&cookie, unsafe { &*pending }, 0).is_err() {
        // No room: it stays where it is, and judged it is all the same.
        return Some(pending);
    }
    forget(&PENDING, &sk);
    SOCKETS.get_ptr_mut(&cookie)
}

#[inline(always)]
fn say(mark: &Socket, cookie: u64, remote: &Remote, leak: Bits, denied: bool, bytes: u32) {
    let header = Header {
        kind: kind::DROP,
        cpu: 0,
        job: mark.job,
        time: now(),
        process: ProcessId { start: mark.start, pid: mark.pid, reserved: 0 },
        holder: mark.holder,
        thread: mark.pid,
        step: mark.step,
    };
    let record =
        Drop { header, address: remote.address, cookie, leak, port: remote.port, denied: u16::from(denied), bytes };
    emit::secret(&record, size_of::<Drop>() as u64);
}
