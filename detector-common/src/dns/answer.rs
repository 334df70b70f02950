//! An answer: the addresses at the end of the chain that begins with the question.

use super::{A, HEADER_BYTES, Header, Message, NAME_BYTES, choose, same};
use crate::{
    host::{folded, label, word},
    limits::{ANSWER_BYTES, ANSWERS},
    watch::{below, some},
};

/// The question that an answer must be one to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// [`crate::host::forward`] of the name.
    pub hash: u64,
    /// Type: [`super::A`] or [`super::AAAA`].
    pub kind: u16,
}

/// Class IN (RFC 1035, section 3.2.4).
const IN: u64 = 1;
/// Type of an alias.
const CNAME: u64 = 5;
/// Type of what EDNS adds; its first byte behind type and class is the upper half of the code (RFC 6891, section 6.1.3).
const OPT: u64 = 41;
/// Bytes of a record between its name and its data: type, class, time to live, length.
const FIXED: u64 = 10;
/// Bytes of a question behind its name.
const QUESTION: u64 = 4;

/// Room for the places of addresses: a power of two, as is [`ANSWERS`], and more.
const PLACES: usize = ANSWERS * 2;

/// What the name that is read is.
mod role {
    pub(super) const QUESTION: u64 = 0;
    pub(super) const OWNER: u64 = 1;
    pub(super) const TARGET: u64 = 2;
}

/// A word in memory.
///
/// VERIFIER: volatile, or the compiler keeps the state in registers, of which there are not enough, and on the stack.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
struct Word(u64);

impl Word {
    #[inline(always)]
    fn get(&self) -> u64 {
        // SAFETY: a reference.
        unsafe { (&raw const self.0).read_volatile() }
    }

    #[inline(always)]
    fn set(&mut self, value: u64) {
        // SAFETY: a reference.
        unsafe { (&raw mut self.0).write_volatile(value) }
    }
}

/// A walk over an answer: eight bytes of a label or the fixed part of a record at a step.
///
/// Records that belong to the chain must stand in its order, as resolvers send them. A pointer leads before the name that it is in,
/// and on from there only further to the front, so that there is no loop. All sections must be whole and nothing may follow them.
///
/// VERIFIER: without branches, with all state in memory, and with no constant `&`ed with a mask, so that each step is followed once.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Walk {
    seed: Word,
    len: Word,
    kind: Word,
    /// What the next owner in the chain must be, and where in the message that name stands.
    wanted: Word,
    wanted_at: Word,
    pos: Word,
    /// Where the name that is read began; a pointer's target must be below `floor`.
    name_at: Word,
    floor: Word,
    /// Where reading goes on behind a name with a pointer; 0 before one.
    back: Word,
    need: Word,
    size: Word,
    label: Word,
    hash: Word,
    role: Word,
    /// 1 while a name is read.
    naming: Word,
    /// 1 when the record's owner is the wanted name.
    matched: Word,
    /// End of the record whose data is read.
    end: Word,
    /// Records of the answer section that are left, and of all.
    answers: Word,
    records: Word,
    found: Word,
    /// Bytes of the question's name.
    asked: Word,
    done: Word,
    bad: Word,
    /// Where the addresses stand. What is read behind the last that counts is written behind it, too, and not looked at.
    places: [u64; PLACES],
}

impl Walk {
    /// Before the question of a message of `len` bytes, whose header is `header`. `zero` is 0, as the verifier does not know.
    #[inline(always)]
    pub fn start(&mut self, (seed, zero): (u64, u64), len: u64, header: &Header, asked: &Asked) {
        let ((answers, records), first) = (header.records(), HEADER_BYTES as u64 | zero);
        let believed = header.answers() && header.is_good() && len <= ANSWER_BYTES as u64;
        self.seed.set(seed);
        self.len.set(len);
        self.kind.set(u64::from(asked.kind));
        self.wanted.set(asked.hash);
        self.hash.set(seed);
        for word in [&mut self.wanted_at, &mut self.pos, &mut self.name_at, &mut self.floor] {
            word.set(first);
        }
        for word in [&mut self.back, &mut self.need, &mut self.size, &mut self.label] {
            word.set(zero);
        }
        for word in [&mut self.matched, &mut self.end, &mut self.found, &mut self.asked, &mut self.done] {
            word.set(zero);
        }
        self.role.set(role::QUESTION | zero);
        self.naming.set(1 | zero);
        self.answers.set(answers);
        self.records.set(records);
        self.bad.set(1 ^ u64::from(believed) | zero);
    }

