//! The head of a line that begins a message.

use super::time::{self, UtcNanos};

/// Longest name of a source, bytes.
const SOURCE_MAX: usize = 64;

/// `[2026-03-01 10:00:00Z INFO StepsRunner] message`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header<'a> {
    /// When it was written, by the second.
    pub time: UtcNanos,
    /// The class that wrote it.
    pub source: &'a [u8],
    /// The first line of what it says.
    pub message: &'a [u8],
}

/// Reads `line`, if it begins a message. Only at the very start of a line: what stands within one is somebody's text.
pub(super) fn parse(line: &[u8]) -> Option<Header<'_>> {
    let rest = line.strip_prefix(b"[")?;
    let (stamp, rest) = rest.split_at_checked(20)?;
    let time = time::parse(stamp)?;
    let rest = rest.strip_prefix(b" ")?;
    let rest = [&b"INFO"[..], b"WARN", b"ERR ", b"CRIT", b"VERB"].iter().find_map(|level| rest.strip_prefix(*level))?;
    let rest = rest.strip_prefix(b" ")?;
    let len =
        rest.iter().take(SOURCE_MAX).take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_')).count();
    let (source, rest) = rest.split_at(len);
    let message = rest.strip_prefix(b"] ")?;
    (!source.is_empty()).then_some(Header { time, source, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_workers_form_is_a_head() {
        let line = b"[1970-01-01 00:00:02Z ERR  StepsRunner] Caught";
        assert_eq!(parse(line), Some(Header { time: 2_000_000_000, source: b"StepsRunner", message: b"Caught" }));
        for line in [
            " [1970-01-01 00:00:02Z INFO StepsRunner] x",
            "[1970-01-01 00:00:02Z NOTE StepsRunner] x",
            "[1970-01-01 00:00:02Z INFO Steps Runner] x",
            "[1970-01-01 00:00:02Z INFO ] x",
            "[1970-01-01 00:00:02Z INFO StepsRunner]x",
            "[WORKER 1970-01-01 00:00:02Z INFO StepsRunner] x",
            "[1970-01-01 00:00:02Z",
            "[",
            "",
        ] {
            assert_eq!(parse(line.as_bytes()), None, "{line}");
        }
    }
}
