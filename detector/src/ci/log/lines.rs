//! Lines of a stream that comes in pieces.

/// Longest line that is kept, bytes: the plan has whole scripts in a line.
pub(super) const LINE_MAX: usize = 64 << 10;

/// Splits a stream into lines. Of a line that is too long, the beginning is kept.
#[derive(Debug, Default)]
pub(super) struct Lines {
    line: Vec<u8>,
    cut: bool,
}

impl Lines {
    /// Calls `each` with every line that `bytes` ends, and whether it was cut.
    pub(super) fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8], bool)) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|b| *b == b'\n') {
            self.push(&rest[..end]);
            each(self.line.strip_suffix(b"\r").unwrap_or(&self.line), self.cut);
            self.line.clear();
            self.cut = false;
            rest = &rest[end + 1..];
        }
        self.push(rest);
    }

    fn push(&mut self, part: &[u8]) {
        let kept = part.len().min(LINE_MAX - self.line.len());
        self.line.extend_from_slice(&part[..kept]);
        self.cut |= kept < part.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_cut_and_the_next_is_whole() {
        let mut lines = Lines::default();
        let mut seen = Vec::new();
        let mut bytes = vec![b'x'; LINE_MAX + 7];
        bytes.extend_from_slice(b"\nnext\r\nno end");
        for piece in bytes.chunks(1000) {
            lines.feed(piece, |line, cut| seen.push((line.len(), cut)));
        }
        assert_eq!(seen, [(LINE_MAX, true), (4, false)]);
    }
}
