//! Jobs as they are.

use super::{super::time::SECOND, *};
use crate::ci::{Job, Outcome};

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
