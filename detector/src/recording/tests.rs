//! What a reader makes of whole, cut, damaged and forged recordings.

use super::{Footer, LINE_MAX, ReadError, Reader, Writer, events, footer, header};
use crate::event::Event;

fn recorded() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes);
    writer.header(&header()).unwrap();
    for event in events() {
        writer.event(&event).unwrap();
    }
    writer.footer(&footer()).unwrap();
    drop(writer);
    bytes
}

struct Read {
    events: Vec<Event>,
    footer: Option<Footer>,
    truncated: bool,
}

fn read(bytes: &[u8]) -> Result<Read, ReadError> {
    let mut reader = Reader::new(bytes)?;
    let events = reader.by_ref().collect::<Result<_, _>>()?;
    assert!(reader.next().is_none());
    Ok(Read { events, footer: reader.footer().cloned(), truncated: reader.truncated() })
}

fn error(bytes: &[u8]) -> String {
    read(bytes).err().unwrap().to_string()
}

/// The recording with line `number` (from 1) replaced.
fn with_line(number: usize, line: &[u8]) -> Vec<u8> {
    let recorded = recorded();
    let mut lines = recorded.split(|byte| *byte == b'\n').collect::<Vec<_>>();
    lines[number - 1] = line;
    lines.join(&b'\n')
}

#[test]
fn what_was_written_is_read() {
    let whole = read(&recorded()).unwrap();
    assert_eq!((whole.events, whole.footer, whole.truncated), (events(), Some(footer()), false));
}

#[test]
fn a_cut_recording_is_read_up_to_the_cut() {
    let recorded = recorded();
    let head = recorded.iter().position(|byte| *byte == b'\n').unwrap();
    for cut in (head..recorded.len()).filter(|cut| cut % 5 == 0 || recorded[cut - 1..=*cut].contains(&b'\n')) {
        let part = read(&recorded[..cut]).unwrap();
        assert_eq!(part.events, events()[..part.events.len()], "cut at {cut}");
        let whole_line = recorded[cut - 1] == b'\n' || recorded[cut] == b'\n';
        assert_eq!(part.truncated, !whole_line, "cut at {cut}");
        assert_eq!(part.footer.is_some(), cut == recorded.len() - 1, "cut at {cut}");
    }
    for cut in (br#"{"kind":"header","#.len()..head).step_by(31) {
        assert!(error(&recorded[..cut]).contains("ends within its header"), "cut at {cut}");
    }
}

#[test]
fn a_tail_of_zeros_after_a_crash_is_a_cut() {
    let mut recorded = recorded();
    let length = recorded.len();
    recorded[length - 40..].fill(0);
    let part = read(&recorded).unwrap();
    assert_eq!((part.events, part.truncated), (events(), true));
}

#[test]
fn what_is_no_recording_is_said_to_be_none() {
    assert!(error(b"").contains("is empty"));
    for other in
        [&b"\x7fELF\x02\x01"[..], b"\n", b"{}\n", b"[1]\n", b"{\"kind\":\"armed\"}\n", b"{\"kind\":7}", b"\xff"]
    {
        assert!(error(other).contains("is not a recording"), "{other:?}");
    }
    let event = serde_json::to_vec(&events()[2]).unwrap();
    assert!(error(&event).contains("is not a recording"));
}

#[test]
fn a_newer_schema_is_refused_with_the_program_that_reads_it() {
    let newer = "{\"kind\":\"header\",\"schema\":4,\"tool\":\"detector 4.0\\u001b[2J\",\"else\":1}\n";
    assert_eq!(
        error(newer.as_bytes()),
        "recording has schema 4 and this program reads up to 3; read it with detector 4.0?[2J or later"
    );
}

#[test]
fn a_damaged_header_is_named() {
    assert!(error(b"{\"kind\":\"header\",\"schema\":1}\n").starts_with("recording:1: the header is damaged: missing"));
}

#[test]
fn a_damaged_line_is_named_and_cannot_write_to_the_terminal() {
    let error = error(&with_line(4, b"{\"seq\":3,\"time\":1,\"kind\":\"\\u001b[31m\\u202e\"}"));
    assert!(error.starts_with("recording:4: not an event: unknown variant"), "{error}");
    assert!(error.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '), "{error}");
    for junk in [&b""[..], b"{", b"null", b"\x00\x01\xff", b"{\"kind\":\"footer\"}"] {
        let error = read(&with_line(4, junk)).err().unwrap();
        assert!(matches!(error, ReadError::Line { line: 4, .. }), "{error}");
    }
}

#[test]
fn an_endless_line_is_refused() {
    let error = read(&with_line(5, &vec![b' '; LINE_MAX + 1])).err().unwrap();
    assert!(matches!(error, ReadError::TooLong { line: 5, .. }), "{error}");
}

#[test]
fn nothing_may_follow_the_footer() {
    let mut twice = recorded();
    twice.extend(recorded());
    // A header, the events, a footer.
    let after = events().len() as u64 + 3;
    let error = read(&twice).err().unwrap();
    assert!(matches!(error, ReadError::AfterFooter { line, .. } if line == after), "{error}");
}

#[test]
fn fields_of_later_versions_are_passed_over() {
    let line = serde_json::to_string(&events()[0]).unwrap().replace('{', "{\"later\":{\"a\":[1]},");
    assert_eq!(read(&with_line(2, line.as_bytes())).unwrap().events, events());
    let footer = serde_json::to_string(&footer()).unwrap().replacen('{', "{\"later\":1,", 1);
    assert!(read(&with_line(events().len() + 2, footer.as_bytes())).unwrap().footer.is_some());
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("none.jsonl");
    let error = Reader::open(&missing).err().unwrap().to_string();
    assert!(error.starts_with("cannot read ") && error.contains("none.jsonl"), "{error}");
    assert!(Reader::open(directory.path()).is_err());
    std::fs::write(&missing, recorded()).unwrap();
    assert_eq!(Reader::open(&missing).unwrap().count(), events().len());
}
