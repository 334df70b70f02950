//! Writes a recording.

use super::{Footer, HEADER_MAX, Header, LINE_MAX, WriteError};
use crate::event::Event;
use serde::Serialize;
use std::io::Write;

/// Bytes gathered before they are written.
const GATHER: usize = 64 << 10;

/// Writes a header, then events, then a footer.
///
/// The first failure is returned once and ends the recording: later calls do nothing, since a line after a
/// partial one would make the file unreadable. Whoever records goes on without.
///
/// Not a `BufWriter`: that one keeps what it could not write and tries again when it is dropped.
pub struct Writer<W: Write> {
    output: W,
    gathered: Vec<u8>,
    events: u64,
    state: State,
}

enum State {
    Open,
    Closed,
    Failed(String),
}

impl<W: Write> Writer<W> {
    /// A recording into `output`, which needs no buffer of its own.
    pub fn new(output: W) -> Self {
        Self { output, gathered: Vec::with_capacity(GATHER), events: 0, state: State::Open }
    }

    /// One that goes on: `output` has a header and `events` events, each on a whole line.
    pub fn resume(output: W, events: u64) -> Self {
        let mut writer = Self::new(output);
        writer.events = events;
        writer
    }

    /// Writes the first line, at once: a recording that was killed early says at least what it was.
    pub fn header(&mut self, header: &Header) -> Result<(), WriteError> {
        self.attempt(|writer| writer.line(header, HEADER_MAX).and_then(|()| writer.write()))
    }

    /// Writes an event, at the latest with the next [`flush`](Self::flush).
    pub fn event(&mut self, event: &Event) -> Result<(), WriteError> {
        self.attempt(|writer| {
            writer.line(event, LINE_MAX)?;
            writer.events += 1;
            if writer.gathered.len() < GATHER { Ok(()) } else { writer.write() }
        })
    }

    /// Writes the last line and all before it; later calls do nothing.
    pub fn footer(&mut self, footer: &Footer) -> Result<(), WriteError> {
        self.attempt(|writer| {
            writer.line(footer, LINE_MAX)?;
            writer.write()?;
            writer.state = State::Closed;
            Ok(())
        })
    }

    /// Hands everything gathered to the output.
    pub fn flush(&mut self) -> Result<(), WriteError> {
        self.attempt(Self::write)
    }

    /// Events taken so far: what the footer says.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Why the recording ended early, if it did.
    pub fn failed(&self) -> Option<&str> {
        match &self.state {
            State::Failed(reason) => Some(reason),
            State::Open | State::Closed => None,
        }
    }

    fn attempt(&mut self, act: impl FnOnce(&mut Self) -> Result<(), WriteError>) -> Result<(), WriteError> {
        if !matches!(self.state, State::Open) {
            return Ok(());
        }
        act(self).inspect_err(|error| {
            self.gathered = Vec::new();
            self.state = State::Failed(error.to_string());
        })
    }

    fn line<T: Serialize>(&mut self, line: &T, max: usize) -> Result<(), WriteError> {
        let start = self.gathered.len();
        serde_json::to_writer(&mut self.gathered, line)?;
        let length = self.gathered.len() - start;
        if length > max {
            return Err(WriteError::TooLong(length));
        }
        self.gathered.push(b'\n');
        Ok(())
    }

    fn write(&mut self) -> Result<(), WriteError> {
        self.output.write_all(&self.gathered)?;
        self.gathered.clear();
        Ok(self.output.flush()?)
    }
}

impl<W: Write> Drop for Writer<W> {
    fn drop(&mut self) {
        // Nobody is left to tell; the missing footer does.
        let _ = self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::{Reader, events, footer, header};
    use std::io;

    /// A disk with room for `room` bytes, which frees up `later` after it was full once.
    struct Disk {
        room: usize,
        later: usize,
        written: Vec<u8>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.room);
            if taken == 0 && !bytes.is_empty() {
                self.room = std::mem::take(&mut self.later);
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= taken;
            self.written.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_said_once_and_leaves_a_readable_recording() {
        let head = serde_json::to_string(&header()).unwrap().len() + 1;
        for room in [head, head + 1, head + 150, head + 1000] {
            let mut disk = Disk { room, later: 1 << 20, written: Vec::new() };
            let mut writer = Writer::new(&mut disk);
            writer.header(&header()).unwrap();
            let mut errors = 0;
            for event in events() {
                errors += usize::from(writer.event(&event).is_err());
                errors += usize::from(writer.flush().is_err());
            }
            assert_eq!(errors, 1);
            writer.footer(&footer()).unwrap();
            assert!(writer.failed().unwrap().starts_with("cannot write the recording: "));
            drop(writer);

            assert_eq!(disk.written.len(), room, "nothing was written after the failure");
            let mut reader = Reader::new(disk.written.as_slice()).unwrap();
            let read = reader.by_ref().map(Result::unwrap).collect::<Vec<_>>();
            assert_eq!(read, events()[..read.len()]);
            assert_eq!((reader.footer(), reader.truncated()), (None, room != head));
        }
    }

    #[test]
    fn a_disk_that_is_full_from_the_start_is_said_once() {
        let mut disk = Disk { room: 0, later: 0, written: Vec::new() };
        let mut writer = Writer::new(&mut disk);
        assert!(matches!(writer.header(&header()), Err(WriteError::Io(_))));
        assert!(writer.event(&events()[0]).is_ok() && writer.flush().is_ok());
        assert_eq!(writer.events(), 0);
    }

    #[test]
    fn events_are_gathered_and_a_drop_writes_them() {
        let mut output = Vec::new();
        let mut writer = Writer::new(&mut output);
        for event in events() {
            writer.event(&event).unwrap();
        }
        assert_eq!(writer.events(), events().len() as u64);
        assert!(writer.output.is_empty());
        drop(writer);
        assert_eq!(output.iter().filter(|byte| **byte == b'\n').count(), events().len());
    }

    #[test]
    fn nothing_follows_a_footer() {
        let mut output = Vec::new();
        let mut writer = Writer::new(&mut output);
        writer.footer(&footer()).unwrap();
        writer.event(&events()[0]).unwrap();
        assert_eq!(writer.failed(), None);
        drop(writer);
        assert_eq!(output.iter().filter(|byte| **byte == b'\n').count(), 1);
    }

    #[test]
    fn no_line_is_written_that_would_not_be_read() {
        let mut long = header();
        long.command = vec!["x".repeat(HEADER_MAX)];
        let mut output = Vec::new();
        assert!(matches!(Writer::new(&mut output).header(&long), Err(WriteError::TooLong(_))));
        assert!(output.is_empty());
    }
}
