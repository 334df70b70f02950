//! Every way to open a watched file, and to fail at it, is recorded as the file that was really opened; nothing is of
//! files that are not watched.

use detector::{
    engine::Verdict,
    event::{Attempt, Body, Open, Probe},
    secret::redact,
};
use detector_tests::{fixture::binary, scene::Scene, watched::Watched};
use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

type Result = anyhow::Result<()>;

const CALLS: [&str; 4] = ["open", "openat", "openat2", "creat"];
const ENOENT: u32 = 2;
const EINVAL: u32 = 22;

/// Runs `script`, in which `$FIXTURE open-by CALL FILE` opens.
fn run(scene: &Scene, script: &str) -> anyhow::Result<Watched> {
    let job = scene.job(["bash", "-c", script]).env("FIXTURE", binary("fixture")?).mode("enforce");
    Watched::run(scene, &job.env("SECRET", scene.home.credential("aws")).env("ARTIFACT", scene.home.artifact()))
}

fn opens(run: &Watched) -> Vec<&Open> {
    run.recording
        .acts(|body| if let Body::Open(open) = body { Some(open) } else { None })
        .map(|(_, open)| open)
        .collect()
}

fn attempts(run: &Watched) -> Vec<&Attempt> {
    let attempts = run.recording.acts(|body| if let Body::Attempt(attempt) = body { Some(attempt) } else { None });
    attempts.map(|(_, attempt)| attempt).collect()
}

fn shown(path: &Path) -> String {
    redact::path(path.as_os_str().as_encoded_bytes())
}

#[test]
fn every_call_that_opens() -> Result {
    let scene = Scene::new()?;
    let script = format!("for call in {}; do \"$FIXTURE\" open-by $call \"$SECRET\"; done", CALLS.join(" "));
    let inode = fs::metadata(scene.home.credential("aws"))?.ino();
    let run = run(&scene, &script)?;
    // One process each: what the same process does again is said once.
    let opens = opens(&run);
    assert_eq!(opens.len(), CALLS.len(), "{opens:#?}");
    for (call, open) in CALLS.iter().zip(&opens) {
        assert_eq!(open.path, shown(&scene.home.credential("aws")), "{call}");
        assert_eq!(open.file.inode, inode, "{call}");
        assert_eq!((open.read, open.write), (*call != "creat", *call == "creat"), "{call}");
    }
    assert_eq!(run.conclusion.verdict, Verdict::Pass, "who reads and does not send is left alone");
    Ok(())
}

#[test]
fn every_call_that_fails() -> Result {
    let scene = Scene::new()?;
    let script =
        format!("for call in {}; do \"$FIXTURE\" open-by $call \"$HOME/none/.aws/credentials\"; done", CALLS.join(" "));
    let run = run(&scene, &script)?;
    let attempts = attempts(&run);
    assert_eq!(attempts.len(), CALLS.len(), "{attempts:#?}");
    for attempt in attempts {
        assert_eq!(attempt.path, shown(&scene.home.path().join("none/.aws/credentials")));
        assert_eq!(attempt.errno, ENOENT);
    }
    assert!(opens(&run).is_empty());
    Ok(())
}

/// Calls that ask, each as the recording names it.
const ASKS: [(&str, Probe); 9] = [
    ("stat", Probe::Stat),
    ("lstat", Probe::Stat),
    ("newfstatat", Probe::Stat),
    ("statx", Probe::Stat),
    ("access", Probe::Access),
    ("faccessat", Probe::Access),
    ("faccessat2", Probe::Access),
    ("readlink", Probe::Readlink),
    ("readlinkat", Probe::Readlink),
];

#[test]
fn every_call_that_asks() -> Result {
    let scene = Scene::new()?;
    let calls: Vec<_> = ASKS.iter().map(|(call, _)| *call).collect();
    let script = format!(
        "for call in {}; do \"$FIXTURE\" ask-by $call \"$SECRET\"; \"$FIXTURE\" ask-by $call \"$HOME/none/.aws/credentials\"; done",
        calls.join(" ")
    );
    let run = run(&scene, &script)?;
    let attempts = attempts(&run);
    assert_eq!(attempts.len(), 2 * ASKS.len(), "{attempts:#?}");
    for ((call, probe), asked) in ASKS.iter().zip(attempts.chunks(2)) {
        let there = if *probe == Probe::Readlink { EINVAL } else { 0 };
        assert_eq!((asked[0].call, asked[0].errno), (*probe, there), "{call} of what is there");
        assert_eq!(asked[0].path, shown(&scene.home.credential("aws")), "{call}");
        assert_eq!((asked[1].call, asked[1].errno), (*probe, ENOENT), "{call} of what is not there");
    }
    assert!(opens(&run).is_empty());
    Ok(())
}

/// A name says nothing where the directory above it is another; what only the engine can put right is left to it.
#[test]
fn other_names_are_nobodys_business() -> Result {
    let scene = Scene::new()?;
    let script = "cd \"$HOME\"; for name in credentials x/credentials .aws/none none/config; do \
        \"$FIXTURE\" ask-by statx \"$HOME/$name\"; \"$FIXTURE\" ask-by statx $name; done; \
        for name in .aws/credentials .aws//credentials .aws/./credentials .npmrc; do \"$FIXTURE\" ask-by statx $name; done";
    let run = run(&scene, script)?;
    let paths: Vec<_> = attempts(&run).iter().map(|attempt| attempt.path.as_str()).collect();
    assert_eq!(paths, [".aws/credentials", ".aws//credentials", ".aws/./credentials", ".npmrc"]);
    Ok(())
}

#[test]
fn the_file_decides_and_not_the_string() -> Result {
    let scene = Scene::new()?;
    let script = "ln -s \"$HOME/.aws\" \"$TMPDIR/alias\"; \"$FIXTURE\" open-by open \"$TMPDIR/alias/credentials\"; \
        ln -s \"$SECRET\" \"$TMPDIR/plain\"; \"$FIXTURE\" open-by openat \"$TMPDIR/plain\"; \
        cd \"$HOME/.aws\"; \"$FIXTURE\" open-by openat2 credentials; \
        \"$FIXTURE\" open-by open \"/proc/self/root$SECRET\"";
    let run = run(&scene, script)?;
    let opens = opens(&run);
    assert_eq!(opens.len(), 4, "{opens:#?}");
    assert!(opens.iter().all(|open| open.path == shown(&scene.home.credential("aws"))), "{opens:#?}");
    Ok(())
}

#[test]
fn other_files_are_nobodys_business() -> Result {
    let scene = Scene::new()?;
    let script = format!(
        "for call in {}; do \"$FIXTURE\" open-by $call \"$ARTIFACT.$call\"; \"$FIXTURE\" open-by $call \"$HOME/none/x\"; \
         done; cat \"$ARTIFACT\" > \"$TMPDIR/credentials\"; \"$FIXTURE\" open-by open \"$TMPDIR/credentials\"",
        CALLS.join(" ")
    );
    let run = run(&scene, &script)?;
    assert!(opens(&run).is_empty(), "{:#?}", opens(&run));
    // Of a failed open nobody knows which file it would have been: the leaf's name decides.
    assert!(attempts(&run).is_empty(), "{:#?}", attempts(&run));
    assert_eq!(run.conclusion.verdict, Verdict::Pass);
    Ok(())
}
