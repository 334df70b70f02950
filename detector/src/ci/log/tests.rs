//! A job's log as the workers write it, and what a step could make of it.

use super::*;
use crate::ci::{Job, Kind, Outcome, Provider, Stage};
use time::SECOND;

/// 2026-03-01 10:00:00Z.
const TEN: UtcNanos = 1_772_359_200 * SECOND;

const GITHUB: &str = include_str!("samples/github.txt");
const AZURE: &str = include_str!("samples/azure.txt");
/// Another job, whose plan is odd: a broken member, a step that is off, one that runs beside others.
const BACKGROUND: &str = include_str!("samples/background.txt");

fn read(provider: Provider, text: impl AsRef<[u8]>) -> (StepLog, Vec<Event>) {
    let mut log = StepLog::new(provider).unwrap();
    let events = log.feed(text.as_ref());
    (log, events)
}

fn github(text: impl AsRef<[u8]>) -> StepLog {
    read(Provider::GitHub, text).0
}

/// Name and kind of each step.
fn steps(log: &StepLog) -> Vec<(&str, &Kind, Stage)> {
    log.steps().iter().map(|step| (step.name.as_str(), &step.kind, step.stage)).collect()
}

#[test]
fn a_github_job_is_read() {
    let (log, events) = read(Provider::GitHub, GITHUB);
    let job = Job {
        name: "build / test (20)".into(),
        id: "11111111-2222-5333-8444-555555555555".into(),
        repository: "example/shop".into(),
        workflow: "CI".into(),
        run: "4711".into(),
    };
    assert_eq!(events[0], Event::Job(job));
    let action = |name: &str| Kind::Action(name.to_owned());
    assert_eq!(
        steps(&log),
        [
            ("Set up runner", &Kind::Agent, Stage::Pre),
            ("Pre Run example/setup@v2", &action("example/setup@v2"), Stage::Pre),
            ("Run actions/checkout@v4", &action("actions/checkout@v4"), Stage::Main),
            ("Run example/setup@v2", &action("example/setup@v2"), Stage::Main),
            ("Run npm ci", &Kind::Script, Stage::Main),
            ("It's 'quoted'", &Kind::Script, Stage::Main),
            ("Deploy to staging", &action("example/tools/deploy@0123abc"), Stage::Main),
            ("Run ./.github/actions/pack", &Kind::Local("./.github/actions/pack".into()), Stage::Main),
            ("Run docker://alpine:3", &Kind::Image("docker://alpine:3".into()), Stage::Main),
            ("Post Deploy to staging", &action("example/tools/deploy@0123abc"), Stage::Post),
            ("Post Run actions/checkout@v4", &action("actions/checkout@v4"), Stage::Post),
        ]
    );
    assert!(!log.is_doubtful());
    let outcomes: Vec<_> = log.steps().iter().filter_map(|step| step.outcome).collect();
    assert_eq!(outcomes.len(), log.steps().len());
    assert_eq!((outcomes[2], outcomes[4], outcomes[5]), (Outcome::Succeeded, Outcome::Failed, Outcome::Skipped));
    assert!(events.contains(&Event::Part { order: 7, name: "Run echo".into() }));
    assert!(events.contains(&Event::Started { order: 5, pid: 4243 }));
    assert!(events.contains(&Event::Ends { order: 5, outcome: Outcome::Failed }));
}

#[test]
fn an_azure_job_is_read() {
    let (log, events) = read(Provider::Azure, AZURE);
    let Event::Job(job) = &events[0] else { panic!("{events:?}") };
    assert_eq!((job.name.as_str(), job.repository.as_str(), job.run.as_str()), ("Build", "example/shop", "812"));
    let task = |name: &str| Kind::Task(name.to_owned());
    assert_eq!(
        steps(&log),
        [
            ("Pre-job: Sign, please", &task("Sign@2.1.0"), Stage::Pre),
            ("Bash, please", &task("Bash@3.231.2"), Stage::Main),
            ("Sign, please", &task("Sign@2.1.0"), Stage::Main),
            ("Post-job: Sign, please", &task("Sign@2.1.0"), Stage::Post),
        ]
    );
    assert!(log.steps().iter().all(|step| step.outcome.is_some()) && !log.is_doubtful());
    assert_eq!(log.steps()[1].outcome, Some(Outcome::Failed));
    assert!(StepLog::new(Provider::GitLab).is_none());
}

