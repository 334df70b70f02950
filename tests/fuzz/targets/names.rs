//! Names: what services of the host are asked for, questions and answers of the DNS, and what is shown of a name.
#![no_main]

use detector::{event::Service, network::Request, secret::redact};
use detector_common::{
    dns::{self, Header, Walk},
    limits::{ANSWER_BYTES, ANSWERS, WALK_STEPS},
};
use libfuzzer_sys::fuzz_target;

/// What hashes begin with.
const SEED: u64 = 0x5eed;

fuzz_target!(|bytes: &[u8]| {
    for service in [Service::Nscd, Service::SystemdResolved] {
        for whole in [false, true] {
            if let Request::Name(name) = Request::of(service, bytes, whole) {
                assert!(whole);
                shown(&name);
            }
        }
    }
    if let Some(name) = redact::name(bytes) {
        shown(&name);
    }
    answer(bytes);
});

/// In what is shown of a name, as many labels stand as before, and nothing acts on a terminal.
fn shown(name: &str) {
    for known in [0, 1, 3, usize::MAX] {
        let shown = redact::host(name, known);
        assert!(!shown.contains(char::is_control), "{shown:?}");
        assert_eq!(shown.split('.').count(), name.split('.').count(), "{name:?}: {shown:?}");
    }
}

/// Walks over a message as the kernel side does, to the question that it repeats itself.
fn answer(message: &[u8]) {
    let Some((head, question)) = message.split_first_chunk() else { return };
    if message.len() > ANSWER_BYTES {
        return;
    }
    let mut name = dns::Name::new(SEED, 0);
    question.iter().for_each(|byte| name.read(*byte));
    let Some(question) = name.finish() else { return };
    let mut buffer = [0xa5; ANSWER_BYTES + 16];
    buffer[..message.len()].copy_from_slice(message);
    for kind in [dns::A, dns::AAAA] {
        let mut walk = Walk::new();
        let asked = dns::Asked { hash: question.hash, kind };
        walk.start((SEED, 0), message.len() as u64, &Header::new(head), &asked);
        for _ in 0..WALK_STEPS {
            if walk.is_over() {
                break;
            }
            walk.step(&buffer);
        }
        if let Some(found) = walk.found() {
            assert!(found <= ANSWERS as u64 && walk.asked() == question.len);
            (0..ANSWERS).for_each(|n| _ = walk.address(&buffer, n));
        }
    }
}
