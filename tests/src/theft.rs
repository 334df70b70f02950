//! What every emulated theft must come to under the detector.
//!
//! Enforce: nothing of the loot arrives, now or later, who sends is killed, and nobody else is touched. Audit: the same is
//! found, all of the loot arrives, and the command never knows.

use crate::{
    canary::Canary,
    fixture::{attack, benign},
    namespace::{METADATA_V4, OTHER_V4, SINK_V4},
    quarantine,
    run::Job,
    scene::Scene,
    sink::Sink,
    watched::Watched,
};
use anyhow::Context as _;
use detector::{
    engine::{Conclusion, Destination, Finding, Mode, Severity, Verdict},
    event::{Door, Outcome as Fate, Relation},
};
use std::{collections::BTreeSet, time::Duration};

/// What the sensor cannot tell yet. Each of these becomes true, and goes, with the sensor's part; what it guards is written.
pub mod told {
    /// Declared readers: what npm and git read for themselves does not follow their children.
    pub const READERS: bool = false;
    /// The job's log is a destination: what is written there leaks.
    pub const LOG: bool = false;
    /// Class `step-env`: a dump of one's own environment.
    pub const STEP_ENV: bool = false;
    /// Findings that need no destination.
    pub const DIRECT: bool = false;
}

/// What may be left in the kernel is gone by then: no theft here has data on its way when it is stopped.
const SOON: Duration = Duration::from_secs(5);
const SIGKILL: u8 = 9;
/// The policy of who writes none.
pub const BUILTIN: &str = "version: 1\nextends: builtin\n";

/// Rules of findings that need no destination.
const DIRECT: [&str; 6] = ["agent-memory", "foreign-environ", "step-env", "sweep", "undeclared-reader", "persistence"];

/// A theft and what it is known by.
#[derive(Clone, Copy, Debug)]
pub struct Theft {
    /// Its incident, and its directory.
    pub name: &'static str,
    /// Programs, by the beginning of the name, one of which must be found sending, and besides which none may be. None: the
    /// loot goes to the job's log only.
    pub senders: &'static [&'static str],
    /// Classes that leave over the network when nothing is stopped.
    pub classes: &'static [&'static str],
    /// Secrets of the home that arrive.
    pub loot: &'static [&'static str],
    /// The doors of the agent that are opened.
    pub doors: &'static [Door],
    /// `DEPLOY_TOKEN` arrives.
    pub variable: bool,
    /// The keys of the machine's role arrive.
    pub role: bool,
    /// The loot is in the job's log, too.
    pub log: bool,
    /// What the victim says when its work is done; the log of a theft has more lines.
    pub says: &'static str,
}

