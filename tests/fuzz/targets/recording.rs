//! Recordings, replayed to their reports: any bytes as they are, and any lines behind a header that is good.
#![no_main]

use detector::{
    engine::{Conclusion, Mode},
    event::SCHEMA,
    policy::Policy,
    recording::{Header, Host, Reader, RecordedPolicy, Started, Writer},
    replay::judge,
    report,
};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

const RECORDED: &str = r#"
version: 1
classes:
  aws: { paths: ["~/.aws/credentials"], action: kill, reason: r }
  npm: { paths: ["~/.npmrc"], action: deny, reason: r }
  mem: { door: memory, action: deny, reason: r }
destinations:
  - { to: ["registry.example.test"], accept: [npm], reason: r }
programs:
  up: { files: [python3], scripts: [bin/upload], quiet: ["--quiet"] }
"#;
const OTHER: &str = r#"
version: 1
classes:
  npm: { paths: ["~/.npmrc", "**/*.txt"], action: alert, reason: r }
programs:
  first: { files: [first] }
  up: { files: [python3] }
exceptions:
  - { rules: [sweep], paths: ["**/x"], reason: r }
"#;

struct Made {
    recorded: Vec<u8>,
    older: Vec<u8>,
    other: Policy,
}

static MADE: LazyLock<Made> = LazyLock::new(|| {
    let policy = Policy::parse(RECORDED, "recorded").expect("it is a policy");
    let header = |schema, mode| {
        let header = Header {
            schema,
            tool: String::new(),
            host: Host { kernel: String::new(), machine: String::new(), cpus: 1, boot_id: String::new() },
            started: Started { boottime: 90_000_000_000, realtime: 0 },
            mode,
            policy: RecordedPolicy::from(&policy),
            capabilities: Vec::new(),
            command: Vec::new(),
        };
        let mut line = Vec::new();
        Writer::new(&mut line).header(&header).expect("it is short enough");
        line
    };
    Made {
        recorded: header(SCHEMA, Mode::Enforce),
        older: header(1, Mode::Audit),
        other: Policy::parse(OTHER, "other").expect("it is a policy"),
    }
});

fuzz_target!(|bytes: &[u8]| {
    let Made { recorded, older, other } = &*MADE;
    replay(bytes, None);
    // Of a recording that has a header, ours instead.
    let events = if bytes.starts_with(b"{\"kind\":\"header\"") {
        bytes.iter().position(|byte| *byte == b'\n').map_or(&[][..], |end| &bytes[end + 1..])
    } else {
        bytes
    };
    replay(&[recorded, events].concat(), None);
    replay(&[recorded, events].concat(), Some(other));
    replay(&[older, events].concat(), None);
});

fn replay(recording: &[u8], policy: Option<&Policy>) {
    let judged = Reader::new(recording).map(|reader| judge(reader, policy.cloned()));
    match judged {
        Ok(Ok((conclusion, _))) => reported(&conclusion),
        Ok(Err(error)) => plain(&error.to_string()),
        Err(error) => plain(&error.to_string()),
    }
}

fn reported(conclusion: &Conclusion) {
    let text = report::text(conclusion);
    plain(&text);
    assert!(text.len() <= 256 << 10, "{} bytes", text.len());
    if let Some(line) = text.lines().find(|line| line.chars().count() > 120) {
        panic!("a line of {} characters: {line}", line.chars().count());
    }
    assert!(report::json(conclusion).starts_with("{\n"));
}

/// Nothing in `text` may act on a terminal.
fn plain(text: &str) {
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
}
