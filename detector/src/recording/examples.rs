//! One line of each kind, for tests, and the test that `docs/recording.md` shows exactly these.
//!
//! `DETECTOR_BLESS=1 cargo test -p detector --lib` writes them into the page anew.

use super::{Footer, Header, Host, RecordedPolicy, Started, Status};
use crate::{
    engine::{Capability, Mode},
    event::{
        Access, Actor, Attempt, Body, Call, Called, Counted, Door, Drop, Event, Exec, Exit, File, Flow, Fork, HolderId,
        Kept, Kernel, Kill, Known, Name, Network, Object, Open, Outcome, Print, Probe, Process, Protocol, Question,
        Relation, SCHEMA, Script, Step, Stream, Workdir,
    },
    policy::Policy,
};
use std::{collections::BTreeMap, net::IpAddr, path::Path};

const START: u64 = 90_000_000_000;
const SHELL: Process = Process { pid: 812, start: START + 1_000_000 };
const PYTHON: Process = Process { pid: 815, start: START + 20_000_000 };
const WORKER: Process = Process { pid: 640, start: 61_000_000_000 };
const DESTINATION: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9));

/// As small as will do: it is compiled for each recording that a test reads.
pub(crate) const POLICY: &str = r#"
version: 1
classes:
  aws: { paths: ["~/.aws/credentials"], action: kill, reason: "cloud keys" }
  npm: { paths: ["~/.npmrc"], action: deny, reason: "registry token" }
"#;

/// Compares `actual` with `golden`, the content of `file` (from the crate's root), or writes it there when
/// `DETECTOR_BLESS` is set.
pub(crate) fn bless(file: &str, golden: &str, actual: &str) {
    if std::env::var_os("DETECTOR_BLESS").is_some() {
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(file), actual).unwrap();
    } else {
        assert!(golden == actual, "{file} differs (DETECTOR_BLESS=1 rewrites it), now:\n{actual}");
    }
}

pub(crate) fn header() -> Header {
    Header {
        schema: SCHEMA,
        tool: "detector 0.1.0".into(),
        host: Host {
            kernel: "6.12.9".into(),
            machine: "x86_64".into(),
            cpus: 2,
            boot_id: "5f0c9e52-6c3c-4c55-a0a4-5c8d1f0f3c11".into(),
        },
        started: Started { boottime: START, realtime: 1_767_225_600_000_000_000 },
        mode: Mode::Enforce,
        policy: RecordedPolicy::from(&Policy::parse(POLICY, "test.yaml").unwrap()),
        capabilities: vec![
            Capability { name: "see-open".into(), mechanism: Some("tp_btf/sys_exit".into()), gap: None },
            Capability { name: "deny-open".into(), mechanism: None, gap: Some("no BPF LSM on this kernel".into()) },
        ],
        command: vec!["bash".into(), "build.sh".into()],
    }
}

pub(crate) fn footer() -> Footer {
    Footer {
        events: events().len() as u64,
        ended: START + 400_000_000,
        status: Some(Status::Code(137)),
        counters: BTreeMap::from([("killed".into(), 1), ("leaks".into(), 2), ("lost-network".into(), 3)]),
    }
}

