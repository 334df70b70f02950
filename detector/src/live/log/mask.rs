//! Masking: what encoders make of a secret, taken out of a log.

use std::mem;

/// Least length of a run that is masked: more than a digest of SHA-1 in hexadecimal, less than a line of any encoder.
const SHORTEST: usize = 48;

/// What stands for what was masked.
const MASKED: &[u8] = b"***";

/// Masks runs of letters, digits and what else base64 has (RFC 4648, both alphabets), piece by piece of a stream.
#[derive(Debug, Default)]
pub(super) struct Mask {
    /// Length of the run that the last piece ended with, masked or not.
    run: usize,
    /// What stands on the line so far is one run.
    whole: bool,
    /// That run was masked.
    masked: bool,
    /// The line before was nothing but masked: the last line of a block may be short.
    block: bool,
}

impl Mask {
    /// At the start of a line.
    pub(super) fn new() -> Self {
        Self { whole: true, ..Self::default() }
    }

    /// `piece` without what may be a secret.
    pub(super) fn apply(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut masked = Vec::with_capacity(piece.len());
        let mut rest = piece;
        while !rest.is_empty() {
            let len = rest.iter().position(|byte| !is_encoded(*byte)).unwrap_or(rest.len());
            let (run, after) = rest.split_at(len);
            let before = mem::replace(&mut self.run, 0);
            // What ends a block, and whatever goes on in the next piece, is a line of nothing else.
            let line = self.whole && matches!(after.first(), None | Some(b'\n' | b'\r'));
            let is_block = before + len >= SHORTEST || self.block && line;
            if len > 0 && is_block {
                masked.extend_from_slice(if before >= SHORTEST { b"" } else { MASKED });
                self.masked = true;
            } else {
                masked.extend_from_slice(run);
            }
            let Some((next, behind)) = after.split_first() else {
                self.run = before + len;
                break;
            };
            masked.push(*next);
            match next {
                b'\n' => *self = Self { block: self.whole && self.masked, ..Self::new() },
                b'\r' => {}
                _ => self.whole = false,
            }
            rest = behind;
        }
        masked
    }
}

fn is_encoded(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(pieces: &[&str]) -> String {
        let mut mask = Mask::new();
        let all: Vec<u8> = pieces.iter().flat_map(|piece| mask.apply(piece.as_bytes())).collect();
        String::from_utf8_lossy(&all).into_owned()
    }

    #[test]
    fn blocks_go_and_lines_stay() {
        let block = "QUJDREVGR0hJSktMTU5P".repeat(4);
        assert_eq!(masked(&[&format!("start {block}==\nend\n")]), "start ***\nend\n");
        assert_eq!(masked(&["tests passed\n", "commit 0123456789abcdef0123456789abcdef01234567\n"]).lines().count(), 2);
        assert_eq!(masked(&["commit 0123456789abcdef0123456789abcdef01234567\n"]).len(), 48);
    }

    #[test]
    fn a_block_in_lines_goes_to_its_end() {
        let line = "QUJD".repeat(19);
        assert_eq!(masked(&[&format!("{line}\n{line}\nQUI=\n"), "tests passed\n"]), "***\n***\n***\ntests passed\n");
        assert_eq!(masked(&[&format!("{line}\r\nQUI=\r\nok it is\n")]), "***\r\n***\r\nok it is\n");
    }

    #[test]
    fn pieces_are_one_stream() {
        let block = "QUJD".repeat(30);
        let (head, tail) = block.split_at(60);
        assert_eq!(masked(&[head, tail, "\nQUI=", "\nended well\n"]), "***\n***\nended well\n");
        assert_eq!(masked(&["a word ", "and another\n"]), "a word and another\n");
    }

    #[test]
    fn what_is_short_stays() {
        let text = "PATH=/usr/bin:/bin\nid: 550e8400-e29b-41d4-a716-446655440000\n\nok\n";
        assert_eq!(masked(&[text]), text);
        assert_eq!(masked(&[]), "");
    }
}
