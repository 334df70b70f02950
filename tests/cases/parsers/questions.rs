//! Questions.

use crate::SEED;
use detector_common::{
    dns::{self, HEADER_BYTES, Header},
    host::{backward, forward},
    limits::{HOST_BYTES, HOST_LABELS},
};
use detector_tests::name_server::{
    random::Random,
    reference::{Asked, asked},
};

const MESSAGES: usize = 200_000;
/// What hashes begin with.
const HASHES: u64 = 77;
/// Bytes that the kernel side reads at once; those behind the message are zero.
const CHUNK: usize = 32;

/// What the kernel side makes of it: the question, and its type.
fn read(message: &[u8]) -> Option<(dns::Question, u16)> {
    let header = Header::new(message.first_chunk()?);
    let rest = message.get(HEADER_BYTES..).filter(|rest| !rest.is_empty() && header.asks())?;
    let mut name = dns::Name::new(HASHES, 0);
    for chunk in rest[..rest.len().min(HOST_BYTES)].chunks(CHUNK) {
        let behind = std::iter::repeat_n(&0, CHUNK - chunk.len());
        chunk.iter().chain(behind).for_each(|byte| name.read(*byte));
    }
    let question = name.finish()?;
    let behind = rest.get(usize::try_from(question.len).ok()?..)?;
    let &[a, b, c, d] = behind.first_chunk()?;
    (u16::from_be_bytes([c, d]) == 1).then_some((question, u16::from_be_bytes([a, b])))
}

/// What it is looked up by.
fn by_the_rules(asked: &Asked) -> (u64, Vec<u64>, u64) {
    let labels: Vec<_> = asked.name.labels().iter().map(Vec::as_slice).collect();
    let ends = (1..=labels.len().min(HOST_LABELS)).map(|n| &labels[labels.len() - n..]);
    let suffixes = ends.map(|end| backward(HASHES, end.iter().copied())).collect();
    (forward(HASHES, labels.iter().copied()), suffixes, labels.len() as u64)
}

#[test]
fn every_question_is_known_by_its_name() {
    println!("seed {SEED:#x}");
    let mut random = Random::new(SEED);
    let mut good = 0;
    for n in 0..MESSAGES {
        let message = random.almost_question();
        let (expected, found) = (asked(&message), read(&message));
        let same = match (&expected, &found) {
            (Some(asked), Some((question, kind))) => {
                let (hash, suffixes, count) = by_the_rules(asked);
                let known = &question.suffixes[..suffixes.len()];
                (question.hash, known, question.count) == (hash, &suffixes[..], count)
                    && (question.len, *kind) == (asked.length as u64, asked.kind)
            }
            (None, None) => true,
            _ => false,
        };
        assert!(same, "message {n}: {expected:?}, but {found:?}: {message:02x?}");
        good += usize::from(expected.is_some());
    }
    println!("{MESSAGES} messages, {good} questions");
    assert!((MESSAGES / 5..MESSAGES * 4 / 5).contains(&good), "{good}: too many of one kind");
}
