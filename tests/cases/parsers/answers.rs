//! Answers.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use crate::SEED;
use detector_common::{
    dns::{self, Header, Walk},
    host::forward,
    limits::{ANSWER_BYTES, WALK_STEPS},
};
use detector_tests::name_server::{
    Name,
    random::Random,
    reference::{Asked, asked, taught},
};
use std::{
    net::{IpAddr, Ipv6Addr},
    thread,
};

const MESSAGES: usize = 200_000;
/// Threads, each with a seed of its own.
const PARTS: usize = 4;
/// What hashes begin with.
const HASHES: u64 = 0x5eed;

/// What the kernel side makes of it. `buffer` is used again and again, as there.
fn walked(message: &[u8], asked: &Asked, buffer: &mut dns::Message) -> Option<Vec<IpAddr>> {
    let header = Header::new(message.first_chunk()?);
    if header.id != asked.id || !header.answers() || message.len() > ANSWER_BYTES {
        return None;
    }
    buffer[..message.len()].copy_from_slice(message);
    let labels = asked.name.labels().iter().map(Vec::as_slice);
    let mut walk = Walk::new();
    let question = dns::Asked { hash: forward(HASHES, labels), kind: asked.kind };
    walk.start((HASHES, 0), message.len() as u64, &header, &question);
    for _ in 0..WALK_STEPS {
        if walk.is_over() {
            break;
        }
        walk.step(buffer);
    }
    let found = usize::try_from(walk.found()?).ok()?;
    assert_eq!(walk.asked(), asked.length as u64);
    Some((0..found).map(|n| Ipv6Addr::from(walk.address(buffer, n)).to_canonical()).collect())
}

#[test]
fn every_answer_teaches_what_the_rules_say() {
    println!("seed {SEED:#x}");
    let parts = thread::scope(|scope| {
        let part = |n| scope.spawn(move || compared(SEED + n, MESSAGES / PARTS));
        (0..PARTS as u64).map(part).collect::<Vec<_>>().into_iter().map(|part| part.join()).collect::<Vec<_>>()
    });
    let (mut believed, mut teaching) = (0, 0);
    for part in parts {
        let part = part.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (believed, teaching) = (believed + part.0, teaching + part.1);
    }
    println!("{MESSAGES} messages, {believed} believed, {teaching} with addresses");
    assert!((MESSAGES / 5..MESSAGES * 4 / 5).contains(&teaching), "{teaching}: too many of one kind");
}

/// How many of so many messages are believed, and teach something.
fn compared(seed: u64, messages: usize) -> (usize, usize) {
    let mut random = Random::new(seed);
    let mut buffer = [0xa5; ANSWER_BYTES + 16];
    let (mut believed, mut teaching) = (0, 0);
    for n in 0..messages {
        let name = Name::from(["a.test", "api.good.test", "an-odd-name-of-more-than-eight.bytes.test"][n % 3]);
        let question = random.question(&name);
        let Some(asked) = asked(&question) else { panic!("no question: {question:02x?}") };
        let message = random.answer(&question);
        let expected = taught(&message, &asked);
        let found = walked(&message, &asked, &mut buffer);
        assert_eq!(found, expected, "seed {seed:#x}, message {n} to {asked:?}: {message:02x?}");
        believed += usize::from(expected.is_some());
        teaching += usize::from(expected.is_some_and(|addresses| !addresses.is_empty()));
    }
    (believed, teaching)
}
