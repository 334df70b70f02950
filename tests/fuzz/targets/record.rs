//! Records of the kernel's rings: any bytes, and such as have a kind and a length that fit.
#![no_main]

use detector::{event::Event, kernel, recording::LINE_MAX};
use detector_common::record::{self, kind};
use libfuzzer_sys::fuzz_target;
use std::mem::offset_of;

/// Kinds with the length of a whole record, and how much of that must be there.
const KINDS: [(u16, usize, usize); 18] = [
    whole::<record::Fork>(kind::FORK),
    (kind::EXEC, size_of::<record::Exec>(), offset_of!(record::Exec, path) + COMPONENTS),
    whole::<record::Exit>(kind::EXIT),
    whole::<record::Script>(kind::SCRIPT),
    (kind::WORKDIR, size_of::<record::Workdir>(), offset_of!(record::Workdir, path) + COMPONENTS),
    (kind::OPEN, size_of::<record::Open>(), offset_of!(record::Open, path) + COMPONENTS),
    whole::<record::Attempt>(kind::ATTEMPT),
    whole::<record::Access>(kind::ACCESS),
    whole::<record::Flow>(kind::GIVE),
    whole::<record::Flow>(kind::TAKE),
    whole::<record::Print>(kind::PRINT),
    whole::<record::Network>(kind::NETWORK),
    whole::<record::Drop>(kind::DROP),
    (kind::NAME, size_of::<record::Name>(), offset_of!(record::Name, addresses)),
    whole::<record::Question>(kind::QUESTION),
    whole::<record::Request>(kind::REQUEST),
    whole::<record::Kill>(kind::KILL),
    whole::<record::Worker>(kind::WORKER),
];
const COMPONENTS: usize = offset_of!(record::Path, components);

const fn whole<T>(kind: u16) -> (u16, usize, usize) {
    (kind, size_of::<T>(), size_of::<T>())
}

fuzz_target!(|bytes: &[u8]| {
    decoded(bytes);
    if let Some((first, rest)) = bytes.split_first() {
        let (kind, most, least) = KINDS[usize::from(*first) % KINDS.len()];
        let mut record = kind.to_ne_bytes().to_vec();
        record.extend_from_slice(rest);
        record.resize(record.len().clamp(least, most), 0);
        decoded(&record);
    }
});

fn decoded(bytes: &[u8]) {
    let _ = (kernel::time(bytes), kernel::glance(bytes), kernel::opened(bytes));
    let _ = (kernel::workdir(bytes), kernel::image(bytes));
    for known in [0, 2, usize::MAX] {
        let Ok(Some(event)) = kernel::decode(bytes, |_| known) else { continue };
        // What is recorded is what was seen.
        let line = serde_json::to_string(&event).expect("an event is JSON");
        assert!(line.len() <= LINE_MAX && !line.contains(char::is_control), "{line:?}");
        assert_eq!(serde_json::from_str::<Event>(&line).expect("it is an event"), event);
    }
}
