//! Marks on sockets, and whether what they carry may go where they lead.

use crate::{
    abi::{AF_ALG, AF_INET, AF_INET6, AF_KEY, AF_NETLINK, AF_PACKET, AF_UNIX, IPPROTO_MPTCP, IPPROTO_TCP},
    emit::{self, monotonic, now},
    file::File,
    job,
    layout::{load, offset, read},
    maps::{PENDING, SOCKETS, count, entry, first_of, global},
    resolver,
    task::{Current, add, grow},
};
use detector_common::{
    counter::Counter,
    destination::{is_metadata, mapped},
    judge::{self, Judged, Sets, Spending},
    limits::CLASSES,
    program::trait_of,
    record::{Network, hook, kind},
    set::{Bits, GrowingSet},
    state::{Job, Socket},
};

/// Where a call leads.
#[derive(Clone, Copy)]
pub(crate) struct Remote {
    /// IPv4 mapped, network byte order.
    pub(crate) address: [u8; 16],
    /// Host byte order; 0 when not connected.
    pub(crate) port: u16,
    /// Address family.
    pub(crate) family: u16,
    /// `sock.sk_protocol`.
    pub(crate) protocol: u16,
}

impl Remote {
    /// Whether it is where a cloud serves its metadata: over HTTP, and a name server may have the same address.
    #[inline(always)]
    pub(crate) fn is_metadata(&self) -> bool {
        const HTTP: u16 = 80;
        let stream = matches!(u32::from(self.protocol), IPPROTO_TCP | IPPROTO_MPTCP);
        stream && self.port == HTTP && is_metadata(&self.address)
    }
}

/// What was found about a reach for the network.
#[derive(Clone, Copy, Default)]
pub(crate) struct Judgement {
    /// What is carried.
    pub(crate) carried: Bits,
    /// Of that, what the destination does not accept.
    pub(crate) leak: Bits,
    /// What it does not accept on evidence that is reported only.
    pub(crate) weak: Bits,
    /// What the socket carries from now on.
    pub(crate) mark: Bits,
    /// Whether policy denies it.
    pub(crate) denied: bool,
}

/// The network side of `file`, which is a socket.
#[inline(always)]
pub(crate) fn behind(file: File) -> Option<u64> {
    read!(file.address, file_private, u64).and_then(|socket| read!(socket, socket_sk, u64))
}

/// A send-type call on `file`, which is a socket: marks it, before a byte has left. True where its other end may be on this host: then it
/// is still to be seen who is there.
#[inline(always)]
pub(crate) fn send(current: &mut Current<'_>, file: File) -> bool {
    let Some((sk, family)) = behind(file).and_then(|sk| Some((sk, read!(sk, sock_family, u16)?))) else {
        count(Counter::Unread);
        return false;
    };
    if family == AF_UNIX {
        return true;
    }
    if family == AF_INET || family == AF_INET6 {
        reach(current, sk, family);
        return true;
    }
    if is_unseen(family) {
        packet(current, 0);
    }
    false
}

/// Whether what is sent on sockets of the family leaves with no hook to refuse it: all but those of the internet, whose packets the egress
/// hook sees, and those that lead to the kernel or to this host only (of which netlink's and AF_ALG's are not followed there).
#[inline(always)]
pub(crate) fn is_unseen(family: u16) -> bool {
    !matches!(family, AF_UNIX | AF_INET | AF_INET6 | AF_KEY | AF_NETLINK | AF_ALG)
}

/// `current` has made a packet socket, or one of another family that is not seen, or sends on one. Nothing refuses its packets: who makes
/// one in order to send what he holds is killed before he has it (`refused` is 1 then), who has one already once it is sent.
#[inline(always)]
pub(crate) fn packet(current: &mut Current<'_>, refused: u16) {
    let sets = current.sets();
    let Some(job) = job::find(current.task.job).filter(|_| sets.all() != 0) else { return };
    let judgement = judge(current, job, &sets, 0, None);
    let refused = refused & u16::from(job.enforce != 0 && judgement.leak & job.kill != 0);
    act(current, job, &judgement);
    let remote = Remote { address: mapped([0; 4]), port: 0, family: AF_PACKET, protocol: 0 };
    say(current, hook::PACKET, 0, &remote, &judgement, refused);
}