    /// Before anything.
    pub const fn new() -> Self {
        const ZERO: Word = Word(0);
        Self {
            seed: ZERO,
            len: ZERO,
            kind: ZERO,
            wanted: ZERO,
            wanted_at: ZERO,
            pos: ZERO,
            name_at: ZERO,
            floor: ZERO,
            back: ZERO,
            need: ZERO,
            size: ZERO,
            label: ZERO,
            hash: ZERO,
            role: ZERO,
            naming: ZERO,
            matched: ZERO,
            end: ZERO,
            answers: ZERO,
            records: ZERO,
            found: ZERO,
            asked: ZERO,
            done: ZERO,
            bad: ZERO,
            places: [0; PLACES],
        }
    }

    /// Whether there is nothing more to do.
    #[inline(always)]
    pub fn is_over(&self) -> bool {
        self.done.get() | self.bad.get() != 0
    }

    /// The next step; none may follow the last.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "what is masked before is small")]
    pub fn step(&mut self, message: &Message) {
        let (pos, role, naming) = (self.pos.get(), self.role.get(), self.naming.get());
        let at = (pos & (ANSWER_BYTES as u64 - 1)) as usize;
        let get = |n: usize| u64::from(message[at + n]);
        let pair = |n: usize| get(n) << 8 | get(n + 1);
        let (first, second) = (get(0), get(1));
        let owner = same(role, role::OWNER);

        // Bytes of a name.
        let need = self.need.get();
        let inside = naming & some(need);
        let length = naming & (some(need) ^ 1);
        let small = below(first, 64);
        let pointer = length & (below(first, 0xc0) ^ 1);
        let zero = length & same(first, 0);
        let begins = length & small & some(first);
        let to = (first & 0x3f) << 8 | second;
        // Beyond the answers, a name is of no interest.
        let answers = self.answers.get();
        let skips = owner & same(answers, 0);
        let name_at = self.name_at.get();
        let known = pointer & owner & same(pos, name_at) & same(to, self.wanted_at.get());
        let jumps = pointer & ((known | skips) ^ 1);
        let floor = self.floor.get();
        let backwards = below(to, floor) & (below(to, HEADER_BYTES as u64) ^ 1);
        let mut bad = length & (small ^ 1) & (pointer ^ 1) | jumps & (backwards ^ 1);
        let (seed, wanted) = (self.seed.get(), self.wanted.get());
        let more = choose(inside, need, first & (begins & (skips ^ 1)).wrapping_neg());
        let rest = more.wrapping_sub(8) & (below(8, more)).wrapping_neg();
        let taken = more - rest;
        let from = (at + (inside ^ 1) as usize) & (ANSWER_BYTES - 1);
        // SAFETY: within the message, which is longer than its longest content.
        let bytes = u64::from_le(unsafe { message.as_ptr().add(from).cast::<u64>().read_unaligned() });
        let bytes = bytes & (u64::MAX >> ((64 - taken * 8) & 63));
        let before = self.label.get();
        let own = word(choose(inside, before, word(seed, first)), folded(bytes));
        self.label.set(own);
        let whole = some(more) & (below(8, more) ^ 1);
        let before = self.hash.get();
        let hash = choose(known, wanted, choose(whole, label(before, own), before));
        let skipped = choose(begins & skips, first, 0);
        let size = self.size.get() + (begins | zero) + taken + skipped;
        bad |= naming & (below(size, NAME_BYTES as u64 + 1) ^ 1);
        self.need.set(rest);
        let ended = zero | known | pointer & skips;
        let back = self.back.get();
        let behind = choose(some(back), back, pos + 1 + (pointer & (zero ^ 1)));

        // The fixed part behind it.
        let (all, wanted_kind, matched) = (self.len.get(), self.kind.get(), self.matched.get());
        let asking = (naming ^ 1) & same(role, role::QUESTION);
        let record = (naming ^ 1) & (asking ^ 1);
        let (kind, class, len) = (pair(0), pair(2), pair(8));
        let data = pos + FIXED;
        let before = self.end.get();
        let end = choose(record, data + len, before);
        self.end.set(end);
        // Four bytes, or sixteen.
        let wide = 16 - 12 * same(wanted_kind, u64::from(A));
        let address = record & matched & same(class, IN) & same(kind, wanted_kind);
        let alias = record & matched & same(class, IN) & same(kind, CNAME);
        bad |= address & (same(len, wide) ^ 1) | record & below(all, end);
        bad |= record & same(kind, OPT) & some(get(4));
        bad |= asking & (same(kind, wanted_kind) & same(class, IN) & same(hash, wanted) ^ 1);
        bad |= asking & below(all, pos + QUESTION);
        let found = self.found.get();
        self.places[(found & (PLACES as u64 - 1)) as usize] = data;
        self.found.set(found + (address & below(found, ANSWERS as u64)));
        self.asked.set(choose(asking, pos - HEADER_BYTES as u64, self.asked.get()));

        // What a name was, and what comes next.
        let aimed = ended & same(role, role::TARGET);
        bad |= aimed & (same(behind, before) ^ 1);
        self.matched.set(choose(ended, owner & same(hash, wanted) & some(answers), matched));
        self.wanted.set(choose(aimed, hash, wanted));
        self.wanted_at.set(choose(aimed, name_at, self.wanted_at.get()));
        let over = aimed | record & (alias ^ 1);
        let next = over | asking;
        let records = self.records.get() - over;
        self.records.set(records);
        self.answers.set(answers - (over & some(answers)));
        let mut then = pos + (inside ^ 1) + taken + skipped;
        then = choose(jumps, to, then);
        then = choose(ended, behind, then);
        then = choose(asking, pos + QUESTION, then);
        then = choose(alias, data, then);
        then = choose(record & (alias ^ 1), end, then);
        self.pos.set(then);
        // A name begins: the next record's, or the one that an alias is for.
        let fresh = next | alias;
        self.back.set(choose(fresh | ended, 0, choose(jumps & same(back, 0), pos + 2, back)));
        self.floor.set(choose(fresh, then, choose(jumps, to, floor)));
        self.name_at.set(choose(fresh, then, name_at));
        self.hash.set(choose(fresh, seed, hash));
        self.size.set(choose(fresh, 0, size));
        let kept = role & (fresh ^ 1).wrapping_neg();
        self.role.set((next * role::OWNER) | (alias * role::TARGET) | kept);
        self.naming.set(fresh | naming & (ended ^ 1));
        let done = next & same(records, 0);
        self.done.set(done);
        bad |= (done ^ 1) & (below(then, all) ^ 1) | done & (same(then, all) ^ 1);
        self.bad.set(self.bad.get() | bad);
    }

