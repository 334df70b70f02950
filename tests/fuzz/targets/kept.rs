//! Credential files, each read as if it were of every format.
#![no_main]

use detector::network::kept::{Format, format_of, formats, places};
use libfuzzer_sys::fuzz_target;
use std::{collections::HashSet, sync::LazyLock};

static FORMATS: LazyLock<HashSet<Format>> = LazyLock::new(|| formats().iter().map(|file| file.format).collect());

fuzz_target!(|bytes: &[u8]| {
    for format in &*FORMATS {
        let found = places(*format, bytes);
        assert!(found.len() <= 64, "{format:?}");
        for (n, place) in found.iter().enumerate() {
            let known = |b: u8| b.is_ascii_alphanumeric() && !b.is_ascii_uppercase() || b"-_.:".contains(&b);
            let host = &place.host;
            assert!((1..=253).contains(&host.len()) && host.bytes().all(known), "{format:?}: {host}");
            assert!(place.port != Some(0) && !found[..n].contains(place), "{format:?}: {place:?}");
        }
    }
    if let Ok(path) = std::str::from_utf8(bytes) {
        let _ = format_of(path);
    }
});
