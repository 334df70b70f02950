//! What every emulated theft must come to under the detector.
//!
//! Enforce: nothing of the loot arrives, now or later; who opens the agent's memory or sends what its class kills for is
//! killed, and nobody else is touched. Audit: the same is found, all of the loot arrives, and the command never knows.

use super::job::{BUILTIN, SIGKILL, equipped, npmrc};
use crate::{
    canary::{self, Canary},
    fixture::attack,
    namespace::{METADATA_V4, OTHER_V4, SINK_V4},
    quarantine,
    run::Job,
    scene::{PORT, Scene},
    sink::Connection,
    watched::Watched,
};
use anyhow::Context as _;
use detector::{
    engine::{Action, Conclusion, Destination, Finding, Mode, Severity, Verdict},
    event::{Door, Outcome as Fate, Relation},
};
use std::collections::BTreeSet;

const MEMORY: &str = "agent-memory";
const LOG: &str = "leak-log";

/// Findings that a theft may have beside its leak.
const BESIDE: [&str; 8] =
    ["agent-environ", MEMORY, "escape", "leak-alert", "leak-inherited", "step-env", "sweep", "undeclared-reader"];

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
    /// More of them, which are found once the sensor can tell: one of [`told`], and the class.
    pub pending: &'static [(bool, &'static str)],
    /// Secrets of the home that arrive.
    pub loot: &'static [&'static str],
    /// The doors of the agent that are opened.
    pub doors: &'static [Door],
    /// It begins with a hook of npm, and npm itself has read `~/.npmrc` by then.
    pub npm: bool,
    /// The job's own variables arrive.
    pub variables: bool,
    /// The keys of the machine's role arrive.
    pub role: bool,
    /// The loot is in the job's log, too.
    pub log: bool,
    /// The victim's own work gets done when the theft is stopped.
    pub survives: bool,
    /// What the victim says when its work is done; the log of a theft has more lines.
    pub says: &'static str,
}