#[inline(always)]
fn reach(current: &mut Current<'_>, sk: u64, family: u16) {
    let sets = current.sets();
    let cookie = read!(sk, sock_cookie, u64).unwrap_or(0);
    // SAFETY: bytes that only ever go from 0 to 1.
    let marked = unsafe { if cookie == 0 { PENDING.get(&sk) } else { SOCKETS.get(&cookie) } };
    let carried = marked.map_or(0, |mark| mark.carried.bits());
    if sets.all() | carried == 0 {
        return;
    }
    let Some(remote) = remote(sk, family) else { return count(Counter::Unread) };
    if resolver::asks(current, cookie, &remote) {
        // The question itself says where it goes.
        return;
    }
    let Some(job) = job::find(current.task.job) else { return };
    // Not connected: the sendmsg hook or the egress hook judges each datagram, and whatever may be refused there is marked.
    let connected = remote.address != [0; 16] && remote.address != mapped([0; 4]);
    let mut judgement = judge(current, job, &sets, carried, if connected { Some(&remote) } else { None });
    if !connected {
        judgement = Judgement { carried: judgement.carried, mark: judgement.mark, ..Judgement::default() };
    }
    if judgement.mark == 0 {
        // Nothing that egress could refuse.
        return say(current, hook::SEND, cookie, &remote, &judgement, 0);
    }
    let Some(mark) = mark(current, sk, cookie, remote.protocol) else {
        // No room for a mark, so the egress hook will not drop it: said, and killed where policy says so.
        count(Counter::SocketsFull);
        act(current, job, &judgement);
        return say(current, hook::SEND, cookie, &remote, &judgement, 0);
    };
    grow(&mut mark.carried, judgement.mark);
    (mark.pid, mark.step) = (current.pid, current.task.step);
    (mark.start, mark.holder) = (current.task.start, current.task.holder);
    if let Some(global) = global() {
        global.marked = 1;
        if cookie == 0 {
            global.pending = 1;
        }
    }
    if judgement.denied {
        mark.quarantined = 1;
    }
    if connected && u32::from(remote.protocol) == IPPROTO_MPTCP {
        subflow(current, sk, &remote, &judgement);
    }
    let denied = if judgement.denied { 2 } else { 0 };
    act(current, job, &judgement);
    say(current, hook::SEND, cookie, &remote, &judgement, denied);
}

/// What `job` says of `current`, which holds `sets`, sending to `remote` on a socket that carries `socket`; where it leads nowhere in
/// particular, to a place that accepts nothing.
#[inline(always)]
pub(crate) fn judge(current: &Current<'_>, job: &Job, sets: &Sets, socket: Bits, remote: Option<&Remote>) -> Judgement {
    if sets.all() | socket == 0 {
        return Judgement::default();
    }
    let (mut accepted, mut accepted_for_reader) = (0, 0);
    if let Some(remote) = remote {
        let whose = (current.task.job, job.policy);
        accepted = job::accepted(whose, &remote.address, remote.port, 0);
        accepted_for_reader = job::accepted_for_reader(whose, &remote.address, remote.port, current.program());
    }
    let (hook, release) = (current.task.hook != 0, current.task.traits & trait_of::RELEASE != 0);
    let Job { forge, registry, .. } = *job;
    let spending = Spending { accepted, accepted_for_reader, socket, hook, release, forge, registry };
    let Judged { carried, leak, weak, mark } = judge::judge(sets, &spending);
    Judgement { carried, leak, weak, mark, denied: job.enforce != 0 && leak & job.deny != 0 }
}

/// Remembers to kill the process when its call returns, where policy says so.
#[inline(always)]
pub(crate) fn act(current: &mut Current<'_>, job: &Job, judgement: &Judgement) {
    if job.enforce != 0 && judgement.leak & job.kill != 0 {
        current.task.kill = 1;
    }
}

