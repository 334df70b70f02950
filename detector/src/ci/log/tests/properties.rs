//! What holds for any bytes.

use super::{super::time::SECOND, *};

/// Numbers without a pattern (Marsaglia's xorshift).
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn any_chunking_says_the_same() {
    let mut state = 7;
    for (provider, text) in [(Provider::GitHub, GITHUB), (Provider::Azure, AZURE)] {
        let (whole, expected) = read(provider, text);
        for size in [1, 2, 3, 7, 64, 4096] {
            let mut log = StepLog::new(provider).unwrap();
            let mut events = Vec::new();
            let mut rest = text.as_bytes();
            while !rest.is_empty() {
                let len = usize::try_from(1 + random(&mut state) % size).unwrap().min(rest.len());
                events.extend(log.feed(&rest[..len]));
                rest = &rest[len..];
            }
            assert_eq!((events, log.steps()), (expected.clone(), whole.steps()), "{size}");
        }
    }
}

#[test]
fn no_bytes_make_it_fail() {
    let mut state = 42;
    for round in 0..400 {
        let provider = if round % 2 == 0 { Provider::GitHub } else { Provider::Azure };
        let mut bytes = if round % 2 == 0 { GITHUB } else { AZURE }.as_bytes().to_vec();
        for _ in 0..1 + random(&mut state) % 64 {
            let at = usize::try_from(random(&mut state)).unwrap() % bytes.len();
            match random(&mut state) % 4 {
                0 => bytes[at] = random(&mut state).to_le_bytes()[0],
                1 => bytes.truncate(bytes.len().max(40) - usize::try_from(random(&mut state) % 20).unwrap()),
                2 => bytes.insert(at, b"'\"\n[] {}\\"[usize::try_from(random(&mut state) % 9).unwrap()]),
                _ => {
                    let end = (at + 300).min(bytes.len());
                    let copy = bytes[at..end].to_vec();
                    bytes.splice(at..at, copy);
                }
            }
        }
        let mut log = StepLog::new(provider).unwrap();
        for chunk in bytes.chunks(1 + usize::try_from(random(&mut state) % 500).unwrap()) {
            log.feed(chunk);
        }
        for second in 0..120 {
            let _ = (log.step_at(TEN + second * SECOND), log.step_of(4243, TEN + second * SECOND));
        }
    }
}
