//! Messages of the DNS (RFC 1035), as both sides read them: a question on its way out, an answer on its way in.
//!
//! Nothing in here allocates, and every loop has a bound. A message is believed whole or not at all.

mod answer;
mod question;

pub use answer::{Asked, Walk};
pub use question::{Name, Question};

use crate::{limits::ANSWER_BYTES, watch::some};

/// Port of the DNS.
pub const PORT: u16 = 53;
/// Bytes of a message's header (RFC 1035, section 4.1.1).
pub const HEADER_BYTES: usize = 12;
/// Bytes of a name at most, with lengths and the root's (RFC 1035, section 2.3.4).
pub const NAME_BYTES: usize = 255;

/// Type of an IPv4 address.
pub const A: u16 = 1;
/// Type of an IPv6 address (RFC 3596).
pub const AAAA: u16 = 28;

/// A message as it is walked over, and some bytes more, so that a field may be read wherever its first byte is.
pub type Message = [u8; ANSWER_BYTES + 16];

/// A header as it stands in the message.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Id that binds an answer to its question.
    pub id: u16,
    flags: u16,
    counts: [u16; 4],
}

impl Header {
    /// The header that `bytes` are.
    #[inline(always)]
    pub fn new(bytes: &[u8; HEADER_BYTES]) -> Self {
        let word = |n: usize| u16::from_be_bytes([bytes[n * 2], bytes[n * 2 + 1]]);
        Self { id: word(0), flags: word(1), counts: [word(2), word(3), word(4), word(5)] }
    }

    /// Whether it is that of one ordinary question: no answer, opcode QUERY, one question, no other record but what stands in the
    /// additional section (EDNS, TSIG).
    #[inline(always)]
    pub fn asks(&self) -> bool {
        let [questions, answers, authority, _] = self.counts;
        self.flags & 0xf800 == 0 && questions == 1 && answers | authority == 0
    }

    /// Whether it is that of an answer, opcode QUERY, with one question.
    #[inline(always)]
    pub fn answers(&self) -> bool {
        self.flags & 0xf800 == 0x8000 && self.counts[0] == 1
    }

    /// Whether the answer is one (RCODE 0), and not cut off (TC): then it is asked for again (RFC 2181, section 9).
    #[inline(always)]
    pub fn is_good(&self) -> bool {
        self.flags & 0x020f == 0
    }

    /// Records of the answer section, and of all three.
    #[inline(always)]
    pub fn records(&self) -> (u64, u64) {
        let [_, answers, authority, additional] = self.counts;
        (u64::from(answers), u64::from(answers) + u64::from(authority) + u64::from(additional))
    }
}

/// 1 when `a` is `b`, else 0.
#[inline(always)]
fn same(a: u64, b: u64) -> u64 {
    some(a ^ b) ^ 1
}

/// `a` where `condition` is 1, else `b`.
#[inline(always)]
fn choose(condition: u64, a: u64, b: u64) -> u64 {
    let mask = condition.wrapping_neg();
    (a & mask) | (b & !mask)
}
