//! Sockets whose other end is on this host, queues, terminals, keys and attributes: data that a holder puts into one side comes out
//! at another.
//!
//! What a declared reader read itself it does not spell there: it speaks with a server for which it is.

use crate::{
    abi::{AF_INET, AF_INET6, AF_UNIX, S_IFSOCK, SOCK_DGRAM},
    file::File,
    flow,
    layout::{load, offset, read},
    maps::{HOME, count},
    socket,
    task::Current,
};
use detector_common::{
    counter::Counter,
    identity::{
        ObjectKey,
        carrier::{ATTRIBUTES, KEYS, NAMED, PORTS, QUEUE, TERMINAL, UNIX},
    },
    judge::Sets,
    layout::ABSENT,
};

/// Where the kernel keeps what is no file's content.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    /// A queue of System V, by its number.
    Queue(u32),
    /// Extended attributes of files.
    Attributes,
    /// Keys.
    Keys,
}

/// IP protocol number.
const UDP: u16 = 17;

/// `current` is about to send on `file`, a socket.
#[inline(always)]
pub(crate) fn give(current: &Current<'_>, file: File) {
    let Sets { held, soft, .. } = current.sets();
    if held | soft == 0 {
        return;
    }
    let Some((sk, family)) = of(file) else { return };
    if family == AF_UNIX && may_name(sk) {
        pass_on(current, NAMED, 0);
    }
    let key = match family {
        AF_UNIX => peer(sk).map(|peer| unix(current.task.job, peer, number(peer))),
        AF_INET | AF_INET6 if is_loopback(sk, family) => ports(sk).map(|(own, other, protocol)| {
            // One that is not bound yet has no port.
            let own = if protocol == UDP { 0 } else { own };
            of_ports(current.task.job, own, other, protocol)
        }),
        _ => None,
    };
    if let Some(key) = key {
        flow::pass(current, &key, S_IFSOCK, [held | soft, 0], 0);
    }
}

/// `current` is about to send a datagram to `port` of the loopback interface.
#[inline(always)]
pub(crate) fn give_to_port(current: &Current<'_>, port: u16, protocol: u16) {
    let Sets { held, soft, .. } = current.sets();
    if held | soft != 0 {
        flow::pass(current, &of_ports(current.task.job, 0, port, protocol), S_IFSOCK, [held | soft, 0], 0);
    }
}

/// `current` has received on `file`, a socket.
#[inline(always)]
pub(crate) fn take(current: &Current<'_>, file: File) {
    let Some((sk, family)) = of(file) else { return };
    let job = current.task.job;
    match family {
        AF_UNIX => {
            flow::take_from(current, &unix(job, sk, number(sk)), S_IFSOCK);
            // What came before it was accepted.
            flow::take_from(current, &unix(job, sk, 0), S_IFSOCK);
            // What is accepted has the name of who listens.
            if may_name(sk) && has_name(sk) {
                flow::take_from(current, &key(job, NAMED, 0), S_IFSOCK);
            }
        }
        AF_INET | AF_INET6 => {
            if let Some((own, other, protocol)) = ports(sk) {
                let other = if protocol == UDP { 0 } else { other };
                flow::take_from(current, &of_ports(job, other, own, protocol), S_IFSOCK);
            }
        }
        _ => {}
    }
}

/// `current` is about to put something there.
#[inline(always)]
pub(crate) fn give_to_store(current: &Current<'_>, store: Store) {
    let (device, number) = named(store);
    pass_on(current, device, number);
}

/// `current` has got something from there.
#[inline(always)]
pub(crate) fn take_from_store(current: &Current<'_>, store: Store) {
    let (device, number) = named(store);
    flow::take_from(current, &key(current.task.job, device, number), S_IFSOCK);
}

/// Which attribute of which file it is, and which key, is not told apart.
#[inline(always)]
fn named(store: Store) -> (u32, u64) {
    match store {
        Store::Queue(number) => (QUEUE, u64::from(number)),
        Store::Attributes => (ATTRIBUTES, 0),
        Store::Keys => (KEYS, 0),
    }
}

/// `current` writes to a character device: a terminal, or what it writes is packets (`TUN_MINOR` in include/linux/miscdevice.h). A client
/// of a private network writes there what has come, and may hold keys: that is counted, no more.
#[inline(always)]
pub(crate) fn give_to_device(current: &Current<'_>, file: File) {
    const TUN: u32 = 10 << 20 | 200;
    if read!(file.inode, inode_rdev, u32) == Some(TUN) {
        if current.sets().held != 0 {
            count(Counter::Unseen);
        }
        return;
    }
    give_to_terminal(current, file);
}

/// `current` is about to write to a device: where it is a terminal, what is at its other side may read that.
#[inline(always)]
fn give_to_terminal(current: &Current<'_>, file: File) {
    if let Some(index) = terminal(file) {
        pass_on(current, TERMINAL, index);
    }
}

