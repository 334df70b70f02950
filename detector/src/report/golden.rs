//! Reports of hand-made conclusions, compared with the files in `golden/`.
//!
//! `DETECTOR_BLESS=1 cargo test -p detector --lib` writes them anew: read the difference before it is committed.

use super::{json, line::WIDTH, text};
use crate::{
    engine::{
        Action, Capability, Conclusion, Coverage, Destination, Did, Enforced, Excepted, Finding, Link, Mode,
        ProcessName, Severity, Strength, Verdict,
    },
    event::{Call, Outcome, Process},
    recording::bless,
};
use std::collections::BTreeMap;

macro_rules! golden {
    ($name:literal, $actual:expr) => {
        bless(concat!("src/report/golden/", $name), include_str!(concat!("golden/", $name)), &$actual)
    };
}

fn process(name: &str, pid: u32, path: &str, argv: &[&str]) -> ProcessName {
    ProcessName {
        process: Process { pid, start: 90_000_000_000 + u64::from(pid) },
        name: name.into(),
        path: path.into(),
        argv: argv.iter().map(ToString::to_string).collect(),
    }
}

fn shell() -> ProcessName {
    process("bash", 812, "/usr/bin/bash", &["bash", "build.sh"])
}

fn python() -> ProcessName {
    process("python3", 813, "/usr/bin/python3", &["python3", "-c", "import base64,sys;sys.stdout.write(…"])
}

fn curl() -> ProcessName {
    process("curl", 815, "/usr/bin/curl", &["curl", "-s", "-H", "Authorization: ‹redacted:44›", "-d", "@-"])
}

fn link(event: u64, process: ProcessName, did: Did) -> Link {
    Link {
        event,
        time: 90_000_000_000 + event * 1_000_000,
        process,
        did,
        strength: Strength::Held,
        classes: vec!["aws".into()],
    }
}

fn pipe() -> String {
    "pipe 14:40961".into()
}

/// The shape of most thefts: read, pipe, send.
fn leak() -> Finding {
    Finding {
        id: "2f7c1a90b35d".into(),
        rule: "leak".into(),
        technique: None,
        severity: Severity::Critical,
        action: Action::Kill,
        enforced: Some(Enforced { outcome: Outcome::Refused, killed: true }),
        secret: vec!["aws".into()],
        destination: Some(Destination::new("203.0.113.9".parse().unwrap(), 443)),
        job: 1,
        step: 3,
        process: Some(curl()),
        chain: vec![
            link(4, shell(), Did::Read { path: "/root/.aws/credentials".into() }),
            link(7, shell(), Did::Give { object: pipe() }),
            link(8, curl(), Did::Take { object: pipe() }),
            link(9, curl(), Did::Send { call: Call::Connect, to: "203.0.113.9:443".into() }),
        ],
        count: 1,
        message: "curl was about to send aws, which 203.0.113.9:443 does not accept".into(),
    }
}

/// A long way through memory, a file and several programs.
fn relayed() -> Finding {
    let dump = || "file /tmp/.cache/dump".to_owned();
    let access = Did::Access { door: "mem".into(), target: "Runner.Worker(640)".into() };
    let to = "[2001:db8::9]:8443".to_owned();
    Finding {
        id: "77e0b1c2d3f4".into(),
        enforced: Some(Enforced { outcome: Outcome::Passed, killed: true }),
        secret: vec!["aws".into(), "runner-memory".into()],
        destination: Some(Destination::new("2001:db8::9".parse().unwrap(), 8443)),
        chain: vec![
            Link { classes: vec!["runner-memory".into()], ..link(12, python(), access) },
            link(13, python(), Did::Read { path: format!("/home/runner/{}/credentials", "deep/".repeat(20)) }),
            link(14, python(), Did::Give { object: dump() }),
            link(18, shell(), Did::Take { object: dump() }),
            link(19, shell(), Did::Fork),
            link(20, curl(), Did::Exec),
            link(22, curl(), Did::Send { call: Call::SendTo, to }),
        ],
        count: 17,
        message: "curl sent aws and runner-memory, which [2001:db8::9]:8443 does not accept".into(),
        ..leak()
    }
}

