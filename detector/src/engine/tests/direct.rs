//! Direct findings: what each rule says of an act, and of the honest act beside it.

use super::story::{AWS, NPMRC, SINK, Story, pipe};
use crate::{
    engine::{Action, Finding, Severity},
    event::{Access, Body, Door, Exec, Outcome, Relation, Stream},
    policy::Policy,
};
use detector_common::{
    command::line,
    program::trait_of::{INSTALLER, INTERPRETER},
};
use std::sync::LazyLock;

const BASH: u32 = 10;
const PYTHON: u32 = 11;
const CAT: u32 = 12;

const SSH: &str = "/root/.ssh/id_ed25519";
const DOCKER: &str = "/root/.docker/config.json";
const ENOENT: u32 = 2;
const EACCES: u32 = 13;

const POLICY: &str = r#"
version: 1
fail-on: high
classes:
  aws: { paths: ["~/.aws/credentials"], action: kill, reason: "cloud keys" }
  npm: { paths: ["~/.npmrc"], action: deny, reason: "registry token" }
  ssh: { paths: ["~/.ssh/id_*"], action: kill, reason: "private keys" }
  ssh-host: { paths: ["/etc/ssh/ssh_host_rsa_key"], action: kill, group: ssh, reason: "private keys" }
  docker: { paths: ["~/.docker/config.json"], action: kill, sureness: likely, reason: "registry logins" }
  git: { paths: ["**/.git/config"], action: kill, reason: "forge token" }
  env: { paths: ["**/.env"], action: observe, sureness: weak, reason: "often settings" }
  keys: { paths: ["**/tls/key"], action: alert, sureness: weak, reason: "often test keys" }
  decoy: { paths: ["~/.decoy/token"], action: kill, reason: "touched by nobody" }
  persistence: { paths: ["/etc/cron.d/job", "/proc/sys/kernel/core_pattern"], action: alert, group: escape, access: write, reason: "runs later" }
  profile: { paths: ["~/.profile"], action: alert, sureness: weak, group: escape, access: write, reason: "runs later" }
  step-env: { door: dump, action: alert, reason: "variables of the step" }
  runner-memory: { door: memory, action: kill, reason: "holds the secrets of every step" }
  foreign-environ: { door: environ, action: kill, reason: "secrets of another step" }
destinations:
  - { to: ["198.51.100.7:443", backup.test], accept: all, reason: "the backup" }
"#;

const GIT: u16 = 1;
const PS: u16 = 2;
const DPKG: u16 = 3;
const INTERPRETED: u16 = 4;
const ENV: u16 = 5;

fn policy() -> &'static Policy {
    static MADE: LazyLock<Policy> = LazyLock::new(|| {
        let mut policy = Policy::parse(POLICY, "test").expect("the test policy parses");
        let numbers = [
            policy.declare("git", 0, &["git", "npm", "ssh", "docker"]),
            policy.declare("ps", 0, &["foreign-environ"]),
            policy.declare("dpkg", INSTALLER, &[]),
            policy.declare("python3", INTERPRETER, &[]),
            policy.declare("env", 0, &[]),
        ];
        assert_eq!(numbers, [GIT, PS, DPKG, INTERPRETED, ENV]);
        policy.sdk("aws", "**/botocore/session.py");
        policy
    });
    &MADE
}

/// A step's shell, which has started a python and a cat.
fn step() -> Story {
    let mut story = Story::new();
    story.start(BASH, "/bin/bash").spawn(BASH, PYTHON, "/usr/bin/python3").spawn(BASH, CAT, "/bin/cat");
    story
}

/// `rule severity`, worst first.
fn said(story: &Story) -> Vec<String> {
    found(story).iter().map(|finding| format!("{} {}", finding.rule, finding.severity.name())).collect()
}

fn found(story: &Story) -> Vec<Finding> {
    story.direct(policy())
}

fn only(story: &Story) -> Finding {
    let found = found(story);
    let [finding] = found.as_slice() else { panic!("{found:#?}") };
    finding.clone()
}

fn declared(number: u16) -> Exec {
    Exec { program: number, ..Exec::default() }
}

