//! Packets on their way out: the last and only hook that every send passes, retransmissions too.

use crate::{
    abi::{IPPROTO_TCP, IPPROTO_UDP},
    emit::{self, now},
    job,
    maps::{PENDING, SOCKETS, count, forget, global},
    socket::{Remote, tally},
};
use aya_ebpf::{EbpfContext, helpers::generated::bpf_get_socket_cookie, programs::SkBuffContext};
use detector_common::{
    counter::Counter,
    destination::mapped,
    identity::ProcessId,
    record::{Drop, Header, kind},
    set::Bits,
    state::Socket,
};

const PASS: i32 = 1;
const DROP: i32 = 0;

/// A packet of some socket. Runs from timers and softirq too, so the socket's mark decides, never the task.
#[inline(always)]
pub(crate) fn packet(ctx: &SkBuffContext) -> i32 {
    let Some(global) = global() else { return PASS };
    if global.marked == 0 {
        return PASS;
    }
    // SAFETY: the hook's own context.
    let cookie = unsafe { bpf_get_socket_cookie(ctx.as_ptr()) };
    let mark = match SOCKETS.get_ptr_mut(&cookie) {
        Some(mark) => mark,
        None if global.pending != 0 => match adopt(ctx, cookie) {
            Some(mark) => mark,
            None => return PASS,
        },
        None => return PASS,
    };
    // SAFETY: words of a preallocated map.
    let mark = unsafe { &mut *mark };
    let Some(job) = job::find(mark.job) else { return PASS };
    let Some(remote) = remote(ctx) else {
        count(Counter::Unread);
        // What cannot be read cannot be accepted.
        return if job.enforce != 0 { DROP } else { PASS };
    };
    let leak = mark.carried.bits() & !job::accepted(job.policy, &remote.address, remote.port, 0);
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

/// Where the packet leads. A protocol without ports has port 0: only rows for any port accept it.
#[inline(always)]
fn remote(ctx: &SkBuffContext) -> Option<Remote> {
    let version = ctx.load::<u8>(0).ok()?;
    let (address, protocol, transport) = if version >> 4 == 4 {
        let address = mapped(ctx.load::<[u8; 4]>(16).ok()?);
        (address, ctx.load::<u8>(9).ok()?, usize::from(version & 0xf) * 4)
    } else {
        (ctx.load::<[u8; 16]>(24).ok()?, ctx.load::<u8>(6).ok()?, 40)
    };
    let protocol = u32::from(protocol);
    let port = if protocol == IPPROTO_TCP || protocol == IPPROTO_UDP {
        u16::from_be(ctx.load::<u16>(transport + 2).ok()?)
    } else {
        0
    };
    Some(Remote { address, port, family: 0, protocol: protocol as u16 })
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
