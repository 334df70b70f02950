//! Messages that nobody wrote: right ones, and such with something changed in them. The same seed gives the same messages.

use super::{
    hostile,
    message::{IN, Message, Part, QR, Query, RA, RD, Record, kind, of_kind},
    name::Name,
};
use std::net::Ipv4Addr;

/// Flags: cut off; known by itself; checked, and one of no use; a code; an opcode.
const ODD_FLAGS: [u16; 6] = [0x0200, 0x0400, 0x0020, 0x0040, 0x0001, 0x0800];

/// Numbers that a seed decides (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// From this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.number() % u64::try_from(end.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    /// True once in `n` times.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of these.
    pub fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn word(&mut self) -> u16 {
        u16::try_from(self.number() & 0xffff).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        self.word().to_be_bytes()[1]
    }

    /// An address of those for documentation.
    fn address(&mut self) -> Ipv4Addr {
        let [a, b, c] = self.of(&[[192, 0, 2], [198, 51, 100], [203, 0, 113]]);
        Ipv4Addr::new(a, b, c, self.byte())
    }

    /// Small letters.
    pub fn letters(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(self.of(b"abcdefghijklmnopqrstuvwxyz"))).collect()
    }

    /// A label, most often a short one.
    fn label(&mut self) -> Vec<u8> {
        let length = if self.once_in(4) { 1 + self.below(63) } else { 1 + self.below(9) };
        if self.once_in(10) { (0..length).map(|_| self.byte()).collect() } else { self.letters(length).into_bytes() }
    }

    /// A name below `above`, or some other.
    fn name(&mut self, above: &Name) -> Name {
        if self.once_in(200) {
            return self.longest();
        }
        let labels: Vec<_> = (0..=self.below(4)).map(|_| self.label()).collect();
        let end = if self.once_in(2) { above.labels().to_vec() } else { vec![b"test".to_vec()] };
        Name::new(labels.into_iter().chain(end))
    }

    /// A name of the most bytes that one may have (255), or about as many.
    fn longest(&mut self) -> Name {
        let last = self.of(&[59, 60, 61, 62, 63]);
        Name::new([63, 63, 63, last].map(|length| self.letters(length)))
    }

    /// The name, in some other case now and then.
    fn spelled(&mut self, name: &Name) -> Name {
        if self.once_in(4) { name.in_mixed_case() } else { name.clone() }
    }

    /// A question for the addresses of `name`.
    pub fn question(&mut self, name: &Name) -> Vec<u8> {
        let additional = if self.once_in(2) { vec![Record::edns()] } else { Vec::new() };
        let query = Query { name: self.spelled(name), kind: self.of(&[kind::A, kind::AAAA]), class: IN };
        let message = Message {
            id: self.word(),
            flags: RD,
            questions: vec![query],
            answers: Vec::new(),
            authority: Vec::new(),
            additional,
            counts: None,
            compressed: true,
            tail: Vec::new(),
        };
        message.write()
    }

    /// A question, or what is almost one.
    pub fn almost_question(&mut self) -> Vec<u8> {
        let above = Name::from(self.of(&["test", "good.test", "a.b.c.d.e.f.g.test"]));
        let name = if self.once_in(20) { Name::default() } else { self.name(&above) };
        let mut bytes = self.question(&name);
        for _ in 0..self.of(&[0, 0, 1, 1, 2, 5]) {
            self.change(&mut bytes);
        }
        bytes
    }

    /// An answer to `question`, right, almost right, or nothing like it.
    pub fn answer(&mut self, question: &[u8]) -> Vec<u8> {
        let address = self.address();
        let known = [hostile::all(), hostile::odd_but_good()][self.below(2)];
        let case = &known[self.below(known.len())];
        let mut answers = if self.once_in(5) { case.answers(question, address) } else { Vec::new() };
        let number = self.below(answers.len());
        let mut bytes = match answers.get_mut(number) {
            Some(answer) => std::mem::take(answer),
            None => self.structured(question).unwrap_or_default(),
        };
        for _ in 0..self.of(&[0, 0, 0, 1, 1, 2, 4]) {
            self.change(&mut bytes);
        }
        bytes
    }

    /// An answer as name servers write them, but for its size and for what is in it.
    fn structured(&mut self, question: &[u8]) -> Option<Vec<u8>> {
        let mut message = Message::reply_to(question)?;
        let query = message.questions[0].clone();
        message.compressed = !self.once_in(4);
        message.questions[0].name = self.spelled(&query.name);
        let mut name = query.name.clone();
        for _ in 0..self.of(&[0, 0, 0, 1, 1, 2, 3, 8, 20]) {
            let target = self.name(&query.name);
            self.beside(&mut message.answers, &query.name);
            message.answers.push(Record::alias(self.spelled(&name), target.clone()));
            name = target;
        }
        for _ in 0..self.of(&[0, 1, 1, 1, 2, 2, 3, 5, 13, 31, 32, 33, 40]) {
            self.beside(&mut message.answers, &query.name);
            let address = of_kind(query.kind, self.address());
            message.answers.push(Record::address(self.spelled(&name), address));
        }
        for section in [&mut message.authority, &mut message.additional] {
            for _ in 0..self.of(&[0, 0, 0, 1, 2]) {
                section.push(Record::new(self.name(&query.name), kind::NS, vec![Part::Name(self.name(&query.name))]));
                section.push(Record::address(self.spelled(&name), of_kind(query.kind, Ipv4Addr::new(203, 0, 113, 66))));
            }
        }
        if self.once_in(2) {
            message.additional.push(Record::edns());
        }
        self.spoil(&mut message);
        Some(message.write())
    }

    /// Now and then a record that is none of the chain's.
    fn beside(&mut self, records: &mut Vec<Record>, above: &Name) {
        while self.once_in(8) {
            let owner = if self.once_in(2) { above.clone() } else { self.name(above) };
            let data: Vec<u8> = (0..self.of(&[0, 3, 4, 5, 16, 60])).map(|_| self.byte()).collect();
            let of = self.of(&[kind::UNKNOWN, kind::SOA, kind::A, kind::AAAA, kind::CNAME, kind::OPT]);
            let class = self.of(&[IN, IN, 3]);
            records.push(Record { class, ..Record::new(owner, of, vec![Part::Raw(data)]) });
        }
    }

    /// Now and then something is wrong with a field.
    fn spoil(&mut self, message: &mut Message) {
        if self.once_in(12) {
            message.flags ^= self.of(&ODD_FLAGS);
        }
        if self.once_in(12) && message.answers.len() > 1 {
            let (a, b) = (self.below(message.answers.len()), self.below(message.answers.len()));
            message.answers.swap(a, b);
        }
        if self.once_in(12) && !message.answers.is_empty() {
            let record = self.below(message.answers.len());
            let record = &mut message.answers[record];
            match self.below(5) {
                0 => record.length = Some(self.of(&[0, 1, 3, 4, 5, 16, 17, 400, u16::MAX])),
                1 => record.class = self.of(&[0, 3, 255]),
                2 => record.kind = self.of(&[kind::A, kind::AAAA, kind::CNAME, kind::OPT]),
                // Into the question, mostly.
                3 => record.owner = Part::Raw(vec![0xc0, self.byte() & 0x3f]),
                _ => record.ttl = self.of(&[u32::MAX, 1 << 24, 0]),
            }
        }
        if self.once_in(20) {
            // A section moves: its records are counted as another's.
            let mut counts = [&message.answers, &message.authority, &message.additional]
                .map(|section| u16::try_from(section.len()).unwrap_or(u16::MAX));
            counts.swap(self.below(3), self.below(3));
            message.counts = Some([1, counts[0], counts[1], counts[2]]);
        }
        if self.once_in(30) {
            message.flags &= !(QR | RA);
        }
    }

    /// One change of the bytes, whatever they are.
    fn change(&mut self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let at = self.below(bytes.len());
        let length = self.of(&[1, 1, 2, 4, 12, 16]).min(bytes.len() - at);
        match self.below(10) {
            0..=2 => bytes[at] ^= 1 << self.below(8),
            3 => bytes[at] = self.of(&[0, 1, 4, 5, 16, 28, 41, 63, 64, 0xbf, 0xc0, 0xff]),
            // A pointer somewhere.
            4 | 5 => {
                let to = self.below(bytes.len()).to_be_bytes();
                bytes[at] = 0xc0 | to[6];
                if let Some(next) = bytes.get_mut(at + 1) {
                    *next = if self.once_in(3) { 12 } else { to[7] };
                }
            }
            6 => bytes.truncate(at),
            7 => drop(bytes.drain(at..at + length)),
            8 => {
                let copied = bytes[at..at + length].to_vec();
                let to = self.below(bytes.len() + 1);
                bytes.splice(to..to, copied);
            }
            // A count in the header.
            _ => {
                let count = 4 + self.below(8);
                if let Some(count) = bytes.get_mut(count) {
                    *count = self.of(&[0, 1, 2, 3, 33, 255]);
                }
            }
        }
    }
}