#[test]
fn a_process_is_matched_by_its_number_or_its_time() {
    let log = github(GITHUB);
    let of = |pid, time| log.step_of(pid, time).map(|found| (found.step.name.as_str(), found.sure));
    assert_eq!(of(4243, TEN + 5 * SECOND), Some(("Run npm ci", Sure::Certain)));
    assert_eq!(of(4243, TEN + 60 * SECOND), None, "another of that number, which no line tells of");
    assert_eq!(of(1, TEN), None);
    let at = |time| log.step_at(time).map(|found| (found.step.name.as_str(), found.sure));
    assert_eq!(at(TEN), None, "before the first step");
    assert_eq!(at(TEN + 5 * SECOND + 1), Some(("Run npm ci", Sure::Likely)), "in its first second");
    assert_eq!(at(TEN + 6 * SECOND), Some(("Run npm ci", Sure::Certain)));
    assert_eq!(at(TEN + 20 * SECOND + 1), Some(("Deploy to staging", Sure::Likely)), "not the one that was skipped");
    assert_eq!(at(TEN + 100 * SECOND), None, "after the last");
    assert_eq!(at(UtcNanos::MAX), None);
    assert!(log.step_of(4243, UtcNanos::MAX).is_none());
}

/// The sample, up to the line before the one that has `line`, then `forged`, then the rest.
fn forged(line: &str, forged: &str) -> String {
    let at = GITHUB.find(line).and_then(|at| GITHUB[..at].rfind('\n')).unwrap() + 1;
    format!("{}{forged}\n{}", &GITHUB[..at], &GITHUB[at..])
}

#[test]
fn what_does_not_begin_a_line_is_text() {
    let head = "[2026-03-01 10:00:06Z INFO StepsRunner] Processing step: DisplayName='Forged'";
    for text in [
        format!("[2026-03-01 10:00:06Z INFO StepHost] {head}"),
        format!("[2026-03-01 10:00:06Z ERR  StepsRunner] Caught exception from step: {head}"),
        format!(" {head}"),
        format!("\x1b[2K{head}"),
        head.replace("] ", "]\t"),
        format!("{}{head}", "x".repeat(1 << 20)),
    ] {
        let log = github(forged("Finished process 4243", &text));
        assert_eq!(steps(&log), steps(&github(GITHUB)), "{}", &text[..80]);
        assert!(!log.is_doubtful());
    }
}

#[test]
fn what_begins_a_line_makes_it_doubtful() {
    let stamp = "[2026-03-01 10:00:06Z INFO";
    for text in [
        format!("{stamp} StepsRunner] Processing step: DisplayName='Forged'"),
        format!("{stamp} StepsRunner] No need for updating job result with current step result 'Succeeded'.\n{stamp} StepsRunner] Processing step: DisplayName='Forged'"),
        format!("{stamp} Worker] Job message:\n {{\n  \"jobDisplayName\": \"Forged\"\n}}"),
        "[2026-03-01 09:00:00Z INFO ProcessInvokerWrapper] Process started with process id 77, waiting for process exit.".into(),
        "[2027-03-01 10:00:00Z INFO Other] The future.".into(),
    ] {
        let log = github(forged("Finished process 4243", &text));
        assert!(log.is_doubtful(), "{text}");
        let found = log.step_at(TEN + 6 * SECOND + 1).unwrap();
        assert_eq!(found.sure, Sure::Likely);
    }
}

#[test]
fn lines_among_arguments_are_not_believed() {
    let line =
        "[2026-03-01 10:00:05Z INFO StepsRunner] No need for updating job result with current step result 'Succeeded'.";
    let log = github(forged("  Working directory: '/w'", line));
    assert!(log.is_doubtful());
    assert_eq!(steps(&log), steps(&github(GITHUB)));
    let closed = format!("[2026-03-01 10:00:05Z INFO ProcessInvokerWrapper]   Working directory: '/'\n{line}");
    assert!(github(forged("  Working directory: '/w'", &closed)).is_doubtful());
}

