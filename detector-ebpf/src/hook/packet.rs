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

    /// The one DNS message that it has (RFC 1035, section 4.2): where it begins and how long it is; no length where a segment has
    /// no whole one or more than that, and nothing where it has no data at all.
    #[inline(always)]
    pub(crate) fn message(&self, ctx: &SkBuffContext) -> Option<(u32, u32)> {
        const UDP_HEADER: u32 = 8;
        let len = ctx.len();
        if !self.is_stream() {
            let at = self.transport + UDP_HEADER;
            return Some((at, len.saturating_sub(at)));
        }
        // Data offset in the upper half, in words (RFC 9293, section 3.1).
        let words = ctx.load::<u8>(self.transport as usize + 12).ok()? >> 4;
        let at = self.transport + u32::from(words) * 4;
        if len <= at {
            return None;
        }
        let said = u32::from(ctx.load::<u16>(at as usize).map_or(0, u16::from_be));
        Some((at + 2, if said != 0 && said + 2 == len - at { said } else { 0 }))
    }
}