/// A theft: one event of each kind.
pub(crate) fn events() -> Vec<Event> {
    let holder = |process: Process| HolderId(u64::from(process.pid) << 42 | process.start >> 10);
    let actor = |process: Process| Actor { job: 1, step: 2, process, thread: process.pid, holder: holder(process) };
    let pipe = Object::Pipe(File { device: 14, inode: 40_961, generation: 0 });
    let file = |inode| File { device: 8 << 20 | 1, inode, generation: 1_734_001 };
    let bits = |bits| Some(Kernel { bits, ..Kernel::default() });
    let inherited = |bits| Some(Kernel { inherited: bits, ..Kernel::default() });
    let leak = Some(Kernel { bits: 9, leak: 1, weak: 8, ..Kernel::default() });
    let dropped = Some(Kernel { bits: 1, leak: 1, ..Kernel::default() });
    let argv = ["python3", "/usr/bin/upload", "--quiet", "‹redacted:40›"].map(String::from).to_vec();
    let network = Network {
        call: Call::Connect,
        address: DESTINATION,
        port: 443,
        protocol: Protocol::Tcp,
        socket: 4099,
        outcome: Outcome::Quarantined,
    };
    let drop = Drop { address: DESTINATION, port: 443, socket: 4099, bytes: 60, dropped: true };
    let kept = Kept {
        job: 1,
        class: "npm".to_owned(),
        host: "registry.example.test".to_owned(),
        port: Some(443),
        file: "/home/runner/.npmrc".to_owned(),
        addresses: vec![DESTINATION],
    };
    let step = Step {
        step: 2,
        name: "Run actions/setup-thing@v4".to_owned(),
        runs: Some("actions/setup-thing@v4".to_owned()),
        likely: true,
    };
    let called = Called {
        name: "build".to_owned(),
        repository: "acme/app".to_owned(),
        workflow: "CI".to_owned(),
        run: "4711".to_owned(),
    };
    let name = Name { name: "upload.evil.test".to_owned(), addresses: vec![DESTINATION] };
    let question = Question {
        name: "‹redacted:63›.evil.test".to_owned(),
        server: Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 53))),
        service: None,
        socket: 4098,
        outcome: Outcome::Refused,
    };
    let lost = BTreeMap::from([("lost-network".to_owned(), 3)]);

    let told = [
        (None, Body::Armed, None),
        (None, Body::Proved, None),
        (
            Some(SHELL),
            Body::Open(Open { path: "/root/.aws/credentials".into(), file: file(7), read: true, write: false }),
            bits(1),
        ),
        (
            Some(SHELL),
            Body::Attempt(Attempt {
                path: "/root/.npmrc".into(),
                errno: 2,
                call: Probe::Stat,
                nested: false,
                program: None,
            }),
            None,
        ),
        (
            Some(SHELL),
            Body::Access(Access {
                door: Door::Mem,
                target: WORKER,
                relation: Relation::Outside,
                program: Some("Runner.Worker".into()),
                errno: 13,
            }),
            None,
        ),
        (
            Some(SHELL),
            Body::Fork(Fork { child: PYTHON, holder: holder(PYTHON), step: 2 }),
            Some(Kernel { bits: 1, own: 2, soft: 4, inherited: 8, ..Kernel::default() }),
        ),
        (
            Some(PYTHON),
            Body::Exec(Exec {
                before: holder(PYTHON),
                entered: None,
                path: "/usr/bin/python3".into(),
                file: file(9),
                argv,
                argv_cut: 12,
                uid: 0,
                program: 4,
                script: 5,
                skip: 2,
                injected: true,
                fresh: true,
                copied: 1,
                stdout: Stream::Pipe,
                line: 1,
            }),
            Some(Kernel { bits: 1, inherited: 8, ..Kernel::default() }),
        ),
        (Some(PYTHON), Body::Script(Script { program: 0 }), None),
        (Some(PYTHON), Body::Workdir(Workdir { path: "/home/ci/workspace/app".into() }), None),
        (Some(SHELL), Body::Give(Flow { plain: true, ..Flow::new(pipe, 8) }), inherited(1)),
        (Some(PYTHON), Body::Take(Flow { handed: true, ..Flow::new(pipe, 8) }), inherited(1)),
        (
            Some(PYTHON),
            Body::Print(Print { bytes: 4_096, outcome: Outcome::Masked }),
            Some(Kernel { bits: 1, leak: 1, ..Kernel::default() }),
        ),
        (Some(PYTHON), Body::Name(name), Some(Kernel { bits: 2, own: 4, ..Kernel::default() })),
        (Some(PYTHON), Body::Question(question), leak),
        (Some(PYTHON), Body::Network(network), leak),
        (Some(PYTHON), Body::Drop(drop), dropped),
        (Some(PYTHON), Body::Kill(Kill { errno: 0 }), None),
        (Some(PYTHON), Body::Exit(Exit { code: 0, signal: 9 }), None),
        (None, Body::Step(step), None),
        (None, Body::Called(called), None),
        (None, Body::Known(Known { path: "/root/.npmrc".into(), file: file(8) }), None),
        (None, Body::Kept(kept), None),
        (None, Body::Lost(Counted { counters: lost }), None),
        (None, Body::Unexplained { leaks: 1 }, None),
    ];
    let event = |(seq, (process, body, kernel)): (u64, (Option<Process>, Body, Option<Kernel>))| Event {
        seq,
        time: START + seq * 25_000_000,
        actor: process.map(actor),
        body,
        kernel,
    };
    (1..).zip(told).map(event).collect()
}