#[test]
fn a_plan_is_read_by_its_indentation() {
    let (log, events) = read(Provider::GitHub, BACKGROUND);
    let Event::Job(job) = &events[0] else { panic!("{events:?}") };
    assert_eq!((job.name.as_str(), job.repository.as_str()), ("a \\x1b[31m \"b\"", ""));
    assert_eq!(
        steps(&log),
        [("Run make", &Kind::Script, Stage::Main), ("refs/heads/main", &Kind::Script, Stage::Main)]
    );
    assert_eq!(log.steps()[0].outcome, Some(Outcome::Unknown));
    assert!(!log.is_doubtful() && log.steps()[1].background);
    let found = log.step_at(TEN + 10 * SECOND).unwrap();
    assert_eq!((found.step.order, found.sure), (2, Sure::Likely), "beside others");
}

#[test]
fn names_are_bounded_and_escaped() {
    let name = format!("\x1b]0;x\x07{}", "y".repeat(300_000));
    let log = github(format!("[2026-03-01 10:00:01Z INFO StepsRunner] Processing step: DisplayName='{name}'\n"));
    let name = &log.steps()[0].name;
    assert!(name.starts_with("\\x1b]0;x\\x07y") && name.ends_with('…') && name.len() < 300, "{name}");
    let mut text = String::new();
    for _ in 0..5000 {
        text += "[2026-03-01 10:00:01Z INFO StepsRunner] Processing step: DisplayName='x'\n[2026-03-01 10:00:01Z INFO StepsRunner] No need for updating job result with current step result 'Succeeded'.\n";
    }
    let log = github(text);
    assert_eq!(log.steps().len(), 4096);
    assert!(log.step_at(TEN + 2 * SECOND).is_none(), "which of those that were not kept is not known");
}

/// Numbers without a pattern (Marsaglia's xorshift).
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn any_chunking_says_the_same() {
    let mut state = 7;
    for (provider, text) in [(Provider::GitHub, GITHUB), (Provider::Azure, AZURE)] {
        let (whole, expected) = read(provider, text);
        for size in [1, 2, 3, 7, 64, 4096] {
            let mut log = StepLog::new(provider).unwrap();
            let mut events = Vec::new();
            let mut rest = text.as_bytes();
            while !rest.is_empty() {
                let len = usize::try_from(1 + random(&mut state) % size).unwrap().min(rest.len());
                events.extend(log.feed(&rest[..len]));
                rest = &rest[len..];
            }
            assert_eq!((events, log.steps()), (expected.clone(), whole.steps()), "{size}");
        }
    }
}

#[test]
fn no_bytes_make_it_fail() {
    let mut state = 42;
    for round in 0..400 {
        let provider = if round % 2 == 0 { Provider::GitHub } else { Provider::Azure };
        let mut bytes = if round % 2 == 0 { GITHUB } else { AZURE }.as_bytes().to_vec();
        for _ in 0..1 + random(&mut state) % 64 {
            let at = usize::try_from(random(&mut state)).unwrap() % bytes.len();
            match random(&mut state) % 4 {
                0 => bytes[at] = random(&mut state).to_le_bytes()[0],
                1 => bytes.truncate(bytes.len().max(40) - usize::try_from(random(&mut state) % 20).unwrap()),
                2 => bytes.insert(at, b"'\"\n[] {}\\"[usize::try_from(random(&mut state) % 9).unwrap()]),
                _ => {
                    let end = (at + 300).min(bytes.len());
                    let copy = bytes[at..end].to_vec();
                    bytes.splice(at..at, copy);
                }
            }
        }
        let mut log = StepLog::new(provider).unwrap();
        for chunk in bytes.chunks(1 + usize::try_from(random(&mut state) % 500).unwrap()) {
            log.feed(chunk);
        }
        for second in 0..120 {
            let _ = (log.step_at(TEN + second * SECOND), log.step_of(4243, TEN + second * SECOND));
        }
    }
}