#[test]
fn the_agents_memory_is_read_by_nobody() {
    let memory = |errno| only(step().access(PYTHON, Door::Mem, Relation::Outside, errno));
    let read = memory(0);
    assert_eq!((read.rule.as_str(), read.severity), ("agent-memory", Severity::Critical));
    assert_eq!(read.technique.as_deref(), Some("T1003.007"));
    assert_eq!(read.secret, ["runner-memory"]);
    let message = "python3 got at the memory of Runner.Worker(2), the CI agent, which holds every secret of the job";
    assert_eq!(read.message, message);
    let refused = memory(EACCES);
    assert_eq!((refused.severity, refused.secret.len()), (Severity::High, 0));
    let other = only(step().look_into(PYTHON, 77, "sshd", Door::ProcessVmRead, 0));
    assert!(other.message.ends_with("sshd(77), a process outside the job"), "{}", other.message);
    let unknown = only(step().access(PYTHON, Door::PtraceAttach, Relation::Unknown, 1));
    assert_eq!(unknown.severity, Severity::Medium);
}

#[test]
fn a_debugger_is_silent() {
    let mut story = step();
    for door in [Door::Mem, Door::Environ, Door::PtraceSeize, Door::ProcessVmRead, Door::Maps] {
        story.enter(BASH, CAT, door, Relation::Descendant);
    }
    story.enter(PYTHON, CAT, Door::Mem, Relation::Job);
    // Who has ended was not looked at.
    story.access(PYTHON, Door::PtraceAttach, Relation::Outside, 3);
    assert_eq!(said(&story), [""; 0]);
}

#[test]
fn refused_opens_in_proc_are_tries() {
    let tried = |path: &str, program: Option<&str>| {
        let mut story = step();
        story.probe(PYTHON, path, EACCES);
        if let Some(Body::Attempt(attempt)) = story.events.last_mut().map(|event| &mut event.body) {
            attempt.program = program.map(str::to_owned);
        }
        said(&story)
    };
    assert_eq!(tried("/proc/640/mem", Some("Runner.Worker")), ["agent-memory high"]);
    assert_eq!(tried("/proc/640/task/640/mem", Some("sshd")), ["agent-memory high"]);
    assert_eq!(tried("/proc/640/mem", None), ["agent-memory medium"]);
    assert_eq!(tried("/proc/640/environ", Some("Runner.Worker")), ["agent-environ medium"]);
    assert_eq!(tried("/proc/640/environ", None), ["foreign-environ low"]);
    assert_eq!(tried("/proc/1/environ", Some("systemd")), [""; 0]);
    // One of the job's own.
    assert_eq!(tried(&format!("/proc/{CAT}/mem"), None), [""; 0]);
}

#[test]
fn environments_by_whose_they_are() {
    assert_eq!(said(step().access(CAT, Door::Environ, Relation::Outside, 0)), ["agent-environ high"]);
    assert_eq!(said(step().look_into(CAT, 77, "sshd", Door::Environ, 0)), ["foreign-environ medium"]);
    assert_eq!(said(step().enter(CAT, PYTHON, Door::Environ, Relation::Job)), ["foreign-environ low"]);
    assert_eq!(said(step().look_into(CAT, 1, "systemd", Door::Environ, 0)), [""; 0]);
}

/// `ps e` and what it was made for.
#[test]
fn a_declared_reader_of_environments_is_silent_and_anybody_else_a_scanner() {
    let scan = |program: u16, targets: u32| {
        let mut story = step();
        story.run(CAT, "/bin/ps", declared(program));
        for target in 100..100 + targets {
            story.look_into(CAT, target, "service", Door::Environ, 0);
        }
        story
    };
    assert_eq!(said(&scan(PS, 20)), [""; 0]);
    assert_eq!(said(&scan(0, 3)), ["foreign-environ medium"]);
    assert_eq!(said(&scan(0, 4)), ["foreign-environ high", "foreign-environ medium"]);
    // A process for each, of one loop.
    let mut story = step();
    story.fork(BASH, 20);
    for pid in 21..25 {
        story.spawn(20, pid, "/bin/cat").look_into(pid, 200 + pid, "service", Door::Environ, 0).exit(pid);
    }
    assert_eq!(said(&story)[0], "foreign-environ high");
}

#[test]
fn reaching_for_the_sensor() {
    let finding = only(step().look_into(PYTHON, 77, "detector", Door::PtraceAttach, 0));
    assert_eq!((finding.rule.as_str(), finding.severity), ("sensor-tamper", Severity::Critical));
    let argv = ["rm", "-rf", "/sys/fs/bpf/detector/5-6"].map(str::to_owned).to_vec();
    let finding = only(step().run(CAT, "/bin/rm", Exec { argv, ..Exec::default() }));
    assert_eq!((finding.rule.as_str(), finding.technique.as_deref()), ("sensor-tamper", Some("T1562.001")));
    assert_eq!(finding.process.map(|process| process.name), Some("rm".to_owned()));
}