    /// How many addresses were found, if the message is to be believed.
    #[inline(always)]
    pub fn found(&self) -> Option<u64> {
        (self.done.get() != 0 && self.bad.get() == 0).then_some(self.found.get())
    }

    /// Bytes of the question's name, which stands behind the header.
    #[inline(always)]
    pub fn asked(&self) -> u64 {
        self.asked.get()
    }

    /// The `n`th address, IPv4 mapped.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "what is masked before is small")]
    pub fn address(&self, message: &Message, n: usize) -> [u8; 16] {
        let at = (self.places[n & (ANSWERS - 1)] & (ANSWER_BYTES as u64 - 1)) as usize;
        let mut address = [0; 16];
        if self.kind.get() == u64::from(A) {
            address = crate::destination::mapped([message[at], message[at + 1], message[at + 2], message[at + 3]]);
        } else {
            address.copy_from_slice(&message[at..at + 16]);
        }
        address
    }
}

impl Default for Walk {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{destination::mapped, dns::AAAA, host::forward, limits::WALK_STEPS};
    extern crate std;
    use std::{vec, vec::Vec};

    const SEED: u64 = 0x5eed;

    fn name(text: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        for label in text.split('.').filter(|label| !label.is_empty()) {
            bytes.push(u8::try_from(label.len()).unwrap());
            bytes.extend_from_slice(label.as_bytes());
        }
        bytes.push(0);
        bytes
    }

