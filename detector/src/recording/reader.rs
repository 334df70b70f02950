//! Reads a recording, which may have been cut short, damaged or forged.

use super::{Footer, HEADER_MAX, Header, LINE_MAX, ReadError, error::printable};
use crate::event::{Event, SCHEMA};
use serde::Deserialize;
use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

/// The events of a recording, in their order; memory is bounded by the longest line.
///
/// Ends after the footer, the first error or the last whole line.
pub struct Reader<R> {
    input: R,
    name: String,
    header: Header,
    footer: Option<Footer>,
    truncated: bool,
    done: bool,
    line: Vec<u8>,
    number: u64,
}

/// What a line says of itself, before all of it is understood.
#[derive(Deserialize)]
struct Probe {
    kind: String,
    schema: Option<u32>,
    tool: Option<String>,
}

/// How a line ended.
#[derive(PartialEq)]
enum End {
    Newline,
    File,
}

impl Reader<BufReader<File>> {
    /// Opens the recording at `path` and reads its header.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let name = path.display().to_string();
        match File::open(path) {
            Ok(file) => Self::named(BufReader::with_capacity(1 << 18, file), name),
            Err(source) => Err(ReadError::Io { name, source }),
        }
    }
}

impl<R: BufRead> Reader<R> {
    /// Reads the header of the recording in `input`.
    pub fn new(input: R) -> Result<Self, ReadError> {
        Self::named(input, "recording".to_owned())
    }

    fn named(mut input: R, name: String) -> Result<Self, ReadError> {
        let mut line = Vec::new();
        let header = match input.fill_buf() {
            Ok([]) => return Err(ReadError::Empty { name }),
            Ok([b'{', ..]) => match next_line(&mut input, &mut line, HEADER_MAX, &name, 1)? {
                Some(end) => parse_header(&line, &end, &name)?,
                None => return Err(ReadError::Empty { name }),
            },
            Ok(_) => return Err(ReadError::NotARecording { name }),
            Err(source) => return Err(ReadError::Io { name, source }),
        };
        Ok(Self { input, name, header, footer: None, truncated: false, done: false, line, number: 1 })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The header, once the events are read.
    pub fn into_header(self) -> Header {
        self.header
    }

    /// The footer, once the events are read: without one the recording was cut short.
    pub fn footer(&self) -> Option<&Footer> {
        self.footer.as_ref()
    }

    /// Whether the last line was cut (the recorder was killed, or its disk was full); it is left out.
    pub fn truncated(&self) -> bool {
        self.truncated
    }

    fn read(&mut self) -> Result<Option<Event>, ReadError> {
        let Some(end) = self.advance()? else { return Ok(None) };
        let reason = match serde_json::from_slice(&self.line) {
            Ok(event) => return Ok(Some(event)),
            Err(reason) => reason,
        };
        if serde_json::from_slice::<Probe>(&self.line).is_ok_and(|probe| probe.kind == "footer") {
            self.footer = Some(serde_json::from_slice(&self.line).map_err(|reason| self.damaged(&reason))?);
            return match self.advance()? {
                None => Ok(None),
                Some(_) => Err(ReadError::AfterFooter { name: self.name.clone(), line: self.number }),
            };
        }
        // A prefix of an object is never an object: a cut line cannot have passed for an event.
        self.truncated = end == End::File;
        if self.truncated { Ok(None) } else { Err(self.damaged(&reason)) }
    }

    fn advance(&mut self) -> Result<Option<End>, ReadError> {
        self.number += 1;
        next_line(&mut self.input, &mut self.line, LINE_MAX, &self.name, self.number)
    }

    fn damaged(&self, reason: &serde_json::Error) -> ReadError {
        ReadError::Line { name: self.name.clone(), line: self.number, reason: printable(reason) }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Event, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.read().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

/// Reads line `number` into `line`, without its end; `None` at the end of the file.
fn next_line<R: BufRead>(
    input: &mut R,
    line: &mut Vec<u8>,
    max: usize,
    name: &str,
    number: u64,
) -> Result<Option<End>, ReadError> {
    line.clear();
    input
        .take(max as u64 + 1)
        .read_until(b'\n', line)
        .map_err(|source| ReadError::Io { name: name.to_owned(), source })?;
    match line.last() {
        None => Ok(None),
        Some(b'\n') => {
            line.pop();
            Ok(Some(End::Newline))
        }
        Some(_) if line.len() > max => Err(ReadError::TooLong { name: name.to_owned(), line: number, max }),
        Some(_) => Ok(Some(End::File)),
    }
}

fn parse_header(line: &[u8], end: &End, name: &str) -> Result<Header, ReadError> {
    let name = name.to_owned();
    let probe = match serde_json::from_slice::<Probe>(line) {
        Ok(probe) if probe.kind == "header" => probe,
        Err(_) if *end == End::File && line.starts_with(br#"{"kind":"header","#) => {
            return Err(ReadError::CutHeader { name });
        }
        _ => return Err(ReadError::NotARecording { name }),
    };
    match probe.schema {
        Some(found) if found > SCHEMA => {
            let tool = printable(probe.tool.as_deref().unwrap_or("the version that recorded it"));
            Err(ReadError::NewerSchema { name, found, tool })
        }
        _ => serde_json::from_slice(line).map_err(|reason| ReadError::Header { name, reason: printable(reason) }),
    }
}