#[test]
fn an_environment_is_printed_where_somebody_reads_it() {
    let dumps = |flags: u16, stdout: Stream| {
        let mut story = step();
        story.run(CAT, "/usr/bin/env", Exec { line: flags, stdout, ..Exec::default() });
        said(&story)
    };
    for stdout in [Stream::Pipe, Stream::File, Stream::Socket] {
        assert_eq!(dumps(line::DUMPS, stdout), ["step-env low"]);
    }
    assert_eq!(dumps(line::DUMPS, Stream::Device), [""; 0]);
    assert_eq!(dumps(line::QUIET, Stream::Pipe), [""; 0]);
    let own = |program| {
        let mut story = step();
        story.run(CAT, "/bin/ps", declared(program)).enter(CAT, CAT, Door::Environ, Relation::Own);
        said(&story)
    };
    assert_eq!(own(0), ["step-env low"]);
    assert_eq!(own(PS), [""; 0]);
}

/// What is printed and sent is a leak, and no second finding.
#[test]
fn a_dump_that_is_sent_is_a_leak_and_stays_low() {
    let mut story = step();
    story.run(CAT, "/usr/bin/env", Exec { line: line::DUMPS, stdout: Stream::Pipe, ..declared(ENV) });
    story.give(CAT, pipe(1)).take(PYTHON, pipe(1)).connect(PYTHON, SINK);
    assert_eq!(said(&story), ["step-env low"]);
    let mut engine = crate::engine::Engine::new(policy().clone(), crate::engine::Mode::Audit, 0);
    let rules: Vec<_> = story.events.iter().flat_map(|event| engine.apply(event)).map(|found| found.rule).collect();
    assert_eq!(rules, ["step-env", "leak"]);
}

#[test]
fn an_undeclared_reader_is_as_severe_as_what_it_reads() {
    let reads = |path| said(step().read(CAT, path));
    assert_eq!(reads(AWS), ["undeclared-reader medium"]);
    assert_eq!(reads(NPMRC), ["undeclared-reader low"], "its leak does not kill");
    assert_eq!(reads(DOCKER), ["undeclared-reader low"], "likely");
    assert_eq!(reads("/srv/app/.env"), ["undeclared-reader info"], "observed");
    assert_eq!(reads("/srv/tls/key"), ["undeclared-reader info"], "weak");
    assert_eq!(said(step().open(CAT, AWS, false)), [""; 0], "written");
    assert_eq!(only(step().read(CAT, SSH)).technique.as_deref(), Some("T1552.004"));
}

#[test]
fn a_reader_of_its_own_file_is_silent() {
    let reads = |program, path| said(step().run(CAT, "/usr/bin/git", declared(program)).read(CAT, path));
    assert_eq!(reads(GIT, NPMRC), [""; 0]);
    assert_eq!(reads(GIT, AWS), ["undeclared-reader medium"], "not its own");
    let mut injected = step();
    injected.run(CAT, "/usr/bin/git", Exec { injected: true, ..declared(GIT) }).read(CAT, NPMRC);
    assert_eq!(said(&injected), ["undeclared-reader low"]);
    let mut sdk = step();
    sdk.run(CAT, "/usr/bin/python3", declared(INTERPRETED));
    sdk.read(CAT, "/usr/lib/python3/botocore/session.py").read(CAT, AWS);
    assert_eq!(said(&sdk), [""; 0]);
}

#[test]
fn one_finding_a_program_says_all_that_it_read() {
    let mut story = step();
    story.read(CAT, "/srv/app/.env").spawn(BASH, 20, "/bin/cat").read(20, AWS).read(20, DOCKER);
    let finding = only(&story);
    assert_eq!((finding.severity, finding.action, finding.count), (Severity::Medium, Action::Alert, 3));
    assert_eq!(finding.secret, ["aws", "docker", "env"]);
    assert_eq!(finding.message, "cat read [aws, docker, env] and is no declared reader of it");
    let ids = |first, second| only(step().read(CAT, first).read(CAT, second)).id;
    assert_eq!(ids(AWS, DOCKER), ids(DOCKER, AWS), "whichever comes first");
}

#[test]
fn files_of_the_repository_are_the_builds_own() {
    let mut story = step();
    story.read(CAT, "/home/runner/work/r/r/.git/config").read(CAT, "/home/runner/work/r/r/app/.npmrc");
    assert_eq!(said(&story), ["undeclared-reader low"]);
    assert_eq!(said(step().read(CAT, "/home/runner/.aws/credentials")), ["undeclared-reader medium"]);
}