    fn pointer(to: usize) -> Vec<u8> {
        vec![0xc0 | u8::try_from(to >> 8).unwrap(), u8::try_from(to & 0xff).unwrap()]
    }

    fn record(owner: &[u8], kind: u16, class: u16, data: &[u8]) -> Vec<u8> {
        let len = u16::try_from(data.len()).unwrap();
        let fixed = [&kind.to_be_bytes()[..], &class.to_be_bytes(), &[0, 0, 0, 9], &len.to_be_bytes()].concat();
        [owner, &fixed, data].concat()
    }

    fn address(owner: &[u8], last: u8) -> Vec<u8> {
        record(owner, A, 1, &[203, 0, 113, last])
    }

    fn alias(owner: &[u8], target: &[u8]) -> Vec<u8> {
        record(owner, 5, 1, target)
    }

    /// An answer to `asked` (type A) of these sections.
    fn message(asked: &str, sections: [&[Vec<u8>]; 3]) -> Vec<u8> {
        let count = |section: &[Vec<u8>]| u16::try_from(section.len()).unwrap().to_be_bytes();
        let mut bytes = vec![0x12, 0x34, 0x81, 0x80, 0, 1];
        sections.iter().for_each(|section| bytes.extend(count(section)));
        bytes.extend(name(asked));
        bytes.extend([0, 1, 0, 1]);
        sections.iter().copied().flatten().for_each(|record| bytes.extend(record));
        bytes
    }

    fn answer(asked: &str, records: &[Vec<u8>]) -> Vec<u8> {
        message(asked, [records, &[], &[]])
    }

    fn walk(bytes: &[u8], asked: &str, kind: u16) -> Option<Vec<[u8; 16]>> {
        let mut message = [0xa5; ANSWER_BYTES + 16];
        let kept = bytes.len().min(ANSWER_BYTES);
        message[..kept].copy_from_slice(&bytes[..kept]);
        let header = Header::new(bytes.first_chunk()?);
        let asked = Asked { hash: forward(SEED, asked.split('.').map(str::as_bytes)), kind };
        let mut walk = Walk::new();
        walk.start((SEED, 0), bytes.len() as u64, &header, &asked);
        for _ in 0..WALK_STEPS {
            if walk.is_over() {
                break;
            }
            walk.step(&message);
        }
        let found = usize::try_from(walk.found()?).unwrap();
        Some((0..found).map(|n| walk.address(&message, n)).collect())
    }

    fn found(bytes: &[u8]) -> Option<Vec<u8>> {
        let addresses = walk(bytes, "a.example.test", A)?;
        assert!(addresses.iter().all(|address| *address == mapped([203, 0, 113, address[15]])));
        Some(addresses.iter().map(|address| address[15]).collect())
    }

    /// Where the first record of an answer to `a.example.test` stands.
    const FIRST: usize = 12 + 16 + 4;

    #[test]
    fn addresses_of_the_asked_name_are_found() {
        let own = pointer(12);
        assert_eq!(found(&answer("a.example.test", &[address(&own, 1), address(&own, 2)])), Some(vec![1, 2]));
        let full = name("A.Example.TEST");
        assert_eq!(found(&answer("A.EXAMPLE.test", &[address(&full, 3)])), Some(vec![3]), "case, no compression");
        assert_eq!(found(&answer("a.example.test", &[])), Some(vec![]), "no data");
        let six: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
        let mut bytes = answer("a.example.test", &[record(&own, AAAA, 1, &six)]);
        bytes[FIRST - 3] = 28;
        assert_eq!(walk(&bytes, "a.example.test", AAAA), Some(vec![six]));
    }

    #[test]
    fn behind_the_last_that_counts_no_address_is_looked_at() {
        let own = pointer(12);
        for count in [31, 32, 33, 40] {
            let addresses: Vec<_> = (1..=count).map(|last| address(&own, last)).collect();
            let help = [record(&[0], 41, 1232, &[]), address(&own, 66)];
            let first: Vec<_> = (1..=count.min(32)).collect();
            assert_eq!(found(&message("a.example.test", [&addresses, &[], &help])), Some(first), "{count}");
        }
    }

