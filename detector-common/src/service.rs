//! Services of the host that find names for others: whoever asks one over its unix socket has it ask in its own name.

use crate::limits::SERVICE_PATH_BYTES;

/// What is known of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its number in records; never given to another one.
    pub number: u32,
    /// The path that its socket is bound to. A process may reach it by another one.
    pub path: &'static str,
}

/// nscd, and what speaks its protocol.
pub const NSCD: u32 = 1;
/// systemd-resolved, as `nss-resolve` asks it.
pub const RESOLVED: u32 = 2;

/// All of them. The C library has nscd's socket below `/var/run` (nscd/nscd-client.h).
pub const KNOWN: [Known; 3] = [
    Known { number: NSCD, path: "/run/nscd/socket" },
    Known { number: NSCD, path: "/var/run/nscd/socket" },
    Known { number: RESOLVED, path: "/run/systemd/resolve/io.systemd.Resolve" },
];

/// Words of a path.
pub const WORDS: usize = SERVICE_PATH_BYTES / 8;

impl Known {
    /// The words of its path, and the bits of them that count: the zero behind the path, and nothing behind that.
    pub const fn words(&self) -> [(u64, u64); WORDS] {
        let (bytes, mut words, mut n) = (self.path.as_bytes(), [(0, 0); WORDS], 0);
        assert!(bytes.len() < SERVICE_PATH_BYTES, "longer than what is compared");
        while n <= bytes.len() {
            let shift = (n % 8) * 8;
            if n < bytes.len() {
                words[n / 8].0 |= (bytes[n] as u64) << shift;
            }
            words[n / 8].1 |= 0xff << shift;
            n += 1;
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(known: &Known, bound: &[u8]) -> bool {
        let mut bytes = [0xee; SERVICE_PATH_BYTES];
        bytes[..bound.len()].copy_from_slice(bound);
        let words = bytes.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap_or_default()));
        words.zip(known.words()).all(|(word, (path, mask))| (word ^ path) & mask == 0)
    }

    #[test]
    fn a_path_is_that_path_and_no_other() {
        for known in KNOWN {
            let whole = [known.path.as_bytes(), b"\0"].concat();
            assert!(is(&known, &whole), "{known:?}");
            for n in 0..whole.len() {
                let mut other = whole.clone();
                other[n] ^= 1;
                assert!(!is(&known, &other), "{known:?} at {n}");
            }
        }
        assert!(!is(&KNOWN[0], b"/run/nscd/socket2\0"));
    }
}
