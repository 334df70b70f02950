//! Packets, as the hooks of either direction see them: from the network header on.

use crate::{
    abi::{IPPROTO_TCP, IPPROTO_UDP},
    socket::Remote,
};
use aya_ebpf::programs::SkBuffContext;
use detector_common::destination::mapped;

/// A packet, and its other end.
#[derive(Clone, Copy)]
pub(crate) struct Packet {
    /// The other end. A protocol without ports has port 0: only rows for any port accept it.
    pub(crate) remote: Remote,
    /// Where the transport header begins.
    transport: u32,
}

/// Which way a packet goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Its other end is its destination.
    Out,
    /// Its other end is its source.
    In,
}

impl Packet {
    /// The packet of `ctx`; none where it cannot be read.
    #[inline(always)]
    pub(crate) fn of(ctx: &SkBuffContext, way: Way) -> Option<Self> {
        let version = ctx.load::<u8>(0).ok()?;
        let out = way == Way::Out;
        let (address, protocol, transport) = if version >> 4 == 4 {
            let address = mapped(ctx.load::<[u8; 4]>(if out { 16 } else { 12 }).ok()?);
            (address, ctx.load::<u8>(9).ok()?, usize::from(version & 0xf) * 4)
        } else {
            (ctx.load::<[u8; 16]>(if out { 24 } else { 8 }).ok()?, ctx.load::<u8>(6).ok()?, 40)
        };
        let protocol = u32::from(protocol);
        let port = if protocol == IPPROTO_TCP || protocol == IPPROTO_UDP {
            u16::from_be(ctx.load::<u16>(if out { transport + 2 } else { transport }).ok()?)
        } else {
            0
        };
        let remote = Remote { address, port, family: 0, protocol: protocol as u16 };
        Some(Self { remote, transport: transport as u32 })
    }

    /// Whether it is TCP's.
    #[inline(always)]
    pub(crate) fn is_stream(&self) -> bool {
        u32::from(self.remote.protocol) == IPPROTO_TCP
    }

    /// Its DNS message `which` (RFC 1035, section 4.2): of a datagram there is one; a segment may have two, as the C library asks
    /// for both kinds of addresses at once. `None` where there is no data at all.
    #[inline(always)]
    pub(crate) fn message(&self, ctx: &SkBuffContext, which: Which) -> Option<Message> {
        const UDP_HEADER: u32 = 8;
        let len = ctx.len();
        if !self.is_stream() {
            let at = self.transport + UDP_HEADER;
            // SAFETY: the hook's own context.
            let cut = unsafe { core::ptr::read_volatile(&raw const (*ctx.skb.skb).gso_size) };
            // Behind this hook it becomes several datagrams (UDP_SEGMENT).
            let len = if cut == 0 { len.saturating_sub(at) } else { 0 };
            return Some(Message { at, len, more: false });
        }
        // Data offset in the upper half, in words (RFC 9293, section 3.1).
        let words = ctx.load::<u8>(self.transport as usize + 12).ok()? >> 4;
        let mut at = self.transport + u32::from(words) * 4;
        if len <= at {
            return None;
        }
        let length = |at: u32| u32::from(ctx.load::<u16>(at as usize).map_or(0, u16::from_be));
        let first = length(at);
        let behind = at + 2 + first;
        let second = if behind < len { length(behind) } else { 0 };
        let whole = behind == len || second != 0 && behind + 2 + second == len;
        let mut said = first;
        if which == Which::Second {
            (at, said) = (behind, second);
        }
        Some(Message { at: at + 2, len: if whole { said } else { 0 }, more: which == Which::First && behind < len })
    }
}

/// Which of the messages of a segment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// The first.
    First = 0,
    /// The one behind it.
    Second = 1,
}

/// Where a DNS message is in a packet.
#[derive(Clone, Copy)]
pub(crate) struct Message {
    /// Where it begins.
    pub(crate) at: u32,
    /// Its bytes; 0 where the segment is not one whole message, or two, and where the datagram is several.
    pub(crate) len: u32,
    /// Another one is behind it.
    pub(crate) more: bool,
}