impl Theft {
    /// The theft, with the variable in the job's environment.
    pub fn job<'a>(&self, scene: &'a Scene) -> Job<'a> {
        scene.job([attack(self.name)]).env("DEPLOY_TOKEN", scene.variable.value()).policy(BUILTIN)
    }

    /// All that it is after.
    pub fn wanted(&self, scene: &Scene) -> Vec<Canary> {
        let mut wanted: Vec<_> = self.loot.iter().map(|name| scene.home.canary(name).clone()).collect();
        wanted.extend(self.doors.contains(&Door::Mem).then(|| scene.agent.memory().clone()));
        wanted.extend(self.doors.contains(&Door::Environ).then(|| scene.agent.environ().clone()));
        wanted.extend(self.variable.then(|| scene.variable.clone()));
        wanted.extend(self.role.then(|| scene.role.clone()));
        wanted
    }

    /// Each secret that it is after is in `known`.
    #[track_caller]
    pub fn assert_stolen(&self, scene: &Scene, known: &[u8]) {
        for canary in self.wanted(scene) {
            assert!(canary.is_in(known), "{}: {canary:?} was not stolen", self.name);
        }
    }

    /// All that arrived, by network or log, as the thief can read it.
    pub fn arrived(&self, scene: &Scene, log: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut known = scene.keys.read_sink(&scene.sink)?;
        if self.log {
            known.extend(scene.keys.read_log(log)?);
        }
        Ok(known)
    }

    /// Without the detector: everything arrives, and the victim says what it always says.
    pub fn steals(&self) -> anyhow::Result<()> {
        let scene = Scene::new()?;
        let _metadata = scene.metadata()?;
        let outcome = self.job(&scene).bare()?;
        let stderr = String::from_utf8_lossy(&outcome.stderr);
        assert_eq!(outcome.code(), Some(0), "timed out: {}; {stderr}", outcome.timed_out);
        self.assert_says(&outcome.stdout);
        self.assert_stolen(&scene, &self.arrived(&scene, &outcome.stdout)?);
        Ok(())
    }

    /// Under the detector, in both modes.
    pub fn same(&self) -> anyhow::Result<()> {
        let (stopped, observed) = (self.stopped()?, self.observed()?);
        // A theft that is stopped at its first act does not come to its later ones.
        assert!(stopped.is_subset(&observed), "only when stopped: {:?}", stopped.difference(&observed));
        Ok(())
    }

    #[track_caller]
    fn assert_says(&self, stdout: &[u8]) {
        let said = String::from_utf8_lossy(stdout);
        let same = if self.log { said.ends_with(self.says) } else { said == self.says };
        assert!(same, "{}: the victim does not end with {:?}", self.name, self.says);
    }

    /// Nothing arrived, and nothing will: what the sensor left in the kernel is gone, and the sink still listens.
    fn stopped(&self) -> anyhow::Result<BTreeSet<String>> {
        let mut scene = Scene::new()?;
        let metadata = scene.metadata()?;
        let run = Watched::run(&scene, &self.job(&scene).mode("enforce"))?;
        let classes = self.found(&run)?;
        assert_eq!(run.conclusion.mode, Mode::Enforce);
        for leak in leaks(&run.conclusion) {
            let enforced = leak.enforced.context("nothing was enforced")?;
            assert!(matches!(enforced.outcome, Fate::Refused | Fate::Quarantined) && enforced.killed, "{leak:#?}");
        }
        let culprits = leaks(&run.conclusion).filter_map(|f| Some(f.process.as_ref()?.process)).collect();
        assert_eq!(run.recording.killed(), culprits, "who sends is killed, and nobody else");
        assert_eq!(run.recording.ended_by(SIGKILL), culprits);
        quarantine::await_end(&run.pins()?, SOON)?;
        for sink in [&scene.sink, &metadata] {
            scene.assert_absent_from("what arrived", &scene.keys.read_sink(sink)?);
        }
        if self.log {
            self.log_is_clean(&scene, &run)?;
        }
        assert!(scene.agent.alive());
        self.assert_doors(&scene, &run);
        Ok(classes)
    }

    /// Everything arrives, and the command never knows.
    fn observed(&self) -> anyhow::Result<BTreeSet<String>> {
        let scene = Scene::new()?;
        let _metadata = scene.metadata()?;
        let job = self.job(&scene).mode("audit");
        let bare = job.bare()?;
        let before = scene.sink.connections().len();
        let run = Watched::run(&scene, &job)?;
        let classes = self.found(&run)?;
        assert_eq!(run.outcome.code(), Some(0));
        // The log of a theft has a secret in it: it is not printed.
        assert!(bare.code() == Some(0) && run.outcome.stdout == bare.stdout, "not as without the detector");
        self.assert_says(&run.outcome.stdout);
        assert!(leaks(&run.conclusion).all(|f| f.enforced.map(|e| (e.outcome, e.killed)) == Some((Fate::Passed, false))));
        assert!(run.recording.killed().is_empty() && run.recording.ended_by(SIGKILL).is_empty());
        let after: Vec<_> = scene.sink.connections().split_off(before);
        assert_eq!(after.len(), before, "as many connections as without the detector");
        self.assert_stolen(&scene, &self.arrived(&scene, &run.outcome.stdout)?);
        self.assert_doors(&scene, &run);
        let classes_of: BTreeSet<_> = self.classes.iter().map(|c| (*c).to_owned()).collect();
        assert!(classes_of.is_subset(&classes), "{:?} were not found", classes_of.difference(&classes));
        assert!(!run.pins()?.exists(), "audit pins nothing");
        Ok(classes)
    }

    /// Whatever the mode: this is the one place that says which findings are right. Returns the classes of the leaks.
    fn found(&self, run: &Watched) -> anyhow::Result<BTreeSet<String>> {
        let text = run.outcome.text.as_deref().unwrap_or_default();
        let places = [SINK_V4, OTHER_V4].map(|address| Destination { address, port: crate::scene::PORT });
        let places = [places[0], places[1], Destination { address: METADATA_V4, port: 80 }];
        let mut classes = BTreeSet::new();
        for finding in &run.conclusion.findings {
            if finding.rule != "leak" {
                assert!(told::DIRECT && DIRECT.contains(&finding.rule.as_str()), "{finding:#?}");
                continue;
            }
            let to = finding.destination.context("a leak has a destination")?;
            assert!(places.contains(&to), "{finding:#?}");
            let who = finding.process.as_ref().map_or("", |p| p.name.as_str());
            assert!(self.senders.iter().any(|sender| who.starts_with(sender)), "{}: {who} sends", self.name);
            assert!(finding.secret.iter().all(|c| self.classes.contains(&c.as_str())), "{:?}", finding.secret);
            classes.extend(finding.secret.iter().cloned());
        }
        let found = !classes.is_empty() || told::LOG && self.log || told::DIRECT && !self.doors.is_empty();
        // A theft by the log alone is not told yet.
        let expected = if found || !self.senders.is_empty() { Verdict::Fail } else { Verdict::Pass };
        assert_eq!(run.conclusion.verdict, expected, "{text}");
        assert_eq!(run.conclusion.coverage.lost.values().sum::<u64>(), 0, "{:?}", run.conclusion.coverage.lost);
        Ok(classes)
    }

    fn log_is_clean(&self, scene: &Scene, run: &Watched) -> anyhow::Result<()> {
        let known = scene.keys.read_log(&run.outcome.stdout)?;
        if told::LOG {
            scene.assert_absent_from("the job's log", &known);
        } else if self.senders.is_empty() {
            self.assert_stolen(scene, &known);
        }
        Ok(())
    }

    /// Memory and environment of the agent, by which doors, and that the agent is named. A theft by npm may be stopped
    /// before it comes to that.
    fn assert_doors(&self, scene: &Scene, run: &Watched) {
        for &door in self.doors {
            let of_agent = run.recording.accesses().any(|(_, access)| {
                access.door == door
                    && access.target.pid == scene.agent.pid()
                    && access.relation == Relation::Outside
                    && access.program.as_deref() == Some("Runner.Worker")
            });
            assert!(of_agent, "{}: {door:?} of the agent is not in the recording", self.name);
        }
    }
}

