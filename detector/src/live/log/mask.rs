//! Masking: what encoders make of a secret, taken out of a log.

use std::mem;

/// Least length of a run that is masked: more than a digest of SHA-1 in hexadecimal, less than a line of any encoder.
const SHORTEST: usize = 48;

/// What stands for what was masked.
const MASKED: &[u8] = b"***";

/// What GitHub's runner takes for its own and prints masked (docs.github.com, workflow commands): it must learn the value.
const ADD_MASK: &[u8] = b"::add-mask::";

/// Masks runs of letters and digits, and a few of what else base64 has (RFC 4648, both alphabets), piece by piece of a stream.
#[derive(Debug)]
pub(super) struct Mask {
    /// Length of what was masked of the run that the last piece ended with.
    run: usize,
    /// What stands on the line so far is one run.
    whole: bool,
    /// That run was masked for its length.
    masked: bool,
    /// The line before was such a one: the next may be a block's last, and short.
    block: bool,
    /// The line is a command that must pass.
    command: bool,
    /// Whether there are such commands.
    commands: bool,
}

impl Mask {
    /// At the start of a line; `commands` where GitHub's runner reads it.
    pub(super) fn new(commands: bool) -> Self {
        Self { run: 0, whole: true, masked: false, block: false, command: false, commands }
    }

    /// `piece` without what may be a secret.
    pub(super) fn apply(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut masked = Vec::with_capacity(piece.len());
        let (mut rest, mut start) = (piece, self.whole && self.run == 0);
        while !rest.is_empty() {
            self.command |= start && self.commands && rest.starts_with(ADD_MASK);
            start = false;
            let len = rest.iter().position(|byte| !is_encoded(*byte)).unwrap_or(rest.len());
            let (run, after) = rest.split_at(len);
            let before = mem::take(&mut self.run);
            let long = before > 0 || len >= SHORTEST && is_dense(run);
            let line = self.whole && matches!(after.first(), Some(b'\n' | b'\r'));
            let last = self.block && line && len % 4 == 0;
            if len > 0 && (long || last) && !self.command {
                masked.extend_from_slice(if before > 0 { b"" } else { MASKED });
                self.masked |= long;
            } else {
                masked.extend_from_slice(run);
            }
            let Some((next, behind)) = after.split_first() else {
                self.run = if long { before + len } else { 0 };
                self.whole &= long;
                break;
            };
            masked.push(*next);
            match next {
                b'\n' => {
                    *self = Self { block: self.whole && self.masked, ..Self::new(self.commands) };
                    start = true;
                }
                b'\r' => {}
                _ => self.whole = false,
            }
            rest = behind;
        }
        masked
    }
}

fn is_encoded(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || is_other(byte)
}

fn is_other(byte: u8) -> bool {
    matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=')
}

/// Of letters and digits, both, and hardly anything else: no path, no rule across the page.
fn is_dense(run: &[u8]) -> bool {
    let others = run.iter().filter(|byte| is_other(**byte)).count();
    others * 10 <= run.len() && run.iter().any(u8::is_ascii_digit) && run.iter().any(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(pieces: &[&str]) -> String {
        let mut mask = Mask::new(false);
        let all: Vec<u8> = pieces.iter().flat_map(|piece| mask.apply(piece.as_bytes())).collect();
        String::from_utf8_lossy(&all).into_owned()
    }

    #[test]
    fn blocks_go_and_lines_stay() {
        let block = "QUJDREVGR0hJSktMTU5P".repeat(4);
        assert_eq!(masked(&[&format!("start {block}==\nend\n")]), "start ***\nend\n");
        assert_eq!(masked(&[&format!("{block}\nended\nPASS\n42\n")]), "***\nended\nPASS\n42\n");
        let text = "tests passed\ncommit 0123456789abcdef0123456789abcdef01234567\n";
        assert_eq!(masked(&[text]), text);
    }

    #[test]
    fn a_block_in_lines_goes_to_its_end() {
        let line = "QUJD".repeat(18) + "R1I0";
        assert_eq!(masked(&[&format!("{line}\n{line}\nQUI=\n"), "tests passed\n"]), "***\n***\n***\ntests passed\n");
        assert_eq!(masked(&[&format!("{line}\r\nQUI=\r\nok it is\n")]), "***\r\n***\r\nok it is\n");
    }

    #[test]
    fn pieces_are_one_stream() {
        let block = "QUJ1".repeat(30);
        let (head, tail) = block.split_at(60);
        assert_eq!(masked(&[head, tail, "\nQUI=\n", "ended well\n"]), "***\n***\nended well\n");
        assert_eq!(masked(&["a word ", "and another\n"]), "a word and another\n");
        assert_eq!(masked(&["PA", "SS\n"]), "PASS\n");
    }

    #[test]
    fn what_is_no_block_stays() {
        let rule = "=".repeat(80);
        let path = "/usr/lib/node1/dist/Components/Button1/index/And/So/On/For/Ever/And/Ever";
        let text = format!("PATH=/usr/bin:/bin\nid: 550e8400-e29b-41d4-a716-446655440000\n\n{rule}\n{path}\nok\n");
        assert_eq!(masked(&[&text]), text);
        assert_eq!(masked(&[]), "");
    }

    #[test]
    fn what_githubs_runner_must_learn_passes() {
        let token = "QUJ1".repeat(30);
        let text = format!("::add-mask::{token}\n");
        let mut mask = Mask::new(true);
        assert_eq!(mask.apply(text.as_bytes()), text.as_bytes());
        assert_eq!(mask.apply(format!("x {token}\n").as_bytes()), b"x ***\n");
        assert_eq!(masked(&[&text]), "::add-mask::***\n");
    }
}
