//! The fixtures against themselves, without the detector: each theft delivers every secret it is after, each honest twin
//! delivers its payload and no secret, and nothing stays behind. A test that rests on a fixture shown here shows something.

use anyhow::Context as _;
use detector_tests::{
    fixture::{act, attack, benign},
    http,
    namespace::{OTHER_V4, SINK_V4, SINK_V6},
    outcome::Outcome,
    scene::Scene,
};
use std::{net::SocketAddr, path::Path, time::Duration};

type Result = anyhow::Result<()>;

const SOON: Duration = Duration::from_secs(5);

#[track_caller]
fn assert_succeeded(outcome: &Outcome) {
    let (out, err) = (String::from_utf8_lossy(&outcome.stdout), String::from_utf8_lossy(&outcome.stderr));
    assert_eq!(outcome.code(), Some(0), "timed out: {}\nstdout: {out}\nstderr: {err}", outcome.timed_out);
}

/// Runs an attack script; every secret named must be in what the sink can decrypt.
fn steals(name: &str, memory: bool) -> Result {
    let scene = Scene::new()?;
    let outcome = scene.job([attack(name)]).bare()?;
    assert_succeeded(&outcome);
    let stderr = String::from_utf8_lossy(&outcome.stderr);
    let loot = scene.keys.open(&scene.sink).with_context(|| format!("the job said: {stderr}"))?;
    assert_eq!(loot.len(), 1, "one upload; the job said: {stderr}");
    let mut wanted = scene.home.canaries().to_vec();
    if memory {
        wanted.extend_from_slice(scene.agent.canaries());
    }
    for canary in wanted {
        assert!(canary.is_in(&loot[0]), "{canary:?} was not stolen");
    }
    scene.assert_absent_from("the wire: it is encrypted", &scene.sink.bytes());
    scene.assert_absent_from("the job's log", &outcome.everything()?);
    Ok(())
}

#[test]
fn trivy_2026_steals() -> Result {
    steals("trivy-2026", true)
}

#[test]
fn litellm_2026_steals() -> Result {
    steals("litellm-2026", false)
}

#[test]
fn telnyx_2026_steals() -> Result {
    steals("telnyx-2026", false)
}

#[test]
fn trivy_2026_still_scans() -> Result {
    let scene = Scene::new()?;
    let outcome = scene.job([attack("trivy-2026")]).sink(SocketAddr::new(OTHER_V4, 9)).bare()?;
    assert_succeeded(&outcome);
    assert!(outcome.stdout.starts_with(b"scanned files: "), "{}", String::from_utf8_lossy(&outcome.stdout));
    Ok(())
}

#[test]
fn a_thief_left_behind_still_delivers() -> Result {
    for name in ["litellm-2026", "telnyx-2026"] {
        let scene = Scene::new()?;
        let outcome = scene.job([attack(name)]).env("DETACH", "1").bare()?;
        assert_succeeded(&outcome);
        assert!(scene.sink.wait_for(SOON, |all| all.iter().any(|c| http::body(&c.bytes).is_some())), "{name}");
        let loot = scene.keys.open(&scene.sink)?;
        assert!(scene.home.canary("aws").is_in(&loot[0]), "{name}");
    }
    Ok(())
}

/// Runs honest work; the payload arrives (packed or plain), and no secret.
fn delivers(name: &str, packed: bool) -> Result {
    let scene = Scene::new()?;
    let outcome = scene.job([benign(name)]).bare()?;
    assert_succeeded(&outcome);
    let arrived = if packed { scene.keys.open(&scene.sink)?.concat() } else { scene.sink.bytes() };
    assert!(scene.home.payload().is_in(&arrived), "the payload did not arrive");
    scene.assert_absent_from("what honest work sent", &arrived);
    Ok(())
}

#[test]
fn scan_and_upload_delivers() -> Result {
    delivers("scan-and-upload", true)
}

#[test]
fn startup_hook_delivers() -> Result {
    delivers("startup-hook", false)
}

#[test]
fn ringtone_delivers() -> Result {
    delivers("ringtone", false)
}

/// Runs an act on a secret and its twin on an ordinary file.
fn act_on(scene: &Scene, name: &str, at: SocketAddr, file: &Path) -> anyhow::Result<Outcome> {
    let file = file.to_string_lossy();
    scene.job(act(&[name, &at.to_string(), &file])?).timeout(Duration::from_secs(25)).bare()
}

#[test]
fn acts_on_files_deliver_what_they_are_given() -> Result {
    for name in ["old-tcp", "old-udp", "clone-files", "clone-vm", "pipe-stage", "file-stage"] {
        for address in [SINK_V4, OTHER_V4, SINK_V6] {
            let scene = Scene::new()?;
            let outcome = act_on(&scene, name, scene.sink.at(address), &scene.home.credential("ssh"))?;
            assert_succeeded(&outcome);
            let stolen = scene.home.canary("ssh");
            assert!(scene.sink.wait_for(SOON, |all| all.iter().any(|c| stolen.is_in(&c.bytes))), "{name} to {address}");
            scene.assert_absent_from("the act's output", &outcome.everything()?);

            let before = scene.sink.bytes().len();
            let outcome = act_on(&scene, name, scene.sink.at(address), &scene.home.artifact())?;
            assert_succeeded(&outcome);
            let payload = scene.home.payload();
            assert!(
                scene.sink.wait_for(SOON, |all| all.iter().any(|c| payload.is_in(&c.bytes))),
                "{name} to {address}"
            );
            scene.assert_absent_from("what the twin sent", &scene.sink.bytes()[before..]);
        }
    }
    Ok(())
}

#[test]
fn acts_on_memory_deliver() -> Result {
    for name in ["vm-readv", "ptrace"] {
        let mut scene = Scene::new()?;
        let (pid, at) = (scene.agent.pid().to_string(), scene.sink.at(SINK_V4));
        let outcome = scene.job(act(&[name, &pid, &at.to_string()])?).bare()?;
        assert_succeeded(&outcome);
        assert!(scene.sink.wait_for_bytes(1, SOON));
        scene.sink.settle(Duration::from_millis(200));
        assert!(scene.sink.contains(scene.agent.memory()), "{name}");
        assert!(scene.agent.alive(), "{name} must not harm the agent");

        let twin = act_on(&scene, &format!("benign-{name}"), at, &scene.home.artifact())?;
        assert_succeeded(&twin);
        let payload = scene.home.payload();
        assert!(scene.sink.wait_for(SOON, |all| all.iter().any(|c| payload.is_in(&c.bytes))), "{name}");
        let sent = scene.sink.connections().pop().map(|c| c.bytes).unwrap_or_default();
        scene.assert_absent_from("what the twin sent", &sent);
    }
    Ok(())
}

#[test]
fn linger_stays_until_killed() -> Result {
    let scene = Scene::new()?;
    let job = scene.job(act(&[
        "linger",
        &scene.sink.at(SINK_V4).to_string(),
        &scene.home.credential("aws").to_string_lossy(),
    ])?);
    let outcome = job.timeout(Duration::from_secs(2)).bare()?;
    assert!(outcome.timed_out);
    assert!(scene.sink.contains(scene.home.canary("aws")));
    Ok(())
}

#[test]
fn load_ends() -> Result {
    let scene = Scene::new()?;
    let artifact = scene.home.artifact();
    assert_succeeded(&scene.job(act(&["many", "300"])?).bare()?);
    assert_succeeded(&scene.job(act(&["opens", "20000", &artifact.to_string_lossy()])?).bare()?);
    assert_eq!(scene.sink.bytes(), b"");
    Ok(())
}
