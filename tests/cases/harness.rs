//! The harness against itself: networks are private and vanish, the sink records truly, a job gets what it is given and
//! nothing else.

use detector_tests::{
    canary,
    fixture::{act, part},
    namespace::{Network, OTHER_V4, SINK_V4, SINK_V6},
    outcome::Outcome,
    run::Job,
    scene::{PORT, Scene},
    sink::{Sink, Transport},
};
use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::{Duration, Instant},
};

type Result = anyhow::Result<()>;

const SOON: Duration = Duration::from_secs(5);

#[track_caller]
fn assert_succeeded(outcome: &Outcome) {
    let (out, err) = (String::from_utf8_lossy(&outcome.stdout), String::from_utf8_lossy(&outcome.stderr));
    assert_eq!(outcome.code(), Some(0), "timed out: {}\nstdout: {out}\nstderr: {err}", outcome.timed_out);
}

#[test]
fn a_job_sees_only_its_own_network() -> Result {
    let network = Network::new()?;
    let outcome = Job::new(&network, ["ip", "-brief", "link"]).bare()?;
    assert_succeeded(&outcome);
    let links = String::from_utf8_lossy(&outcome.stdout).into_owned();
    assert!(links.contains("job0@"), "{links}");
    assert!(!links.contains("eth0"), "{links}");
    let machine = std::process::Command::new("ip").args(["-brief", "link"]).output()?.stdout;
    assert!(!String::from_utf8_lossy(&machine).contains("job0@"), "the cable is in the machine's own namespace");
    let cgroup = Job::new(&network, ["sh", "-c", "test -d /sys/fs/cgroup && readlink /proc/self/ns/mnt"]).bare()?;
    assert_succeeded(&cgroup);
    let mounts = std::fs::read_link("/proc/self/ns/mnt")?;
    assert_eq!(String::from_utf8_lossy(&cgroup.stdout).trim(), mounts.to_string_lossy(), "the job keeps /sys as it is");
    Ok(())
}

#[test]
fn the_sink_tells_senders_apart() -> Result {
    let scene = Scene::new()?;
    assert_eq!(scene.sink.port(), PORT);
    let artifact = scene.home.artifact();
    let started = Instant::now();
    for (name, address) in [("old-tcp", SINK_V4), ("old-tcp", SINK_V6), ("old-udp", OTHER_V4)] {
        let arguments = [name, &scene.sink.at(address).to_string(), &artifact.to_string_lossy()];
        assert_succeeded(&scene.job(act(&arguments)?).bare()?);
    }
    assert!(scene.sink.wait_for(SOON, |all| all.len() == 3 && all.iter().all(|c| !c.bytes.is_empty())));
    let all = scene.sink.connections();
    assert_eq!(all[0].local, Some(scene.sink.at(SINK_V4)));
    assert_eq!(all[1].local, Some(scene.sink.at(SINK_V6)));
    assert_eq!((all[2].transport, all[2].local), (Transport::Udp, None));
    let first = all[0].arrivals.first().map_or(0, |a| a.0);
    assert!(all[0].opened <= first && all[0].opened < all[1].opened);
    assert!(u128::from(all[2].opened - all[0].opened) < started.elapsed().as_nanos());
    assert!(all[0].arrivals.len() > 1, "several writes arrive as several segments");
    Ok(())
}

#[test]
fn nothing_stays_behind_even_after_a_panic() -> Result {
    let network = Network::new()?;
    let names = [network.job.name().to_owned(), network.sink.name().to_owned()];
    let mut command = std::process::Command::new("sleep");
    let mut orphan = network.job.enter(command.arg("1000")).spawn()?;
    assert!(network.job.processes().contains(&orphan.id()));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _network = network;
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    assert!(!orphan.wait()?.success(), "the orphan was killed");
    for name in names {
        assert!(!Path::new("/run/netns").join(&name).exists(), "{name} is still there");
    }
    Ok(())
}

