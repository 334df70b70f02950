//! The reader of BTF: of any bytes, and of types and strings behind a header that fits them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    detector::kernel::ask_btf(bytes);
    if let Some(fitted) = fitted(bytes) {
        detector::kernel::ask_btf(&fitted);
    }
});

/// A header for the bytes behind the first, which says how many of them, from the end, are strings.
fn fitted(bytes: &[u8]) -> Option<Vec<u8>> {
    let (strings, rest) = bytes.split_first()?;
    let types = u32::try_from(rest.len().checked_sub(usize::from(*strings))?).ok()?;
    let mut data = 0xeb9f_u16.to_ne_bytes().to_vec();
    data.extend([1, 0]);
    data.extend([24, 0, types, types, u32::from(*strings)].iter().flat_map(|word: &u32| word.to_ne_bytes()));
    data.extend_from_slice(rest);
    Some(data)
}
