//! Three thefts of March 2026 and their honest twins under the detector.
//!
//! Enforce: nothing of the loot arrives, now or later, who sends is killed, and nobody else is touched. Audit: the same is
//! found, and nothing is changed. The twins do the same things with the same programs, and pass in silence.

use detector::{
    engine::{Destination, Finding, Mode, Severity, Verdict},
    event::{Door, Outcome as Fate, Relation},
};
use detector_tests::{
    fixture::{attack, benign},
    namespace::SINK_V4,
    quarantine,
    scene::Scene,
    watched::Watched,
};
use std::{collections::BTreeSet, path::PathBuf, time::Duration};

type Result = anyhow::Result<()>;

/// What may be left in the kernel is gone by then: no theft here has data on its way when it is stopped.
const SOON: Duration = Duration::from_secs(5);
const SIGKILL: u8 = 9;
const BUILTIN: &str = "version: 1\nextends: builtin\n";

/// Classes of the files that all three thefts sweep.
const SWEPT: [&str; 9] = ["aws", "docker", "gh", "git", "kube", "netrc", "npm", "pypi", "ssh"];

struct Theft {
    name: &'static str,
    /// The program that sends.
    sender: &'static str,
    /// The agent's memory and environment are read, too.
    agent: bool,
    /// It prints its own environment.
    dumps: bool,
    /// What the victim says, when its work is done.
    says: &'static str,
}

const TRIVY: Theft = Theft { name: "trivy-2026", sender: "curl", agent: true, dumps: true, says: "scanned files: 4\n" };
const LITELLM: Theft =
    Theft { name: "litellm-2026", sender: "curl", agent: false, dumps: true, says: "service started\n" };
const TELNYX: Theft =
    Theft { name: "telnyx-2026", sender: "python", agent: false, dumps: false, says: "client ready\n" };

impl Theft {
    /// Of what it gets at. In enforce nobody lives to have the agent's memory.
    fn classes(&self, mode: Mode) -> BTreeSet<&str> {
        let memory = self.agent && mode == Mode::Audit;
        let beside = [("foreign-environ", self.agent), ("runner-memory", memory), ("step-env", self.dumps)];
        let beside = beside.iter().filter(|(_, got)| *got).map(|(class, _)| class);
        SWEPT.iter().chain(beside).copied().collect()
    }

    /// Whatever the mode: one leak, of these classes, there, by that program; and the run goes on to its end.
    fn found(&self, run: &Watched) -> Finding {
        let to = Destination::new(SINK_V4, detector_tests::scene::PORT);
        assert_eq!(run.conclusion.verdict, Verdict::Fail, "{}", run.outcome.text.as_deref().unwrap_or_default());
        let leaks: Vec<_> = run.leaks().collect();
        let [leak] = leaks[..] else { panic!("{:#?}", run.conclusion.findings) };
        // Before anything is sent: it went through the places of credentials, and into the agent.
        assert_eq!(run.worst("sweep"), Some(Severity::High));
        assert_eq!(run.worst("agent-memory"), self.agent.then_some(Severity::Critical));
        assert_eq!(run.worst("agent-environ"), self.agent.then_some(Severity::High));
        assert_eq!(leak.secret.iter().map(String::as_str).collect::<BTreeSet<_>>(), self.classes(run.conclusion.mode));
        assert_eq!(leak.destination, Some(to));
        assert!(leak.process.as_ref().is_some_and(|p| p.name.starts_with(self.sender)), "{:?}", leak.process);
        assert_eq!(String::from_utf8_lossy(&run.outcome.stdout), self.says);
        assert_eq!(run.conclusion.coverage.lost.values().sum::<u64>(), 0, "{:?}", run.conclusion.coverage.lost);
        leak.clone()
    }

    /// Nothing arrived, and nothing will: what the sensor left in the kernel is gone, and the sink still listens.
    fn stopped(&self) -> anyhow::Result<Finding> {
        let mut scene = Scene::new()?;
        let run = Watched::run(&scene, &scene.job([attack(self.name)]).policy(BUILTIN).mode("enforce"))?;
        let leak = self.found(&run);
        assert_eq!(run.conclusion.mode, Mode::Enforce);
        assert_eq!(run.outcome.code(), Some(100));
        let enforced = leak.enforced.ok_or_else(|| anyhow::anyhow!("nothing was enforced"))?;
        assert!(matches!(enforced.outcome, Fate::Refused | Fate::Quarantined) && enforced.killed, "{enforced:?}");
        // Who opens the agent's memory is killed there and then.
        let thieves = run.culprits().union(&run.processes("agent-memory")).copied().collect();
        assert_eq!(run.recording.killed(), thieves, "who reads memory or sends is killed, and nobody else");
        assert_eq!(run.recording.ended_by(SIGKILL), thieves);
        quarantine::await_end(&run.pins()?, quarantine::GONE)?;
        assert_eq!(scene.keys.open(&scene.sink)?, [[0_u8; 0]; 0], "loot arrived");
        scene.assert_absent_from("what arrived", &scene.sink.bytes());
        assert!(scene.agent.alive());
        if self.agent {
            self.reads_the_agent(&scene, &run);
        }
        Ok(leak)
    }

