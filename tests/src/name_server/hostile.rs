//! Answers that must not be trusted, and answers that are unusual and yet right.

mod lies;
mod odd;

use super::{
    message::{Message, Record, kind, of_kind, takes},
    name::Name,
};
use std::net::{IpAddr, Ipv4Addr};

/// Of this name nobody asks; some lies are about it.
pub const BYSTANDER: &str = "bystander.test";

/// A way to answer.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Names it; letters, digits and hyphens, so that it can be part of a host's name.
    pub name: &'static str,
    /// Why it must not be trusted, or what is unusual.
    pub why: &'static str,
    build: fn(&Told) -> Vec<Vec<u8>>,
}

impl Case {
    /// The answers to a question; all that is told is that something is at `address`. Of IPv6, see [`of_kind`].
    pub fn answers(&self, question: &[u8], address: Ipv4Addr) -> Vec<Vec<u8>> {
        Told::new(question, address).map(|told| (self.build)(&told)).unwrap_or_default()
    }

    /// The addresses that the answer to a question of this kind tells, when it is told so: one, or as many as come after it.
    pub fn addresses(&self, kind: u16, address: Ipv4Addr) -> Vec<IpAddr> {
        let n = if self.name == odd::MANY { odd::HOW_MANY } else { 1 };
        (0..n).map(|more| of_kind(kind, Ipv4Addr::from(u32::from(address) + more))).collect()
    }
}

/// Answers that must not be trusted: after none of them is anything known to be at the address.
pub fn all() -> &'static [Case] {
    lies::ALL
}

/// Answers that are unusual and yet right: after each of them the name asked for is known to be at its addresses.
pub fn odd_but_good() -> &'static [Case] {
    odd::ALL
}

/// What an answer is made of.
struct Told {
    /// Without any record.
    empty: Message,
    /// The name asked for.
    name: Name,
    /// The kind asked for.
    kind: u16,
    v4: Ipv4Addr,
    /// The asker knows EDNS.
    edns: bool,
}

impl Told {
    fn new(question: &[u8], v4: Ipv4Addr) -> Option<Self> {
        let empty = Message::reply_to(question)?;
        let query = empty.questions[0].clone();
        let edns = takes(question).is_some();
        Some(Self {
            empty,
            name: query.name,
            kind: if query.kind == kind::AAAA { kind::AAAA } else { kind::A },
            v4,
            edns,
        })
    }

    /// The record that says that this name is at the address.
    fn at(&self, name: &Name) -> Record {
        Record::address(name.clone(), of_kind(self.kind, self.v4))
    }

    /// The right answer, changed.
    fn changed(&self, change: impl FnOnce(&mut Message)) -> Vec<Vec<u8>> {
        let mut message = self.empty.clone();
        message.answers.push(self.at(&self.name));
        change(&mut message);
        vec![message.write()]
    }

    /// The answer with these records only.
    fn saying(&self, records: impl IntoIterator<Item = Record>) -> Vec<Vec<u8>> {
        self.changed(|message| message.answers = records.into_iter().collect())
    }

    /// Where the first record begins.
    fn first(&self) -> usize {
        self.empty.write().len()
    }
}

/// A name in short.
fn pointer(to: usize) -> Vec<u8> {
    (0xc000 | u16::try_from(to).unwrap_or(u16::MAX)).to_be_bytes().to_vec()
}