impl Theft {
    /// The theft, with variables in the job's environment.
    pub fn job<'a>(&self, scene: &'a Scene) -> Job<'a> {
        npmrc(equipped(scene, scene.job([attack(self.name)])).policy(BUILTIN), self.npm)
    }

    /// All that it is after.
    pub fn wanted(&self, scene: &Scene) -> Vec<Canary> {
        let mut wanted: Vec<_> = self.loot.iter().map(|name| scene.home.canary(name).clone()).collect();
        wanted.extend(self.doors.contains(&Door::Mem).then(|| scene.agent.memory().clone()));
        wanted.extend(self.doors.contains(&Door::Environ).then(|| scene.agent.environ().clone()));
        wanted.extend(scene.variables.iter().filter(|_| self.variables).cloned());
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

    /// All that arrived, by these connections or by log, as the thief can read it.
    fn arrived(&self, scene: &Scene, connections: &[Connection], log: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut known = Vec::new();
        for connection in connections {
            known.extend(scene.keys.read_connection(&connection.bytes)?);
        }
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
        self.assert_stolen(&scene, &self.arrived(&scene, &scene.sink.connections(), &outcome.stdout)?);
        Ok(())
    }

    /// Under the detector, in both modes.
    pub fn same(&self) -> anyhow::Result<()> {
        let (stopped, observed) = (self.stopped()?, self.observed()?);
        if self.npm {
            // Whatever npm's own reading is taken for, the thief's is a theft.
            Self { npm: false, ..*self }.stopped()?;
        }
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
            assert!(matches!(enforced.outcome, Fate::Refused | Fate::Quarantined), "{leak:#?}");
            assert_eq!(enforced.killed, leak.action == Action::Kill, "{leak:#?}");
        }
        // Who opens the agent's memory is killed there and then.
        let thieves = run.to_kill().union(&run.processes(MEMORY)).copied().collect();
        assert_eq!(run.recording.killed(), thieves, "who reads memory or sends is killed, and nobody else");
        assert_eq!(run.recording.ended_by(SIGKILL), thieves);
        quarantine::await_end(&run.pins()?, quarantine::GONE)?;
        let secrets = scene.canaries();
        for sink in [&scene.sink, &metadata] {
            canary::assert_absent(&secrets, "what arrived", &scene.keys.read_sink(sink)?);
        }
        scene.assert_absent_from("the job's log", &scene.keys.read_log(&run.outcome.stdout)?);
        scene.agent.assert_absent_from("the job's log", &scene.keys.read_log(&run.outcome.stdout)?);
        assert!(scene.agent.alive());
        self.assert_doors(&scene, &run);
        if self.survives {
            self.assert_says(&run.outcome.stdout);
        }
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
        assert!(
            leaks(&run.conclusion).all(|f| f.enforced.map(|e| (e.outcome, e.killed)) == Some((Fate::Passed, false)))
        );
        assert!(run.recording.killed().is_empty() && run.recording.ended_by(SIGKILL).is_empty());
        let connections = scene.sink.connections().split_off(before);
        assert_eq!(connections.len(), before, "as many as without the detector");
        self.assert_stolen(&scene, &self.arrived(&scene, &connections, &run.outcome.stdout)?);
        self.assert_doors(&scene, &run);
        let told = self.pending.iter().filter(|(told, _)| *told).map(|(_, class)| class);
        let expected: BTreeSet<_> = self.classes.iter().chain(told).map(|class| (*class).to_owned()).collect();
        assert!(expected.is_subset(&classes), "{:?} of {expected:?} were found", classes);
        assert!(!run.pins()?.exists(), "audit pins nothing");
        Ok(classes)
    }

    /// Whatever the mode: this is the one place that says which findings are right. Returns the classes of the leaks.
    fn found(&self, run: &Watched) -> anyhow::Result<BTreeSet<String>> {
        let text = run.outcome.text.as_deref().unwrap_or_default();
        let places = [(SINK_V4, PORT), (OTHER_V4, PORT), (METADATA_V4, 80)];
        let places = places.map(|(address, port)| Destination::new(address, port));
        let mut classes = BTreeSet::new();
        for finding in &run.conclusion.findings {
            if finding.rule == LOG {
                assert!(self.log && finding.destination.is_none(), "{finding:#?}");
                continue;
            }
            if finding.rule != "leak" {
                assert!(BESIDE.contains(&finding.rule.as_str()), "{finding:#?}");
                continue;
            }
            let somewhere = finding.destination.as_ref().is_some_and(|to| places.contains(to));
            assert!(somewhere, "{finding:#?}");
            let who = finding.process.as_ref().map_or("", |p| p.name.as_str());
            let sends = self.senders.iter().any(|sender| who.starts_with(sender));
            assert!(sends, "{}: {who} sends", self.name);
            classes.extend(finding.secret.iter().cloned());
        }
        for (door, rule, severity) in
            [(Door::Mem, MEMORY, Severity::Critical), (Door::Environ, "agent-environ", Severity::High)]
        {
            assert_eq!(run.worst(rule), self.doors.contains(&door).then_some(severity), "{rule}: {text}");
        }
        assert_eq!(run.conclusion.verdict, Verdict::Fail, "{text}");
        assert!(leaks(&run.conclusion).next().is_some() || self.senders.is_empty(), "{text}");
        assert!(classes.is_empty() || !self.senders.is_empty(), "{text}");
        // Where it goes to the log alone, it comes there through what the sensor cannot follow yet.
        let printed = (self.log && !self.senders.is_empty()).then_some(Severity::High);
        assert_eq!(run.worst(LOG), printed, "{text}");
        assert_eq!(run.conclusion.coverage.lost.values().sum::<u64>(), 0, "{:?}", run.conclusion.coverage.lost);
        Ok(classes)
    }

    /// Memory and environment of the agent, by which doors, and that the agent is named.
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