    /// Everything arrives, and the command never knows.
    fn observed(&self) -> anyhow::Result<Finding> {
        let scene = Scene::new()?;
        let job = scene.job([attack(self.name)]).policy(BUILTIN).mode("audit");
        let bare = job.bare()?;
        let run = Watched::run(&scene, &job)?;
        let leak = self.found(&run);
        assert_eq!((run.outcome.code(), &run.outcome.stdout), (bare.code(), &bare.stdout));
        assert_eq!(run.outcome.code(), Some(0));
        assert_eq!(leak.enforced.map(|e| (e.outcome, e.killed)), Some((Fate::Passed, false)));
        assert!(run.recording.killed().is_empty() && run.recording.ended_by(SIGKILL).is_empty());
        let loot = scene.keys.open(&scene.sink)?;
        assert_eq!(loot.len(), 2, "one upload a run");
        let agent = if self.agent { scene.agent.canaries() } else { &[] };
        for canary in scene.home.canaries().iter().chain(agent) {
            assert!(loot.iter().all(|loot| canary.is_in(loot)), "{canary:?} did not arrive");
        }
        assert!(!run.pins()?.exists(), "audit pins nothing");
        Ok(leak)
    }

    /// Memory and environment of the agent, by which doors, and that the agent is named.
    fn reads_the_agent(&self, scene: &Scene, run: &Watched) {
        for door in [Door::Environ, Door::Maps, Door::Mem] {
            let of_agent = run.recording.accesses().any(|(_, access)| {
                access.door == door
                    && access.target.pid == scene.agent.pid()
                    && access.relation == Relation::Outside
                    && access.program.as_deref() == Some("Runner.Worker")
            });
            assert!(of_agent, "{}: {door:?} of the agent is not in the recording", self.name);
        }
    }

    /// Audit and enforce find the same, but for the agent's memory, which is in a leak of audit only. What may differ beside
    /// is what became of it: `enforced`, how often it was tried before it was stopped (`count`), the message, and in the
    /// chain numbers, times and pids.
    fn same(&self) -> Result {
        let (stopped, observed) = (self.stopped()?, self.observed()?);
        let what = |f: &Finding| (f.rule.clone(), f.severity, f.action, f.destination.clone(), f.step);
        assert_eq!(what(&stopped), what(&observed));
        assert_eq!(stopped.id == observed.id, stopped.secret == observed.secret, "an id is that of its classes");
        Ok(())
    }
}

#[test]
fn trivy_2026() -> Result {
    TRIVY.same()
}

#[test]
fn litellm_2026() -> Result {
    LITELLM.same()
}

#[test]
fn telnyx_2026() -> Result {
    TELNYX.same()
}

/// Honest work under enforce: as bare, and nothing above low.
fn passes(script: PathBuf, packed: bool) -> Result {
    let scene = Scene::new()?;
    let job = scene.job([script]).mode("enforce");
    let bare = job.bare()?;
    let delivered = |times: usize| -> Result {
        let uploads = if packed { scene.keys.open(&scene.sink)? } else { vec![scene.sink.bytes()] };
        let payload = scene.home.payload().value().as_bytes();
        let found = uploads.iter().flat_map(|u| u.windows(payload.len())).filter(|w| *w == payload).count();
        assert_eq!(found, times, "payloads that arrived");
        Ok(())
    };
    delivered(1)?;
    let run = Watched::run(&scene, &job)?;
    delivered(2)?;
    let text = run.outcome.text.as_deref().unwrap_or_default();
    assert_eq!(run.conclusion.verdict, Verdict::Pass, "{text}");
    assert!(run.conclusion.findings.iter().all(|finding| finding.severity <= Severity::Low), "{text}");
    assert_eq!((run.outcome.code(), &run.outcome.stdout), (bare.code(), &bare.stdout));
    assert_eq!((run.outcome.code(), run.recording.killed().len()), (Some(0), 0));
    quarantine::await_end(&run.pins()?, SOON)
}

#[test]
fn scan_and_upload_passes() -> Result {
    passes(benign("scan-and-upload"), true)
}

#[test]
fn startup_hook_passes() -> Result {
    passes(benign("startup-hook"), false)
}

#[test]
fn ringtone_passes() -> Result {
    passes(benign("ringtone"), false)
}