/// `current` has read from a device.
#[inline(always)]
pub(crate) fn take_from_terminal(current: &Current<'_>, file: File) {
    if let Some(index) = terminal(file) {
        flow::take_from(current, &key(current.task.job, TERMINAL, index), S_IFSOCK);
    }
}

#[inline(always)]
fn pass_on(current: &Current<'_>, device: u32, inode: u64) {
    let Sets { held, soft, .. } = current.sets();
    if held | soft != 0 {
        flow::pass(current, &key(current.task.job, device, inode), S_IFSOCK, [held | soft, 0], 0);
    }
}

#[inline(always)]
fn key(job: u32, device: u32, inode: u64) -> ObjectKey {
    ObjectKey { job, device, inode, generation: 0, reserved: 0 }
}

/// The number of a pseudo-terminal, of either side (Documentation/admin-guide/devices.txt: 5:2, and 136 to 143).
#[inline(always)]
fn terminal(file: File) -> Option<u64> {
    const NONE: usize = ABSENT as usize;
    if offset!(tty_file_tty) == NONE || offset!(tty_index) == NONE {
        return None;
    }
    let device = read!(file.inode, inode_rdev, u32)?;
    let major = device >> 20;
    if device != (5 << 20 | 2) && !(136..=143).contains(&major) {
        return None;
    }
    let tty = read!(read!(file.address, file_private, u64)?, tty_file_tty, u64)?;
    read!(tty, tty_index, u32).map(u64::from)
}

#[inline(always)]
fn of(file: File) -> Option<(u64, u16)> {
    let sk = socket::behind(file)?;
    Some((sk, read!(sk, sock_family, u16)?))
}

/// Whether a call on the socket may say itself where it leads. Which name it says is not looked at: another path leads to the same.
#[inline(always)]
fn may_name(sk: u64) -> bool {
    offset!(sock_type) == ABSENT as usize || read!(sk, sock_type, u16) == Some(SOCK_DGRAM)
}

/// Whether the unix socket is bound.
#[inline(always)]
fn has_name(sk: u64) -> bool {
    offset!(unix_addr) != ABSENT as usize && read!(sk, unix_addr, u64).is_some_and(|address| address != 0)
}

#[inline(always)]
fn peer(sk: u64) -> Option<u64> {
    if offset!(unix_peer) == ABSENT as usize {
        return None;
    }
    read!(sk, unix_peer, u64).filter(|peer| *peer != 0)
}

/// The inode number of a socket, by which it is told from others that were at its address; 0 before it is accepted.
#[inline(always)]
fn number(sk: u64) -> u32 {
    let file =
        read!(sk, sock_socket, u64).filter(|socket| *socket != 0).and_then(|socket| read!(socket, socket_file, u64));
    let inode = file.filter(|file| *file != 0).and_then(|file| read!(file, file_inode, u64));
    inode.and_then(|inode| read!(inode, inode_number, u64)).unwrap_or(0) as u32
}

/// Of its address nothing is told.
#[inline(always)]
fn unix(job: u32, sk: u64, number: u32) -> ObjectKey {
    const ODD: u64 = 0xff51_afd7_ed55_8ccd;
    let seed = HOME.get(0).map_or(0, |home| home.seed);
    ObjectKey { job, device: UNIX, inode: (sk ^ seed).wrapping_mul(ODD), generation: number, reserved: 0 }
}

#[inline(always)]
fn of_ports(job: u32, from: u16, to: u16, protocol: u16) -> ObjectKey {
    key(job, PORTS, u64::from(protocol) << 32 | u64::from(from) << 16 | u64::from(to))
}

/// Its own port, that of its other end, and its protocol.
#[inline(always)]
fn ports(sk: u64) -> Option<(u16, u16, u16)> {
    let other = u16::from_be(read!(sk, sock_dport, u16)?);
    Some((read!(sk, sock_num, u16)?, other, read!(sk, sock_protocol, u16)?))
}

/// Whether the connected socket leads to the loopback interface.
#[inline(always)]
fn is_loopback(sk: u64, family: u16) -> bool {
    let address = if family == AF_INET6 && offset!(sock_daddr6) != ABSENT as usize {
        load::<[u8; 16]>(sk as usize + offset!(sock_daddr6))
    } else {
        read!(sk, sock_daddr, [u8; 4]).map(detector_common::destination::mapped)
    };
    address.is_some_and(|address| is_loopback_address(&address))
}

/// 127.0.0.0/8 (mapped) or ::1.
#[inline(always)]
pub(crate) fn is_loopback_address(address: &[u8; 16]) -> bool {
    let value = u128::from_be_bytes(*address);
    value == 1 || value >> 24 == 0x00ff_ff7f
}
