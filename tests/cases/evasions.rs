//! Thefts that take ways which few programs take: each is stopped, and where it cannot be, the verdict is not PASS and the
//! report does not say that it was stopped.

use detector::{engine::Verdict, event::Outcome as Fate};
use detector_tests::{
    fixture::{act, attack, binary},
    namespace::SINK_V4,
    quarantine,
    scene::Scene,
    watched::Watched,
};
use std::{path::Path, time::Duration};

type Result = anyhow::Result<()>;

const SOON: Duration = Duration::from_secs(5);

/// Runs an act under enforce. Every word of the report is true of what arrived.
fn attempt(scene: &Scene, name: &str, file: &Path, more: &[&str]) -> anyhow::Result<Watched> {
    quarantine::shorten_retries(&scene.network.job, 2)?;
    let (to, file) = (scene.sink.at(SINK_V4).to_string(), file.to_string_lossy());
    let words = [&[name, &to, &file], more].concat();
    Watched::run(scene, &scene.job(act(&words)?).mode("enforce"))
}

/// Not a byte arrives (the first ones of a file are no secret, and what may pass once may pass again), and it is found.
fn is_stopped(name: &str, more: &[&str]) -> Result {
    let scene = Scene::new()?;
    let run = attempt(&scene, name, &scene.home.credential("ssh"), more)?;
    quarantine::await_end(&run.pins()?, quarantine::GONE)?;
    assert_eq!(scene.sink.bytes().len(), 0, "bytes that arrived, where the report says that none did");
    assert_eq!(run.conclusion.verdict, Verdict::Fail, "{name}");
    let stopped = run.leaks().all(|f| f.enforced.is_some_and(|e| e.outcome != Fate::Passed));
    assert!(stopped, "{:#?}", run.conclusion.findings);
    Ok(())
}

/// The same act on a build artefact delivers it, under enforce.
fn twin_passes(name: &str, more: &[&str], deliveries: usize) -> Result {
    let scene = Scene::new()?;
    let run = attempt(&scene, name, &scene.home.artifact(), more)?;
    assert_eq!((run.conclusion.verdict, run.outcome.code()), (Verdict::Pass, Some(0)));
    let payload = scene.home.payload();
    let arrived = scene.sink.wait_for(SOON, |all| all.iter().filter(|c| payload.is_in(&c.bytes)).count() == deliveries);
    assert!(arrived, "{name} delivers nothing: that it is stopped shows nothing");
    Ok(())
}

#[test]
fn io_submit_on_an_old_connection() -> Result {
    is_stopped("aio", &[])
}

/// Who reads the memory of a process of the job has what that holds.
#[test]
fn the_memory_of_a_child_that_read_it() -> Result {
    is_stopped("neighbour", &[])
}

/// A program with `$LOAD` behind its own code, written by `cat` and started by a shell that never touched it.
fn loaded_program(load: &Path, scene: &Scene) -> anyhow::Result<Watched> {
    let script = "cat \"$FIXTURE\" \"$LOAD\" > \"$TMPDIR/program\"; chmod +x \"$TMPDIR/program\"; \
        exec \"$TMPDIR/program\" send \"$SINK\" \"$ARTIFACT\"";
    let job = scene.job(["bash", "-c", script]).env("FIXTURE", binary("fixture")?).env("LOAD", load);
    Watched::run(scene, &job.env("ARTIFACT", scene.home.artifact()).mode("enforce"))
}

/// The kernel itself opens what it runs: a program carries what was written into it.
#[test]
fn a_program_that_a_holder_wrote() -> Result {
    let scene = Scene::new()?;
    let run = loaded_program(&scene.home.credential("aws"), &scene)?;
    assert_eq!(run.conclusion.verdict, Verdict::Fail);
    assert_eq!(scene.sink.bytes().len(), 0, "it was refused as it connected");
    let scene = Scene::new()?;
    let run = loaded_program(&scene.home.artifact(), &scene)?;
    assert_eq!((run.conclusion.verdict, run.outcome.code()), (Verdict::Pass, Some(0)));
    assert!(scene.sink.contains(scene.home.payload()), "the twin delivers nothing");
    Ok(())
}

#[test]
fn an_old_multipath_connection() -> Result {
    is_stopped("mptcp-before", &[])
}

#[test]
fn a_new_multipath_connection() -> Result {
    is_stopped("mptcp-after", &[])
}

/// Two first children at the same moment: neither's end may wash the holder clean.
#[test]
fn children_that_share_memory_at_the_same_moment() -> Result {
    is_stopped("twin-children", &["300"])
}

#[test]
fn their_twins_pass() -> Result {
    twin_passes("aio", &[], 1)?;
    twin_passes("neighbour", &[], 1)?;
    twin_passes("mptcp-before", &[], 1)?;
    twin_passes("mptcp-after", &[], 1)?;
    twin_passes("twin-children", &["3"], 3)
}

/// Calls through the 32-bit entry are not watched, and are said to be counted as lost: no PASS, then.
#[cfg(target_arch = "x86_64")]
#[test]
fn the_32_bit_entry_is_no_pass() -> Result {
    let scene = Scene::new()?;
    let run = attempt(&scene, "compat", &scene.home.credential("ssh"), &[])?;
    assert_ne!(run.conclusion.verdict, Verdict::Pass, "it opened, read and sent a credential");
    Ok(())
}

/// A thief that outlives the command is not watched any more: no PASS, then, whatever it held when the command ended.
#[test]
fn a_thief_left_behind_is_no_pass() -> Result {
    for name in ["litellm-2026", "telnyx-2026"] {
        let scene = Scene::new()?;
        let run = Watched::run(&scene, &scene.job([attack(name)]).env("DETACH", "1").mode("enforce"))?;
        assert_ne!(run.conclusion.verdict, Verdict::Pass, "{name} went on after the command");
    }
    Ok(())
}
