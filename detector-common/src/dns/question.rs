//! A question: the name that is asked for, and what a policy may know it by.

use super::{NAME_BYTES, choose, same};
use crate::{
    host::{folded, label, word},
    limits::HOST_LABELS,
    watch::{below, some},
};

/// A name while its bytes are read in order, as they stand in a question: lengths and labels, no pointers.
///
/// VERIFIER: without branches, and all state from outside: each byte is followed once.
#[derive(Clone, Copy, Debug)]
pub struct Name {
    seed: u64,
    /// Bytes that the label still has.
    need: u64,
    /// Bytes of it since the last whole word, and how many bits they are.
    word: u64,
    bits: u64,
    label: u64,
    hash: u64,
    labels: [u64; HOST_LABELS],
    count: u64,
    len: u64,
    done: u64,
    bad: u64,
}

impl Name {
    /// No byte was read. `zero` is 0, as the verifier does not know.
    #[inline(always)]
    pub fn new(seed: u64, zero: u64) -> Self {
        Self {
            seed,
            need: zero,
            word: zero,
            bits: zero,
            label: zero,
            hash: seed,
            labels: [zero; HOST_LABELS],
            count: zero,
            len: zero,
            done: zero,
            bad: zero,
        }
    }

    /// The next byte. Those behind the name change nothing.
    #[inline(always)]
    pub fn read(&mut self, next: u8) {
        let next = u64::from(next);
        let live = self.done ^ 1;
        let inside = live & some(self.need);
        let length = live & (some(self.need) ^ 1);
        let ends = length & same(next, 0);
        let begins = length & some(next) & below(next, 64);
        // A pointer, or a label of a kind that nobody uses: there is nothing before a question that it could point to.
        self.bad |= length & (below(next, 64) ^ 1);
        self.word = choose(inside, self.word | next << (self.bits & 63), 0);
        self.bits = choose(inside, self.bits + 8, 0);
        let whole = inside & same(self.need, 1);
        let full = whole | inside & same(self.bits, 64);
        let begun = choose(begins, word(self.seed, next), self.label);
        self.label = choose(full, word(self.label, folded(self.word)), begun);
        self.word = choose(full, 0, self.word);
        self.bits = choose(full, 0, self.bits);
        self.hash = choose(whole, label(self.hash, self.label), self.hash);
        let mut n = HOST_LABELS - 1;
        while n > 0 {
            self.labels[n] = choose(whole, self.labels[n - 1], self.labels[n]);
            n -= 1;
        }
        self.labels[0] = choose(whole, self.label, self.labels[0]);
        self.count += whole;
        self.need = choose(inside, self.need - inside, choose(begins, next, self.need));
        self.len += live;
        self.done |= ends | self.bad;
    }

    /// The question; `kind` and `class` stand behind the name.
    #[inline(always)]
    pub fn finish(&self) -> Option<Question> {
        if self.done == 0 || self.bad != 0 || self.count == 0 || self.len > NAME_BYTES as u64 {
            return None;
        }
        // From the root on: `suffixes[n]` is that of the last n + 1 labels.
        let mut suffixes = [0; HOST_LABELS];
        let (mut n, mut so_far) = (0, self.seed);
        while n < HOST_LABELS {
            so_far = label(so_far, self.labels[n]);
            suffixes[n] = so_far;
            n += 1;
        }
        Some(Question { hash: self.hash, suffixes, count: self.count, len: self.len })
    }
}

/// A question's name, as it is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// [`crate::host::forward`] of the name.
    pub hash: u64,
    /// [`crate::host::backward`] of its last label, of its last two, and so on; of more than it has, whatever.
    pub suffixes: [u64; HOST_LABELS],
    /// How many labels it has.
    pub count: u64,
    /// Its bytes in the message.
    pub len: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{backward, forward};
    extern crate std;
    use std::vec::Vec;

    const SEED: u64 = 77;

    fn wire(name: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        for label in name.split('.') {
            bytes.push(u8::try_from(label.len()).unwrap());
            bytes.extend_from_slice(label.as_bytes());
        }
        bytes.push(0);
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Question> {
        let mut name = Name::new(SEED, 0);
        bytes.iter().for_each(|byte| name.read(*byte));
        name.finish()
    }

    #[test]
    fn a_name_is_known_by_itself_and_by_its_ends() {
        for text in ["a.b.c.example.test", "test", "x.test", "1.2.3.4.5.6.7.8.9.10.test"] {
            let mut bytes = wire(&text.to_uppercase());
            let len = bytes.len() as u64;
            bytes.extend_from_slice(b"\0\x01\0\x01 and more");
            let question = read(&bytes).unwrap();
            let labels: Vec<_> = text.split('.').map(str::as_bytes).collect();
            assert_eq!(question.hash, forward(SEED, labels.iter().copied()));
            assert_eq!((question.count, question.len), (labels.len() as u64, len));
            for n in 1..=labels.len().min(HOST_LABELS) {
                let end = labels[labels.len() - n..].iter().copied();
                assert_eq!(question.suffixes[n - 1], backward(SEED, end), "{text} {n}");
            }
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let mut long = [b"\x3f".as_slice(), &[b'a'; 63]].concat().repeat(4);
        long.push(0);
        for bad in [b"".as_slice(), b"\0", b"\x01a", b"\x05a\0", b"\xc0\x0c\0", b"\x01a\xc0\x0c", b"\x40a\0", &long] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
        assert!(read(&long[64 + 2..]).is_none(), "in the middle of a label");
        assert!(read(&long[64..]).is_some());
    }
}