#[test]
fn many_networks_at_once() -> Result {
    std::thread::scope(|scope| {
        let one = |n: u16| {
            move || -> Result {
                let network = Network::new()?;
                // The same port in each: nothing is shared.
                let sink = Sink::start(&network.sink, PORT)?;
                let dial = format!("printf 'sender {n};' > /dev/tcp/{SINK_V4}/{PORT}");
                assert_succeeded(&Job::new(&network, ["bash", "-c", &dial]).bare()?);
                assert!(sink.wait_for_bytes(1, SOON));
                assert_eq!(sink.bytes(), format!("sender {n};").into_bytes());
                Ok(())
            }
        };
        let threads: Vec<_> = (0..8).map(|n| scope.spawn(one(n))).collect();
        threads.into_iter().try_for_each(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

#[test]
fn a_job_that_takes_too_long_is_killed_whole() -> Result {
    let network = Network::new()?;
    let outcome =
        Job::new(&network, ["sh", "-c", "sleep 1000 & sleep 1000"]).timeout(Duration::from_millis(300)).bare()?;
    assert!(outcome.timed_out && outcome.elapsed < SOON);
    // Killed processes stay visible until their new parent has reaped them.
    let deadline = Instant::now() + SOON;
    while !network.job.processes().is_empty() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(network.job.processes(), Vec::<u32>::new());
    Ok(())
}

#[test]
fn without_root_it_says_so() -> Result {
    // Privileges belong to threads: this one gives them up and ends.
    let unprivileged = || {
        let nobody = rustix::process::Uid::from_raw(65534);
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody)?;
        let refused = Network::new().map(|network| network.job.name().to_owned());
        anyhow::Ok(refused.map_err(|error| error.to_string()))
    };
    let refused = std::thread::spawn(unprivileged).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    assert!(refused.as_ref().is_err_and(|message| message.contains("run them as root")), "{refused:?}");
    Ok(())
}

#[test]
fn the_environment_is_the_jobs_own() -> Result {
    let scene = Scene::new()?;
    let outcome = scene.job(["env"]).bare()?;
    let text = String::from_utf8_lossy(&outcome.stdout).into_owned();
    let keys: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    for key in keys {
        let known = ["AGENT_PID", "CI", "GITHUB_WORKSPACE", "HOME", "LANG", "PATH", "PUBKEY", "SINK", "TMPDIR"];
        assert!(known.contains(&key), "{key} leaked into the job");
    }
    canary::assert_absent(&scene.canaries(), "the job's environment", &outcome.stdout);
    Ok(())
}

#[test]
fn a_watched_run_hands_over_options_and_brings_back_results() -> Result {
    let scene = Scene::new()?;
    let job = scene.job(["sh", "-c", "echo out; echo err >&2; exit 7"]).detector(part("cases/stand-in.sh"));
    let outcome = job.mode("enforce").policy("version: 1\n").option("--strict").watched()?;
    assert_eq!((outcome.code(), outcome.verdict()), (Some(7), Some("FAIL")));
    assert_eq!((outcome.stdout.as_slice(), outcome.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
    assert_eq!(outcome.text.as_deref(), Some("FAIL\n"));
    assert_eq!((outcome.findings().len(), outcome.leaked()), (2, BTreeSet::from(["aws", "npm"])));
    let recording = std::fs::read_to_string(outcome.recording().unwrap_or_default())?;
    assert_eq!(recording, "mode=enforce policy=version: 1 strict=1 home=yes\n");
    let everything = outcome.everything()?;
    for part in ["out", "err", "FAIL", "mode=enforce"] {
        assert!(everything.windows(part.len()).any(|w| w == part.as_bytes()), "{part}");
    }
    Ok(())
}

#[test]
fn a_watched_run_needs_a_detector() -> Result {
    let network = Network::new()?;
    let outcome = Job::new(&network, ["true"]).detector("/nonexistent/detector").watched();
    assert!(outcome.is_err_and(|error| error.to_string().contains("no detector at /nonexistent/detector")));
    Ok(())
}