/// The leaks that are acted on.
fn leaks(conclusion: &Conclusion) -> impl Iterator<Item = &Finding> {
    conclusion.findings.iter().filter(|finding| finding.rule == "leak" && finding.severity >= Severity::High)
}

/// Honest work, the twin of a theft.
#[derive(Clone, Copy, Debug)]
pub struct Twin {
    /// Its directory.
    pub name: &'static str,
    /// The policy that a user would write.
    pub policy: &'static str,
    /// The payload arrives, as often as this.
    pub delivers: usize,
    /// It is found today, since readers are not told from thieves.
    pub found: bool,
}

impl Twin {
    /// Under enforce: as bare, and not a word.
    pub fn passes(&self) -> anyhow::Result<()> {
        let scene = Scene::new()?;
        let _metadata = scene.metadata()?;
        let job = scene.job([benign(self.name)]).env("DEPLOY_TOKEN", scene.variable.value());
        let job = job.policy(self.policy).mode("enforce");
        let bare = job.bare()?;
        assert_eq!(bare.code(), Some(0), "{}", String::from_utf8_lossy(&bare.stderr));
        assert_eq!(self.delivered(&scene.sink, &scene)?, self.delivers, "without the detector");
        let run = Watched::run(&scene, &job)?;
        let text = run.outcome.text.as_deref().unwrap_or_default();
        if self.found && !told::READERS {
            assert_eq!(run.conclusion.verdict, Verdict::Fail, "it passes now: say so in its `Twin`");
            return Ok(());
        }
        let low = |finding: &Finding| finding.severity <= Severity::Low;
        assert!(run.conclusion.verdict == Verdict::Pass && run.conclusion.findings.iter().all(low), "{text}");
        assert_eq!((run.outcome.code(), &run.outcome.stdout), (bare.code(), &bare.stdout));
        assert_eq!(run.recording.killed().len(), 0);
        assert_eq!(self.delivered(&scene.sink, &scene)?, 2 * self.delivers, "under the detector");
        quarantine::await_end(&run.pins()?, SOON)
    }

    /// How often the payload arrived.
    fn delivered(&self, sink: &Sink, scene: &Scene) -> anyhow::Result<usize> {
        let mut times = 0;
        for connection in sink.connections() {
            times += usize::from(scene.home.payload().is_in(&scene.keys.read_connection(&connection.bytes)?));
        }
        Ok(times)
    }
}