/// What a quiet reader read, and a shell below it reached elsewhere.
fn inherited() -> Finding {
    let git = |pid| process("git", pid, "/usr/bin/git", &["git", "describe", "--tags"]);
    let to = "203.0.113.9:443".to_owned();
    let along =
        |event, process, did, strength| Link { strength, classes: vec!["git".into()], ..link(event, process, did) };
    Finding {
        id: "5d41402abc4b".into(),
        rule: "leak-inherited".into(),
        severity: Severity::Low,
        action: Action::Alert,
        enforced: None,
        secret: vec!["git".into()],
        process: Some(curl()),
        chain: vec![
            along(31, git(820), Did::Read { path: "/home/runner/work/app/.git/config".into() }, Strength::Reader),
            along(33, git(820), Did::Fork, Strength::Reader),
            along(34, git(821), Did::Exec, Strength::Inherited),
            along(35, shell(), Did::Fork, Strength::Inherited),
            along(36, shell(), Did::Exec, Strength::Inherited),
            along(37, curl(), Did::Send { call: Call::Connect, to }, Strength::Inherited),
        ],
        count: 4,
        message:
            "curl reached 203.0.113.9:443, and this step 2 more, which do not accept [git]: that secret was upstream, \
                  and nothing shows that it came along"
                .into(),
        ..leak()
    }
}

/// Of two classes one was read as a user of its SDK, and both went on as held.
fn mixed() -> Finding {
    let of = |class: &str, strength, link| Link { strength, classes: vec![class.into()], ..link };
    let python = || process("python3", 830, "/usr/bin/python3", &["python3", "deploy.py"]);
    let read = |event, path: &str| link(event, python(), Did::Read { path: path.into() });
    let both = |strength, link| Link { strength, classes: vec!["aws".into(), "npm".into()], ..link };
    let to = Did::Send { call: Call::SendTo, to: "203.0.113.9:443".into() };
    Finding {
        id: "7d793037a076".into(),
        secret: vec!["aws".into(), "npm".into()],
        chain: vec![
            of("aws", Strength::Sdk, read(41, "/root/.aws/credentials")),
            of("npm", Strength::Held, read(42, "/root/.npmrc")),
            of("npm", Strength::Held, link(43, python(), Did::Fork)),
            of("aws", Strength::Sdk, link(43, python(), Did::Fork)),
            both(Strength::Held, link(44, python(), Did::Exec)),
            both(Strength::Held, link(45, curl(), to)),
        ],
        ..relayed()
    }
}

/// What the engine cannot trace: no process, no chain.
fn unexplained() -> Finding {
    Finding {
        id: "0c55aa".into(),
        rule: "sensor-unexplained".into(),
        severity: Severity::High,
        action: Action::Alert,
        enforced: None,
        secret: vec![],
        destination: None,
        process: None,
        chain: vec![],
        message: "the kernel side decided 2 leaks that no recorded event explains".into(),
        ..leak()
    }
}

#[test]
fn what_is_excepted_is_told_with_its_reason() {
    let excepted = |rule: &str, count| Excepted { rule: rule.into(), reason: "our \u{1b}[31mbackup".into(), count };
    let mut conclusion = conclusion(Verdict::Pass, &[], Vec::new());
    assert!(!text(&conclusion).contains("EXCEPTED") && !json(&conclusion).contains("excepted"));
    conclusion.excepted = vec![excepted("sweep", 1), excepted("undeclared-reader", 3)];
    let told = text(&conclusion);
    let lines = "\nEXCEPTED\n  sweep, once: our \\u{1b}[31mbackup\n  undeclared-reader, 3 times: our ";
    assert!(told.contains(lines), "{told}");
    assert!(json(&conclusion).contains("\"count\": 3"));
}

fn conclusion(verdict: Verdict, reasons: &[&str], findings: Vec<Finding>) -> Conclusion {
    let counts = |counts: &[(&str, u64)]| counts.iter().map(|(name, count)| ((*name).into(), *count)).collect();
    let capability = |name: &str, mechanism: Option<&str>, gap: Option<&str>| Capability {
        name: name.into(),
        mechanism: mechanism.map(Into::into),
        gap: gap.map(Into::into),
    };
    Conclusion {
        verdict,
        reasons: reasons.iter().map(ToString::to_string).collect(),
        mode: Mode::Enforce,
        policy: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
        coverage: Coverage {
            capabilities: vec![
                capability("see-open", Some("tp_btf/sys_exit"), Some("opens through io_uring are not seen")),
                capability("deny-connect", Some("cgroup/connect4, cgroup/connect6"), None),
                capability("deny-open", None, Some("this kernel was built without BPF LSM")),
            ],
            seen: counts(&[("exec", 61), ("exit", 64), ("fork", 65), ("network", 2), ("open", 3)]),
            lost: BTreeMap::new(),
            armed: Some(4_100_000),
            gaps: vec!["nscd was asked 1 question by processes that held a secret".into()],
            proved: Some(12_034_000_000),
        },
        findings,
        called: Some("build of acme/app, workflow CI, run 4711".to_owned()),
        steps: BTreeMap::from([(2, "Run tests".to_owned())]),
        excepted: Vec::new(),
    }
}