    #[test]
    fn aliases_are_followed_in_order() {
        let own = pointer(12);
        let edge = name("edge.cdn.test");
        let at = FIRST + 2 + 10;
        let chain = [alias(&own, &edge), address(&pointer(at), 4), address(&edge, 5)];
        assert_eq!(found(&answer("a.example.test", &chain)), Some(vec![4, 5]));
        // `b` before what the asked name ends with.
        let target = [b"\x01b".as_slice(), &pointer(14)].concat();
        let chain = [alias(&own, &target), address(&name("b.example.test"), 6)];
        assert_eq!(found(&answer("a.example.test", &chain)), Some(vec![6]));
        let chain = [address(&edge, 7), alias(&own, &edge)];
        assert_eq!(found(&answer("a.example.test", &chain)), Some(vec![]), "before its alias");
        let chain = [alias(&own, &edge), address(&own, 7)];
        assert_eq!(found(&answer("a.example.test", &chain)), Some(vec![]), "of the name that is an alias");
        let loops = [alias(&own, &own)];
        assert_eq!(found(&answer("a.example.test", &loops)), Some(vec![]));
    }

    #[test]
    fn what_else_a_message_has_is_passed_over() {
        let own = pointer(12);
        let sections: [&[Vec<u8>]; 3] = [
            &[record(&own, 99, 1, b"text"), address(&own, 1), record(&own, A, 3, b"CHAOS?"), address(&own, 2)],
            &[record(&name("example.test"), 2, 1, &name("ns.example.test")), address(&own, 66)],
            &[record(&[0], 41, 1232, &[]), address(&own, 67)],
        ];
        let good = message("a.example.test", sections);
        assert_eq!(found(&good), Some(vec![1, 2]));
        let mut refused = good;
        // Behind its name, type and class.
        let code = refused.len() - 16 - 6;
        refused[code] = 1;
        assert_eq!(found(&refused), None, "an extended code");
    }

    #[test]
    fn a_message_that_is_not_whole_is_not_believed() {
        let own = pointer(12);
        let good = answer("a.example.test", &[address(&own, 1)]);
        assert_eq!(found(&good), Some(vec![1]));
        for len in 12..good.len() {
            assert_eq!(found(&good[..len]), None, "{len}");
        }
        assert_eq!(found(&[good.clone(), vec![0]].concat()), None, "trailing byte");
        for (at, to) in
            [(2, 0x01), (2, 0x91), (2, 0x83), (3, 0x83), (5, 2), (7, 2), (9, 1), (FIRST - 1, 3), (FIRST + 3, 28 ^ 1)]
        {
            let mut bad = good.clone();
            bad[at] = to;
            assert_ne!(found(&bad), Some(vec![1]), "{at}");
        }
        assert_eq!(found(&answer("b.example.test", &[address(&own, 1)])), None, "another question");
        assert_eq!(found(&answer("a.example.test", &[record(&own, A, 1, b"12345")])), None, "five bytes");
        for to in [FIRST, FIRST + 1, 0, 11, 0x3fff] {
            assert_eq!(found(&answer("a.example.test", &[address(&pointer(to), 1)])), None, "{to}");
        }
        let ends_early = record(&own, 5, 1, &[name("x.test"), vec![0]].concat());
        assert_eq!(found(&answer("a.example.test", &[ends_early])), None);
        let long = [b"\x3f".as_slice(), &[b'a'; 63]].concat().repeat(5);
        assert_eq!(found(&answer("a.example.test", &[address(&[long, vec![0]].concat(), 1)])), None);
    }

    #[test]
    fn no_bytes_make_it_go_on_or_panic() {
        let mut state = 7u64;
        let mut next = || {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            state.to_le_bytes()[5]
        };
        let own = pointer(12);
        let edge = name("edge.cdn.test");
        let base = answer("a.example.test", &[alias(&own, &edge), address(&edge, 1), address(&edge, 2)]);
        for _ in 0..20_000 {
            let mut bytes = base.clone();
            for _ in 0..=next() % 6 {
                let at = usize::from(next()) % bytes.len();
                bytes[at] = next();
            }
            let _ = walk(&bytes, "a.example.test", A);
        }
    }
}