mod page {
    use super::*;
    use crate::recording::Reader;
    use serde_json::{Value, json};
    use std::collections::BTreeSet;

    const FILE: &str = "../docs/recording.md";
    const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/recording.md"));

    /// What stands before, in and after the page's block of examples.
    fn parts() -> (&'static str, &'static str, &'static str) {
        let (before, rest) = PAGE.split_once("```jsonl\n").unwrap();
        let (block, after) = rest.split_once("```\n").unwrap();
        (before, block, after)
    }

    /// The page's header: another policy must not change the page.
    fn abridged() -> Value {
        let mut header = serde_json::to_value(header()).unwrap();
        header["policy"] = json!({ "digest": "0".repeat(64), "document": {} });
        header
    }

    fn lines() -> Vec<String> {
        let mut lines = vec![abridged().to_string()];
        lines.extend(events().iter().map(|event| serde_json::to_string(event).unwrap()));
        lines.push(serde_json::to_string(&footer()).unwrap());
        lines
    }

    #[test]
    fn shows_one_line_of_each_kind() {
        let (before, _, after) = parts();
        let block = lines().iter().map(|line| format!("{line}\n")).collect::<String>();
        bless(FILE, PAGE, &format!("{before}```jsonl\n{block}```\n{after}"));
    }

    #[test]
    fn shows_a_recording() {
        let (_, block, _) = parts();
        let (first, rest) = block.split_once('\n').unwrap();
        let mut head: Value = serde_json::from_str(first).unwrap();
        head["policy"]["document"] = serde_json::to_value(&header().policy.document).unwrap();
        let text = format!("{head}\n{rest}");
        let mut reader = Reader::new(text.as_bytes()).unwrap();
        assert_eq!(reader.by_ref().collect::<Result<Vec<_>, _>>().unwrap(), events());
        assert_eq!(reader.footer(), Some(&footer()));
        assert_eq!(serde_json::to_value(reader.header()).unwrap(), head);
    }

    #[test]
    fn names_every_kind_and_field() {
        let (before, _, after) = parts();
        let mut names = BTreeSet::new();
        for line in lines() {
            let line: Value = serde_json::from_str(&line).unwrap();
            names.insert(line["kind"].as_str().unwrap().to_owned());
            fields(&line, &mut names);
        }
        for name in names {
            let code = format!("`{name}`");
            assert!(before.contains(&code) || after.contains(&code), "{FILE} does not say what {code} is");
        }
    }

    fn fields(value: &Value, into: &mut BTreeSet<String>) {
        for (name, value) in value.as_object().into_iter().flatten() {
            into.insert(name.clone());
            if name != "counters" {
                fields(value, into);
            }
        }
    }

    #[test]
    fn no_kind_is_missing() {
        // A new kind does not compile here: give it an example, a line in the page, and a number.
        let number = |body: &Body| match body {
            Body::Fork(_) => 0,
            Body::Exec(_) => 1,
            Body::Exit(_) => 2,
            Body::Open(_) => 3,
            Body::Attempt(_) => 4,
            Body::Access(_) => 5,
            Body::Give(_) => 6,
            Body::Take(_) => 7,
            Body::Network(_) => 8,
            Body::Drop(_) => 9,
            Body::Kill(_) => 10,
            Body::Armed => 11,
            Body::Proved => 12,
            Body::Lost(_) => 13,
            Body::Unexplained { .. } => 14,
            Body::Script(_) => 15,
            Body::Print(_) => 16,
            Body::Name(_) => 17,
            Body::Question(_) => 18,
            Body::Step(_) => 19,
            Body::Kept(_) => 20,
            Body::Called(_) => 21,
            Body::Workdir(_) => 22,
            Body::Known(_) => 23,
        };
        let kinds = events().iter().map(|event| number(&event.body)).collect::<BTreeSet<_>>();
        assert_eq!(kinds, (0..24).collect());
    }
}
