//! Messages of the domain name system, written as one likes: nothing here keeps a message from being wrong.

use super::{name::Name, writer::Writer};
use std::net::{IpAddr, Ipv4Addr};

/// The record types that the tests write.
pub mod kind {
    /// An IPv4 address.
    pub const A: u16 = 1;
    /// A name server.
    pub const NS: u16 = 2;
    /// Another name of the same.
    pub const CNAME: u16 = 5;
    /// What a zone starts with; in the authority section it says that there is nothing.
    pub const SOA: u16 = 6;
    /// An IPv6 address.
    pub const AAAA: u16 = 28;
    /// How much a side takes, and more (EDNS).
    pub const OPT: u16 = 41;
    /// A type that nobody knows.
    pub const UNKNOWN: u16 = 65280;
}

/// The class that everything is of.
pub const IN: u16 = 1;
/// Flag: an answer.
pub const QR: u16 = 0x8000;
/// Flag: cut off, ask by TCP.
pub const TC: u16 = 0x0200;
/// Flag: the asker wants the whole work done.
pub const RD: u16 = 0x0100;
/// Flag: the server does the whole work.
pub const RA: u16 = 0x0080;
/// Bytes of a datagram that the server says it takes.
pub const EDNS: u16 = 1232;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Whose.
    pub name: Name,
    /// What: see [`kind`].
    pub kind: u16,
    /// Of which class.
    pub class: u16,
}

/// Part of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A name, in short where the message is compressed and some end of it was written before.
    Name(Name),
    /// These bytes.
    Raw(Vec<u8>),
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose.
    pub owner: Part,
    /// What: see [`kind`].
    pub kind: u16,
    /// Of which class.
    pub class: u16,
    /// Seconds that it may be kept.
    pub ttl: u32,
    /// What it says.
    pub data: Vec<Part>,
    /// The length that it claims; none: the true one.
    pub length: Option<u16>,
}

impl Record {
    /// One that is as it should be, of TTL 0.
    pub fn new(owner: Name, kind: u16, data: Vec<Part>) -> Self {
        Self { owner: Part::Name(owner), kind, class: IN, ttl: 0, data, length: None }
    }

    /// A or AAAA.
    pub fn address(owner: Name, address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self::new(owner, kind::A, vec![Part::Raw(v4.octets().into())]),
            IpAddr::V6(v6) => Self::new(owner, kind::AAAA, vec![Part::Raw(v6.octets().into())]),
        }
    }

    /// CNAME.
    pub fn alias(owner: Name, target: Name) -> Self {
        Self::new(owner, kind::CNAME, vec![Part::Name(target)])
    }

    /// SOA, for as long as `ttl`.
    pub fn start(owner: Name, ttl: u32) -> Self {
        let numbers = [1, 3600, 600, 86400, ttl].map(u32::to_be_bytes).concat();
        let data = vec![Part::Name(owner.child("ns")), Part::Name(owner.child("hostmaster")), Part::Raw(numbers)];
        Self { ttl, ..Self::new(owner, kind::SOA, data) }
    }

    /// OPT of this server.
    pub fn edns() -> Self {
        Self { class: EDNS, ..Self::new(Name::default(), kind::OPT, Vec::new()) }
    }
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The asker's number for it.
    pub id: u16,
    /// [`QR`], opcode, the other flags, and the code in the last four bits.
    pub flags: u16,
    /// What is asked, and echoed.
    pub questions: Vec<Query>,
    /// The answer.
    pub answers: Vec<Record>,
    /// Who says so.
    pub authority: Vec<Record>,
    /// What may help.
    pub additional: Vec<Record>,
    /// The four counts that it claims; none: the true ones.
    pub counts: Option<[u16; 4]>,
    /// Whether names that were written before are written in short.
    pub compressed: bool,
    /// What follows the last record.
    pub tail: Vec<u8>,
}

impl Message {
    /// The empty answer to a question; none when that is no question. Its first query only is read and echoed.
    pub fn reply_to(question: &[u8]) -> Option<Self> {
        let query = read(question)?;
        let number = |at: usize| u16::from_be_bytes([question[at], question[at + 1]]);
        Some(Self {
            id: number(0),
            flags: QR | RA | (number(2) & RD),
            questions: vec![query],
            answers: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
            counts: None,
            compressed: true,
            tail: Vec::new(),
        })
    }

    /// Its bytes.
    pub fn write(&self) -> Vec<u8> {
        let sections = [&self.answers, &self.authority, &self.additional];
        let count = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        let [answers, authority, additional] = sections.map(|section| count(section.len()));
        let counts = self.counts.unwrap_or([count(self.questions.len()), answers, authority, additional]);
        let mut out = Writer::new(self.compressed);
        [self.id, self.flags].into_iter().chain(counts).for_each(|number| out.number(number));
        for query in &self.questions {
            out.name(&query.name);
            out.number(query.kind);
            out.number(query.class);
        }
        sections.into_iter().flatten().for_each(|record| out.record(record));
        out.raw(&self.tail);
        out.bytes()
    }
}

/// The first query of a message.
pub fn read(message: &[u8]) -> Option<Query> {
    let (name, rest) = Name::read(message.get(12..)?)?;
    let &[a, b, c, d] = rest.first_chunk()?;
    Some(Query { name, kind: u16::from_be_bytes([a, b]), class: u16::from_be_bytes([c, d]) })
}

/// How many bytes of a datagram the asker of this takes, when it says so (EDNS).
pub fn takes(question: &[u8]) -> Option<u16> {
    let (_, rest) = Name::read(question.get(12..)?)?;
    // The root's name, then the type, then the size in the place of the class.
    let &[0, 0, 41, a, b] = rest.get(4..)?.first_chunk()? else { return None };
    Some(u16::from_be_bytes([a, b]))
}

/// The answer's address for a question that is answered for IPv4 by `v4`: that, or 2001:db8:: with its four bytes at the end.
pub fn of_kind(kind: u16, v4: Ipv4Addr) -> IpAddr {
    let mut six = [0; 16];
    six[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    six[12..].copy_from_slice(&v4.octets());
    if kind == kind::AAAA { IpAddr::V6(six.into()) } else { IpAddr::V4(v4) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const QUESTION: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03api\x04good\x04test\0\0\x01\0\x01";

    #[test]
    fn a_known_answer() {
        let mut reply = Message::reply_to(QUESTION).unwrap();
        let name = reply.questions[0].name.clone();
        reply.answers.push(Record::alias(name, "edge.good.test".into()));
        reply.answers.push(Record::address("edge.good.test".into(), Ipv4Addr::new(203, 0, 113, 9).into()));
        let head = b"\x12\x34\x81\x80\0\x01\0\x02\0\0\0\0\x03api\x04good\x04test\0\0\x01\0\x01";
        let alias = b"\xc0\x0c\0\x05\0\x01\0\0\0\0\0\x07\x04edge\xc0\x10";
        let address = b"\xc0\x2b\0\x01\0\x01\0\0\0\0\0\x04\xcb\0\x71\x09";
        assert_eq!(reply.write(), [&head[..], alias, address].concat());
        reply.compressed = false;
        let full = b"\x04edge\x04good\x04test\0\0\x01\0\x01\0\0\0\0\0\x04\xcb\0\x71\x09";
        assert!(reply.write().ends_with(full));
    }

    #[test]
    fn what_an_asker_takes() {
        assert_eq!(takes(QUESTION), None);
        assert_eq!(takes(&[QUESTION, b"\0\0\x29\x04\xd0\0\0\0\0\0\0"].concat()), Some(1232));
    }
}