#[test]
fn a_backup_reads_what_is_there() {
    let mut story = step();
    let argv = ["tar", "-cf", "/backup.tar", "/root"].map(str::to_owned).to_vec();
    story.run(CAT, "/bin/tar", Exec { argv, ..Exec::default() });
    story.read(CAT, AWS).read(CAT, NPMRC).read(CAT, SSH).read(CAT, DOCKER);
    assert_eq!(said(&story), ["sweep medium", "undeclared-reader low"]);
    story.connect(CAT, "127.0.0.1:873").connect(CAT, "198.51.100.7:443");
    assert_eq!(said(&story)[0], "sweep medium", "loopback, and where all is accepted");
    assert_eq!(said(story.connect(CAT, SINK))[0], "sweep high");
    let sweep = &found(&story)[0];
    assert_eq!(sweep.secret, ["aws", "npm", "ssh", "docker"]);
    assert!(sweep.message.ends_with("and then sent to 203.0.113.9:443"), "{}", sweep.message);
}

#[test]
fn a_sender_that_is_refused_has_swept_and_sent() {
    let mut story = step();
    story.read(PYTHON, AWS).read(PYTHON, NPMRC).read(PYTHON, SSH);
    assert_eq!(said(story.stopping(Outcome::Refused).connect(PYTHON, SINK))[0], "sweep high");
}

#[test]
fn who_has_swept_and_asks_for_a_name_sends() {
    let mut story = step();
    story.read(PYTHON, AWS).read(PYTHON, NPMRC).read(PYTHON, SSH);
    let swept = said(story.ask(PYTHON, None, "backup.test"));
    assert!(swept.contains(&"sweep medium".to_owned()), "where all is accepted: {swept:?}");
    assert_eq!(said(story.stopping(Outcome::Refused).ask(PYTHON, None, "drop.evil.test"))[0], "sweep high");
    let sweep = &found(&story)[0];
    assert!(sweep.message.ends_with("and then sent to drop.evil.test"), "{}", sweep.message);
}

#[test]
fn going_through_a_list_of_what_is_not_there() {
    let mut story = step();
    story.probe(PYTHON, AWS, ENOENT).probe(PYTHON, NPMRC, ENOENT);
    assert_eq!(said(&story), [""; 0]);
    assert_eq!(said(story.probe(PYTHON, SSH, ENOENT)), ["sweep high"]);
    let sweep = only(&story);
    assert_eq!(sweep.technique.as_deref(), Some("T1083"));
    assert_eq!(sweep.chain.len(), 3);
    let mut there = step();
    there.probe(PYTHON, AWS, 0).probe(PYTHON, NPMRC, 0).probe(PYTHON, SSH, EACCES);
    assert_eq!(said(&there), ["sweep medium"], "what is there, or may be");
}

#[test]
fn what_a_caller_writes_is_understood() {
    let mut story = step();
    story.probe(PYTHON, "/root/x/..//.aws/./credentials", ENOENT).probe(PYTHON, ".npmrc", ENOENT);
    story.probe(PYTHON, ".ssh/id_rsa", ENOENT).probe(PYTHON, ".docker/config.json", ENOENT);
    assert_eq!(said(&story), ["sweep high"], "a thief that changed into the home");
    let mut story = step();
    // Of a relative path, the directory is not known.
    story.probe(PYTHON, "credentials", ENOENT).probe(PYTHON, "config.json", 0).probe(PYTHON, "id_rsa", 0);
    assert_eq!(said(&story), [""; 0]);
}

#[test]
fn one_tool_looks_in_many_places() {
    let mut story = step();
    for path in [SSH, "/root/.ssh/id_rsa", "/root/.ssh/id_ecdsa", "/etc/ssh/ssh_host_rsa_key", "/home/a/.ssh/id_rsa"] {
        story.probe(PYTHON, path, ENOENT);
    }
    assert_eq!(said(&story), [""; 0], "one group");
    story.probe(PYTHON, "/root/.env", ENOENT).probe(PYTHON, "/root/.x/tls/key", ENOENT).probe(PYTHON, AWS, ENOENT);
    assert_eq!(said(&story), ["sweep high"], "two groups, and two that count half");
}

