//! Writes names, numbers and records one after another.

use super::{
    message::{Part, Record},
    name::Name,
};
use std::collections::HashMap;

pub(super) struct Writer {
    bytes: Vec<u8>,
    /// Where each end of a name was written.
    written: HashMap<Name, u16>,
    compressed: bool,
}

impl Writer {
    pub(super) fn new(compressed: bool) -> Self {
        Self { bytes: Vec::new(), written: HashMap::new(), compressed }
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn number(&mut self, number: u16) {
        self.bytes.extend_from_slice(&number.to_be_bytes());
    }

    pub(super) fn name(&mut self, name: &Name) {
        let mut rest = name.clone();
        while let Some(label) = rest.labels().first() {
            if let (true, Some(at)) = (self.compressed, self.written.get(&rest)) {
                return self.number(0xc000 | at);
            }
            let (here, length) = (self.bytes.len(), u8::try_from(label.len()).unwrap_or(u8::MAX));
            self.bytes.push(length);
            self.bytes.extend_from_slice(label);
            let parent = rest.parent().unwrap_or_default();
            // A pointer has 14 bits.
            if let Ok(here @ ..0x4000) = u16::try_from(here) {
                self.written.entry(rest).or_insert(here);
            }
            rest = parent;
        }
        self.bytes.push(0);
    }

    fn part(&mut self, part: &Part) {
        match part {
            Part::Name(name) => self.name(name),
            Part::Raw(bytes) => self.raw(bytes),
        }
    }

    pub(super) fn record(&mut self, record: &Record) {
        self.part(&record.owner);
        self.number(record.kind);
        self.number(record.class);
        self.bytes.extend_from_slice(&record.ttl.to_be_bytes());
        let at = self.bytes.len();
        self.number(0);
        record.data.iter().for_each(|part| self.part(part));
        let length = u16::try_from(self.bytes.len() - at - 2).unwrap_or(u16::MAX);
        self.bytes[at..at + 2].copy_from_slice(&record.length.unwrap_or(length).to_be_bytes());
    }
}