/// Says what happened, once for the same holder, socket, destination, load and judgement.
#[inline(always)]
pub(crate) fn say(current: &Current<'_>, hook: u32, cookie: u64, remote: &Remote, judgement: &Judgement, denied: u16) {
    let (high, low) = halves(&remote.address);
    // Sockets differ when it matters which one was marked; else who connects often is said once.
    let socket = if judgement.carried == 0 { 0 } else { cookie };
    let port = u64::from(remote.port) | u64::from(hook) << 16 | socket << 20;
    let mixed = judgement.leak ^ judgement.weak.wrapping_mul(0xff51_afd7_ed55_8ccd);
    if !first_of(current.task.holder, [high, low, port, judgement.carried, mixed]) {
        return;
    }
    if judgement.leak != 0 {
        count(Counter::Leaks);
    }
    let record = Network {
        header: emit::header(kind::NETWORK, current, now()),
        address: remote.address,
        cookie,
        held: judgement.carried,
        leak: judgement.leak,
        weak: judgement.weak,
        port: remote.port,
        family: remote.family,
        protocol: remote.protocol,
        denied,
        hook,
        reserved: 0,
    };
    if judgement.carried == 0 {
        emit::network(&record, size_of::<Network>() as u64);
    } else {
        emit::secret(&record, size_of::<Network>() as u64);
    }
}

/// The two words of an address.
#[inline(always)]
pub(crate) fn halves(address: &[u8; 16]) -> (u64, u64) {
    let value = u128::from_ne_bytes(*address);
    ((value >> 64) as u64, value as u64)
}

/// The mark of a socket, made where there was none.
#[inline(always)]
fn mark(current: &Current<'_>, sk: u64, cookie: u64, protocol: u16) -> Option<&'static mut Socket> {
    let stream = u32::from(protocol) == IPPROTO_TCP || u32::from(protocol) == IPPROTO_MPTCP;
    let fresh = Socket {
        carried: GrowingSet { words: [0; CLASSES / 8] },
        job: current.task.job,
        quarantined: 0,
        released: 0,
        stream: u8::from(stream),
        said: 0,
        pid: current.pid,
        step: current.task.step,
        closed: 0,
        reserved: [0; 7],
        start: current.task.start,
        holder: current.task.holder,
        packets: 0,
        bytes: 0,
        last: monotonic(),
    };
    if cookie == 0 { entry(&PENDING, &sk, &fresh) } else { entry(&SOCKETS, &cookie, &fresh) }
}

/// The packets of a Multipath TCP socket are those of its subflows, each a socket of its own: marks the first, and says so,
/// since it is what a drop will name.
#[inline(always)]
fn subflow(current: &Current<'_>, sk: u64, remote: &Remote, judgement: &Judgement) {
    if offset!(mptcp_first) == detector_common::layout::ABSENT as usize {
        return count(Counter::Unread);
    }
    let Some(first) = read!(sk, mptcp_first, u64).filter(|first| *first != 0) else { return count(Counter::Unread) };
    let cookie = read!(first, sock_cookie, u64).unwrap_or(0);
    let Some(mark) = mark(current, first, cookie, IPPROTO_TCP as u16) else { return count(Counter::SocketsFull) };
    grow(&mut mark.carried, judgement.mark);
    // The kernel made it, so no release is seen: gone when it is closed.
    mark.released = 1;
    if judgement.denied {
        mark.quarantined = 1;
    }
    if cookie == 0
        && let Some(global) = global()
    {
        global.pending = 1;
    }
    say(current, hook::SEND, cookie, remote, judgement, if judgement.denied { 2 } else { 0 });
}

/// Where the connected socket `sk` leads.
#[inline(always)]
pub(crate) fn remote(sk: u64, family: u16) -> Option<Remote> {
    let port = u16::from_be(read!(sk, sock_dport, u16)?);
    let protocol = read!(sk, sock_protocol, u16)?;
    let address = if family == AF_INET {
        mapped(read!(sk, sock_daddr, [u8; 4])?)
    } else {
        load::<[u8; 16]>(sk as usize + offset!(sock_daddr6))?
    };
    Some(Remote { address, port, family, protocol })
}

/// Counts a packet of `bytes` that was dropped, or in audit would have been.
#[inline(always)]
pub(crate) fn tally(mark: &mut Socket, bytes: u32) {
    add(&mut mark.packets, 1);
    add(&mut mark.bytes, u64::from(bytes));
    mark.last = monotonic();
}