#[test]
fn declared_readers_sweep_nothing() {
    let mut story = step();
    story.run(PYTHON, "/usr/bin/git", declared(GIT));
    story.read(PYTHON, NPMRC).read(PYTHON, SSH).read(PYTHON, DOCKER).probe(PYTHON, "/root/.git/config", ENOENT);
    assert_eq!(said(&story), [""; 0]);
}

#[test]
fn what_different_commands_of_a_step_read_is_not_added_up_so_soon() {
    let mut story = step();
    let paths = [AWS, NPMRC, SSH, DOCKER, "/home/runner/.git/config"];
    for (pid, path) in (20..).zip(paths) {
        story.spawn(BASH, pid, "/bin/cat");
        if pid < 23 {
            story.read(pid, path);
        }
    }
    assert_eq!(said(&story), ["undeclared-reader medium"]);
    story.read(23, DOCKER).access(24, Door::Environ, Relation::Outside, 0);
    assert_eq!(said(&story).iter().filter(|said| said.starts_with("sweep")).count(), 1, "{:?}", said(&story));
    let mut inner = step();
    // The same, by the commands of a script.
    inner.spawn(BASH, 20, "/bin/bash");
    for (pid, path) in (21..).zip([AWS, NPMRC, SSH]) {
        inner.spawn(20, pid, "/bin/cat").read(pid, path).exit(pid);
    }
    let sweep = found(&inner).into_iter().find(|finding| finding.rule == "sweep").expect("a sweep");
    assert_eq!((sweep.severity, sweep.process.map(|it| it.process.pid)), (Severity::Medium, Some(20)), "the script's");
}

#[test]
fn a_scanner_of_the_workspace_is_no_thief() {
    let mut story = step();
    let workspace = "/home/runner/work/r/r";
    for path in [".git/config", ".npmrc", ".env", "test/home/.aws/credentials", "test/home/.ssh/id_rsa"] {
        story.read(PYTHON, &format!("{workspace}/{path}"));
    }
    story.connect(PYTHON, SINK);
    let said_of = said(&story);
    assert!(said_of.iter().all(|said| said.ends_with("low")), "{said_of:?}");
    assert!(said_of.contains(&"sweep low".to_owned()), "{said_of:?}");
    // The same files in the home beside it.
    for path in [".npmrc", ".aws/credentials", ".ssh/id_rsa"] {
        story.read(PYTHON, &format!("/home/runner/{path}"));
    }
    assert!(said(&story).contains(&"sweep medium".to_owned()), "{:?}", said(&story));
}

/// A step that sets its tools up.
#[test]
fn who_writes_credentials_sweeps_nothing() {
    let mut story = step();
    for path in [AWS, NPMRC, SSH, DOCKER] {
        story.open(BASH, path, false);
    }
    assert_eq!(said(&story), [""; 0]);
}

#[test]
fn a_home_of_no_convention_is_known_by_what_is_in_it() {
    let mut story = step();
    story.probe(PYTHON, "/var/lib/x/.npmrc", ENOENT).probe(PYTHON, "/var/lib/x/.ssh/id_rsa", ENOENT);
    story.probe(PYTHON, "/var/lib/x/.docker/config.json", ENOENT);
    assert_eq!(said(&story), ["sweep high"]);
    // One that looks like a repository is one home less only below its root.
    let mut story = step();
    story.read(PYTHON, "/var/lib/x/.git/config").probe(PYTHON, "/var/lib/x/.npmrc", ENOENT);
    story.probe(PYTHON, "/var/lib/x/.ssh/id_rsa", ENOENT).probe(PYTHON, "/var/lib/x/.docker/config.json", ENOENT);
    assert!(said(&story).iter().any(|said| said == "sweep low"), "{:?}", said(&story));
}

#[test]
fn nobody_touches_a_decoy() {
    const DECOY: &str = "/root/.decoy/token";
    assert_eq!(said(step().read(CAT, DECOY)), ["decoy high"]);
    assert_eq!(said(step().open(CAT, DECOY, false)), ["decoy high"]);
    assert_eq!(said(step().probe(CAT, DECOY, 0)), ["decoy high"]);
    assert_eq!(said(step().run(CAT, "/usr/bin/git", declared(GIT)).probe(CAT, DECOY, EACCES)), ["decoy high"]);
    assert_eq!(said(step().probe(CAT, DECOY, ENOENT)), [""; 0], "there is none");
    assert_eq!(said(step().probe(CAT, "/root/.decoy/other", 0)), [""; 0]);
}