#[test]
fn fail() {
    let reasons = ["4 findings at or above high"];
    let findings = vec![leak(), relayed(), mixed(), unexplained(), inherited()];
    let conclusion = conclusion(Verdict::Fail, &reasons, findings);
    golden!("fail.txt", text(&conclusion));
    golden!("fail.json", json(&conclusion));
}

#[test]
fn pass() {
    let mut conclusion = conclusion(Verdict::Pass, &[], vec![]);
    conclusion.mode = Mode::Audit;
    golden!("pass.txt", text(&conclusion));
    golden!("pass.json", json(&conclusion));
}

#[test]
fn inconclusive() {
    let reasons = [
        "12 records of the secret ring were lost (lost-secret): a credential may have been read unseen",
        "the recording has no footer: the run was killed, or its disk was full, and what happened after 2.310 s is not known",
    ];
    let mut conclusion = conclusion(Verdict::Inconclusive, &reasons, vec![]);
    conclusion.coverage.lost = BTreeMap::from([("lost-network".into(), 3), ("lost-secret".into(), 12)]);
    conclusion.coverage.proved = None;
    golden!("inconclusive.txt", text(&conclusion));
}

/// All text of `finding` replaced by `name`, as a forged recording could have it.
fn forged(name: &str) -> Finding {
    let process = || process(name, u32::MAX, name, &[name, name, name]);
    let (path, object, target, door, to) = (name.into(), name.into(), name.into(), name.into(), name.into());
    let mut classes = vec!["class".to_owned(); 64];
    classes[..2].fill(name.to_owned());
    let link = |did| Link { process: process(), classes: classes.clone(), ..link(1, shell(), did) };
    let mut chain = vec![
        link(Did::Read { path }),
        link(Did::Access { door, target }),
        link(Did::Give { object }),
        link(Did::Send { call: Call::Send, to }),
    ];
    chain.extend((0..20).map(|_| chain[0].clone()).collect::<Vec<_>>());
    Finding {
        id: name.into(),
        rule: name.into(),
        secret: classes.clone(),
        process: Some(process()),
        chain,
        count: u64::MAX,
        message: name.into(),
        ..relayed()
    }
}

#[test]
fn megabytes_of_hostile_names_break_no_line() {
    for unit in ["x", "\n::error::y\r", "##[group]\u{1b}[2J\u{202e}", " ::error::y ", "日本 ", "/", " ", "\\u{"] {
        let name = unit.repeat((1 << 16) / unit.len());
        let mut hostile = conclusion(Verdict::Fail, &vec![name.as_str(); 40], vec![forged(&name); 3]);
        hostile.policy.clone_from(&name);
        hostile.coverage.lost = (0..100).map(|n| (format!("{n}{}", &name[..unit.len() * 50]), u64::MAX)).collect();
        hostile.coverage.capabilities.push(Capability {
            name: name.clone(),
            mechanism: Some(name.clone()),
            gap: Some(name),
        });
        let report = text(&hostile);
        assert!(report.len() <= 256 << 10, "{}", report.len());
        for line in report.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
            assert!(!line.trim_start().starts_with("::") && !line.contains("##["), "{line}");
            assert!(line.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{line:?}");
        }
        assert!(report.starts_with("FAIL: 3 findings (3 critical) in enforce mode\n"));
        assert!(report.contains("-> 8 more"), "the middle of a chain of 24 is left out");
    }
}

#[test]
fn a_report_of_many_findings_says_how_many_it_left_out() {
    let many = vec![leak(); 20_000];
    let report = text(&conclusion(Verdict::Fail, &[], many));
    assert!(report.len() <= 256 << 10 && report.len() > 240 << 10, "{}", report.len());
    let shown = report.lines().filter(|line| line.starts_with("CRITICAL ")).count();
    assert!(report.contains(&format!("\n+{} more findings", 20_000 - shown)), "{shown}");
    assert!(report.contains("\nCOVERAGE\n"));
}
