//! Sockets: made, connected, closed.

use crate::{
    abi::{AF_INET, AF_INET6, TCP_CLOSE},
    carrier,
    emit::monotonic,
    job,
    layout::read,
    maps::{ASKERS, PENDING, SOCKETS, count, forget, global},
    resolver,
    socket::{Remote, act, judge, say},
    task::{add, arm, current_by_id},
};
use aya_ebpf::{
    EbpfContext,
    helpers::generated::bpf_get_socket_cookie,
    programs::{BtfTracePointContext, SockAddrContext, SockContext},
};
use detector_common::{counter::Counter, destination::mapped, record};

const PASS: i32 = 1;
const REFUSE: i32 = 0;

/// `connect`, or a datagram with an address of its own.
#[inline(always)]
pub(crate) fn address(ctx: &SockAddrContext, hook: u32, six: bool) -> i32 {
    resolver::note_home(ctx);
    let Some(mut current) = current_by_id() else { return PASS };
    let Some(job) = job::find(current.task.job) else { return PASS };
    let remote = if six { remote6(ctx) } else { remote4(ctx) };
    if job.metadata != 0
        && remote.is_metadata()
        && let Some(global) = global()
    {
        global.asked = 1;
        arm();
    }
    // SAFETY: the hook's own context.
    let cookie = unsafe { bpf_get_socket_cookie(ctx.as_ptr()) };
    resolver::reached(ctx, &current, cookie, &remote);
    // SAFETY: bytes that only ever go from 0 to 1.
    let marked = unsafe { SOCKETS.get(&cookie) }.map_or(0, |mark| mark.carried.bits());
    let judgement = judge(&current, job, &current.sets(), marked, Some(&remote));
    act(&mut current, job, &judgement);
    say(&current, hook, cookie, &remote, &judgement, u16::from(judgement.denied));
    if hook == record::hook::SENDMSG && carrier::is_loopback_address(&remote.address) {
        carrier::give_to_port(&current, remote.port, remote.protocol);
    }
    if judgement.denied {
        count(Counter::Refused);
        return REFUSE;
    }
    PASS
}

#[inline(always)]
fn remote4(ctx: &SockAddrContext) -> Remote {
    // SAFETY: the hook's own context; each field is read whole, as the verifier asks.
    let (address, port, protocol) = unsafe {
        let ctx = ctx.sock_addr;
        (
            core::ptr::read_volatile(&raw const (*ctx).user_ip4),
            core::ptr::read_volatile(&raw const (*ctx).user_port),
            core::ptr::read_volatile(&raw const (*ctx).protocol),
        )
    };
    Remote {
        address: mapped(address.to_ne_bytes()),
        port: u16::from_be(port as u16),
        family: AF_INET,
        protocol: protocol as u16,
    }
}

#[inline(always)]
fn remote6(ctx: &SockAddrContext) -> Remote {
    // SAFETY: as in `remote4`.
    let (words, port, protocol) = unsafe {
        let ctx = ctx.sock_addr;
        (
            [
                core::ptr::read_volatile(&raw const (*ctx).user_ip6[0]),
                core::ptr::read_volatile(&raw const (*ctx).user_ip6[1]),
                core::ptr::read_volatile(&raw const (*ctx).user_ip6[2]),
                core::ptr::read_volatile(&raw const (*ctx).user_ip6[3]),
            ],
            core::ptr::read_volatile(&raw const (*ctx).user_port),
            core::ptr::read_volatile(&raw const (*ctx).protocol),
        )
    };
    let mut address = [0; 16];
    for (i, word) in words.iter().enumerate() {
        address[i * 4..i * 4 + 4].copy_from_slice(&word.to_ne_bytes());
    }
    Remote { address, port: u16::from_be(port as u16), family: AF_INET6, protocol: protocol as u16 }
}

/// A socket is made: asking for its cookie gives it one.
#[inline(always)]
pub(crate) fn created(ctx: &SockContext) -> i32 {
    // SAFETY: the hook's own context.
    unsafe { bpf_get_socket_cookie(ctx.as_ptr()) };
    PASS
}

/// The last descriptor of a socket is gone. What TCP has not sent yet it still sends, unless it is closed.
#[inline(always)]
pub(crate) fn released(ctx: &SockContext) -> i32 {
    let Some(global) = global() else { return PASS };
    if global.marked | global.asking == 0 {
        return PASS;
    }
    // SAFETY: the hook's own context.
    let cookie = unsafe { bpf_get_socket_cookie(ctx.as_ptr()) };
    if global.asking != 0 {
        forget(&ASKERS, &cookie);
    }
    let Some(mark) = SOCKETS.get_ptr_mut(&cookie) else { return PASS };
    // SAFETY: bytes of a preallocated map, that other CPUs write too; the context as above.
    unsafe {
        (*mark).last = monotonic();
        (&raw mut (*mark).released).write_volatile(1);
        add(&mut (*mark).packets, 0); // a barrier, as in `state`
        let state = core::ptr::read_volatile(&raw const (*ctx.sock).state);
        if state == TCP_CLOSE || (*mark).stream == 0 || (&raw const (*mark).closed).read_volatile() != 0 {
            forget(&SOCKETS, &cookie);
        }
    }
    PASS
}

/// A TCP socket changed its state: closed and released, it is gone, and its mark with it.
///
/// Another CPU may release it at the same time: each says first what it saw and then looks for what the other said, so that one of
/// the two takes the mark away. Where that fails (a map's bucket may be busy) the mark itself says that nothing is behind it.
#[inline(always)]
pub(crate) fn state(ctx: &BtfTracePointContext) {
    let (before, after) = (ctx.arg::<i32>(1) as u32, ctx.arg::<i32>(2) as u32);
    if before != TCP_CLOSE && after != TCP_CLOSE || global().is_none_or(|global| global.marked == 0) {
        return;
    }
    let sk = ctx.arg::<*const u8>(0) as u64;
    if after == TCP_CLOSE {
        // The address is another socket's next.
        forget(&PENDING, &sk);
    }
    let Some(cookie) = read!(sk, sock_cookie, u64) else { return };
    let Some(mark) = SOCKETS.get_ptr_mut(&cookie) else { return };
    // SAFETY: bytes of a preallocated map, that other CPUs write too.
    unsafe {
        (&raw mut (*mark).closed).write_volatile(u8::from(after == TCP_CLOSE));
        add(&mut (*mark).packets, 0);
        if after == TCP_CLOSE && (&raw const (*mark).released).read_volatile() != 0 {
            forget(&SOCKETS, &cookie);
        }
    }
}