#[test]
fn what_runs_later_is_written_by_installers() {
    const CRON: &str = "/etc/cron.d/job";
    let write = |program| {
        let mut story = step();
        story.run(CAT, "/usr/bin/dpkg", declared(program)).spawn(CAT, 20, "/bin/sh");
        story
    };
    let finding = only(step().open(CAT, CRON, false));
    assert_eq!((finding.rule.as_str(), finding.severity), ("escape", Severity::High));
    assert_eq!(finding.technique.as_deref(), Some("T1053.003"));
    assert_eq!(only(step().open(CAT, "/proc/sys/kernel/core_pattern", false)).technique.as_deref(), Some("T1611"));
    assert_eq!(said(step().open(CAT, "/root/.profile", false)), ["escape medium"]);
    assert_eq!(said(step().read(CAT, CRON)), [""; 0], "looked at");
    assert_eq!(said(write(DPKG).open(CAT, CRON, false)), [""; 0]);
    assert_eq!(said(write(DPKG).open(20, CRON, false)), ["escape low"], "a package's script");
    assert_eq!(said(write(GIT).open(20, CRON, false)), ["escape high"]);
}

#[test]
fn a_container_with_the_hosts_root() {
    let run = |line: &str| {
        let argv = line.split(' ').map(str::to_owned).collect();
        only(step().run(CAT, "/usr/bin/docker", Exec { argv, ..Exec::default() }))
    };
    let finding = run("docker run --rm -v /:/host alpine chroot /host");
    assert_eq!((finding.rule.as_str(), finding.severity), ("escape", Severity::High));
    assert_eq!(finding.message, "docker starts a container with the host's root directory in it");
    assert_eq!(run("docker run --privileged emulators").severity, Severity::Low);
}

#[test]
fn worse_is_said_again_and_the_same_is_not() {
    let mut engine = crate::engine::Engine::new(policy().clone(), crate::engine::Mode::Audit, 0);
    let mut story = step();
    story.read(CAT, DOCKER).read(CAT, DOCKER).read(CAT, AWS).read(CAT, SSH);
    let news: Vec<_> = story.events.iter().flat_map(|event| engine.apply(event)).collect();
    let news: Vec<_> = news.iter().map(|found| format!("{} {}", found.rule, found.severity.name())).collect();
    assert_eq!(news, ["undeclared-reader low", "undeclared-reader medium", "sweep medium"]);
    let findings = engine.conclude(Vec::new(), true).findings;
    assert_eq!(findings.iter().map(|finding| finding.count).collect::<Vec<_>>(), [4, 1]);
}

#[test]
fn many_lineages_and_programs_stay_bounded() {
    let mut story = step();
    for pid in 100..5_000 {
        story.spawn(BASH, pid, &format!("/tmp/program-{pid}")).read(pid, AWS).probe(pid, NPMRC, ENOENT);
        story.act_on(pid, Access { door: Door::Environ, ..other() }).exit(pid);
    }
    let findings = found(&story);
    assert!(findings.len() < 5_000, "{}", findings.len());
}

fn other() -> Access {
    let target = super::story::process(3);
    Access { door: Door::Mem, target, relation: Relation::Outside, program: None, errno: 0 }
}

#[test]
fn a_block_in_the_log_is_what_a_holder_of_what_kills_printed() {
    let holds = |path: &str| {
        let mut story = step();
        story.fork(BASH, PYTHON).read(PYTHON, path);
        story
    };
    let printed =
        |story: &Story| found(story).into_iter().filter(|finding| finding.rule == "leak-log").collect::<Vec<_>>();
    let only = |story: &Story| printed(story).first().cloned().unwrap();
    let mut story = holds(AWS);
    let finding = only(story.print(PYTHON, Outcome::Masked));
    assert_eq!((finding.severity, finding.action), (Severity::High, Action::Deny));
    assert_eq!((finding.secret.as_slice(), &finding.destination), (&["aws".to_owned()][..], &None));
    let enforced = |finding: &Finding| finding.enforced.map(|enforced| (enforced.outcome, enforced.killed));
    assert_eq!(enforced(&finding), Some((Outcome::Masked, false)));
    // One that got through outweighs those that were stopped; a kill is noted.
    let passed = only(story.print(PYTHON, Outcome::Passed).kill(PYTHON, 0));
    assert_eq!((enforced(&passed), passed.count, &passed.id), (Some((Outcome::Passed, true)), 2, &finding.id));
    // What does not kill, or was not read, is no leak there.
    assert!(printed(holds(NPMRC).print(PYTHON, Outcome::Passed)).is_empty());
    assert!(printed(step().print(BASH, Outcome::Passed)).is_empty());
}
