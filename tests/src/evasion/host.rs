//! A host whose daemon watches one fixture after another, each as a job of a runner: a start of the detector for each would take most of
//! the time.

use super::fixture::Fixture;
use crate::{
    canary::Canary,
    daemon::{Daemon, Judged, Runner},
    quarantine,
    scene::Scene,
    wire::Wire,
};
use anyhow::Context as _;
use detector::engine::Finding;
use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::mpsc::{Receiver, sync_channel},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long an arrival is waited for.
const SOON: Duration = Duration::from_secs(3);
/// How long a fixture may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the kernel may try to send what is dropped.
const SILENCE: Duration = Duration::from_secs(60);
/// How often is looked.
const TICK: Duration = Duration::from_millis(10);
/// Tries of a TCP socket that has lost its process.
const TRIES: u8 = 2;
/// What its jobs are under.
const POLICY: &str = "version: 1\nextends: builtin\n";

/// The host.
pub(super) struct Host {
    daemon: Daemon,
    runner: Runner,
    /// In it `home`, a link: the daemon looks into the home that it leads to whenever it reads its policy.
    links: TempDir,
    /// Made beforehand, while the one before is in use.
    places: Receiver<anyhow::Result<(Scene, Wire)>>,
    /// The daemon's own namespace.
    _scene: Scene,
}

/// A run of a fixture, and all that came of it.
pub(super) struct Seen {
    pub(super) scene: Scene,
    pub(super) wire: Wire,
    pub(super) judged: Judged,
    /// How the fixture ended, as the shell says it.
    pub(super) code: String,
    /// What it complained of.
    pub(super) heard: String,
    /// What the daemon said.
    said: String,
}

impl Host {
    /// Starts the daemon in `mode`.
    pub(super) fn new(mode: &str) -> anyhow::Result<Self> {
        let (scene, links) = (Scene::new()?, tempfile::Builder::new().prefix("detector-links-").tempdir()?);
        let home = links.path().join("home");
        symlink(scene.home.path(), &home)?;
        let settings = format!("home: {}\n", home.display());
        let alone = crate::daemon::Alone::wait()?;
        let daemon = Daemon::start_with(alone, &scene.network.job, POLICY, mode, |_| Ok(settings))?;
        let (made, places) = sync_channel(0);
        // It ends with who receives.
        thread::spawn(move || while made.send(place()).is_ok() {});
        Ok(Self { daemon, runner: Runner::new()?, links, places, _scene: scene })
    }

    /// Starts another in the place of `host`.
    pub(super) fn again(host: Self, mode: &str) -> anyhow::Result<Self> {
        // Two cannot be at once.
        drop(host);
        Self::new(mode)
    }

    /// Runs `fixture` on a file of a scene of its own.
    pub(super) fn run(&mut self, fixture: &Fixture, file: fn(&Scene) -> std::path::PathBuf) -> anyhow::Result<Seen> {
        let (scene, wire) = self.places.recv().context("no scenes are made any more")??;
        self.move_in(&scene.home.path())?;
        let (code, heard) = (scene.home.tmp().join("code"), scene.home.tmp().join("heard"));
        let words: Vec<_> = fixture.command().iter().map(|word| format!("'{}'", word.display())).collect();
        let step = format!(
            "cd '{}'; export FILE='{}' TMPDIR='{}' PYTHONDONTWRITEBYTECODE=1 LANG=C.UTF-8 CI=true\n\
             {} 2> '{}'; echo $? > '{}'\n",
            scene.home.workspace().display(),
            file(&scene).display(),
            scene.home.tmp().display(),
            words.join(" "),
            heard.display(),
            code.display()
        );
        self.daemon.said.clear();
        let (mut child, began) = (self.runner.job(&scene, &[&step])?, Instant::now());
        while child.try_wait()?.is_none() {
            if began.elapsed() > PATIENCE {
                scene.network.job.kill_all();
            }
            thread::sleep(TICK);
        }
        let judged = self.daemon.next_job()?;
        quarantine::await_silence(&scene.network.job, SILENCE)?;
        let read = |path: &Path| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
        let (code, heard) = (read(&code), read(&heard));
        Ok(Seen { scene, wire, judged, code, heard, said: self.daemon.said.join("\n") })
    }

    /// From now on `home` is the one that jobs have.
    fn move_in(&mut self, home: &Path) -> anyhow::Result<()> {
        let (link, new) = (self.links.path().join("home"), self.links.path().join("new"));
        symlink(home, &new)?;
        fs::rename(new, link)?;
        self.daemon.reload(POLICY)?;
        self.daemon.wait_for(" is in force for jobs to come").map(drop).context("the daemon did not read its policy")
    }
}

fn place() -> anyhow::Result<(Scene, Wire)> {
    let scene = Scene::new()?;
    let wire = Wire::tap(&scene.network.sink)?;
    quarantine::shorten_retries(&scene.network.job, TRIES)?;
    Ok((scene, wire))
}

impl Seen {
    /// An error when anything does not hold that must hold of every run.
    ///
    /// # Panics
    /// The same.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        self.scene.assert_absent_from("what the daemon said", self.said.as_bytes());
        self.scene.assert_absent_from("what the daemon wrote", &self.judged.everything()?);
        self.judged.assert_replays()?;
        self.judged.recording.decided_alike()
    }

    /// Findings of rule `leak`.
    pub(super) fn leaks(&self) -> impl Iterator<Item = &Finding> {
        self.judged.conclusion.findings.iter().filter(|finding| finding.rule == "leak")
    }

    /// What all findings say.
    pub(super) fn told(&self) -> Vec<&str> {
        self.judged.conclusion.findings.iter().map(|finding| finding.message.as_str()).collect()
    }

    /// Whether the report tells of a gap in these words.
    pub(super) fn says(&self, why: &str) -> bool {
        let coverage = &self.judged.conclusion.coverage;
        let gaps = coverage.capabilities.iter().filter_map(|capability| capability.gap.as_deref());
        gaps.chain(coverage.gaps.iter().map(String::as_str)).any(|gap| gap.contains(why))
    }

    /// Whether it has come to the other end by now.
    pub(super) fn arrived(&self, canary: &Canary) -> bool {
        self.wire.carried(canary) || self.scene.sink.contains(canary)
    }

    /// Whether it comes to the other end.
    pub(super) fn arrives(&self, canary: &Canary) -> bool {
        let began = Instant::now();
        while !self.arrived(canary) {
            if began.elapsed() > SOON {
                return false;
            }
            thread::sleep(TICK);
        }
        true
    }
}
