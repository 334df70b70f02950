//! Who opens is not always who sends, and connections may be older than the secret: every way in which a holder passes on
//! what it holds, over TCP and UDP, IPv4 and IPv6, to a place that accepts the class and to places that do not.

use detector::{
    engine::{Destination, Finding, Verdict},
    event::{Exit, Outcome as Fate, Process},
};
use detector_tests::{
    canary::{self, Canary},
    fixture::at_once,
    namespace::{OTHER_V4, SINK_V4, SINK_V6},
    quarantine,
    scene::{PORT, Scene},
    watched::Watched,
};
use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    path::Path,
    time::Duration,
};

type Result = anyhow::Result<()>;

/// Acts that end when they have sent.
const SHORT: [&str; 6] = ["old-tcp", "old-udp", "clone-files", "clone-vm", "pipe-stage", "file-stage"];
const LINGER: &str = "linger";
/// One place is a mirror that may have the class `npm` and nothing else.
const POLICY: &str = "
version: 1
extends: builtin
destinations:
  - { to: [198.51.100.7], accept: [npm], reason: our mirror }
";

const SOON: Duration = Duration::from_secs(5);
/// Tries of a socket without a process, and how long they take at most: the pauses double from 0.2 s on.
const TRIES: u8 = 4;
const TRIED: Duration = Duration::from_secs(40);
const SIGKILL: u8 = 9;

/// One act: what is done, where to, with which file.
struct Act {
    name: &'static str,
    to: SocketAddr,
    file: String,
}

impl Act {
    fn all(names: &[&'static str], to: IpAddr, file: &Path) -> impl Iterator<Item = Self> {
        let (to, file) = (SocketAddr::new(to, PORT), file.to_string_lossy().into_owned());
        names.iter().map(move |name| Self { name, to, file: file.clone() })
    }

    fn words(&self) -> Vec<String> {
        vec![self.name.to_owned(), self.to.to_string(), self.file.clone()]
    }

    /// The processes that did it.
    #[track_caller]
    fn processes(&self, run: &Watched) -> BTreeSet<Process> {
        let root = run.recording.ran("fixture", &[self.name, &self.to.to_string(), &self.file]);
        assert_eq!(root.len(), 1, "{} to {} was not recorded", self.name, self.to);
        run.recording.lineage(&root)
    }

    /// The one leak of `class` that it is, found where it was sent from.
    #[track_caller]
    fn leak<'a>(&self, run: &'a Watched, class: &str) -> &'a Finding {
        let processes = self.processes(run);
        let own = |f: &&Finding| f.process.as_ref().is_some_and(|name| processes.contains(&name.process));
        let found: Vec<_> = run.leaks().filter(own).collect();
        let &[leak] = found.as_slice() else { panic!("{} to {}: {found:#?}", self.name, self.to) };
        assert_eq!(leak.secret, [class], "{} to {}", self.name, self.to);
        assert_eq!(leak.destination, Some(Destination::new(self.to.ip(), self.to.port())));
        leak
    }

    /// It went its way: no finding, and every process of it ended well.
    #[track_caller]
    fn passed(&self, run: &Watched) {
        let (processes, well) = (self.processes(run), Exit { code: 0, signal: 0 });
        assert!(run.culprits().is_disjoint(&processes), "{} to {} is no theft", self.name, self.to);
        let ends: Vec<Exit> = run
            .recording
            .exits()
            .filter(|(actor, _)| processes.contains(&actor.process))
            .map(|(_, exit)| exit)
            .collect();
        assert_eq!(ends, vec![well; processes.len()], "{} to {}", self.name, self.to);
    }
}

fn watched(scene: &Scene, acts: &[&[Act]], mode: &'static str) -> anyhow::Result<Watched> {
    let words: Vec<_> = acts.iter().copied().flatten().map(Act::words).collect();
    let job = scene.job(at_once(&words)?).policy(POLICY).mode(mode);
    Watched::run(scene, &job)
}

/// Waits until as many senders have delivered the whole canary.
#[track_caller]
fn assert_arrives(scene: &Scene, canary: &Canary, senders: usize) {
    let arrived = |all: &[detector_tests::sink::Connection]| all.iter().filter(|c| canary.is_in(&c.bytes)).count();
    let enough = scene.sink.wait_for(SOON, |all| arrived(all) >= senders);
    assert!(enough, "{canary:?}: {} of {senders} arrived", arrived(&scene.sink.connections()));
}

#[test]
fn nothing_leaves_to_where_it_is_not_accepted() -> Result {
    let scene = Scene::new()?;
    quarantine::shorten_retries(&scene.network.job, TRIES)?;
    let all = [&SHORT[..], &[LINGER]].concat();
    let (ssh, aws, npm) = (scene.home.credential("ssh"), scene.home.credential("aws"), scene.home.credential("npm"));
    let near: Vec<Act> = Act::all(&all, SINK_V4, &ssh).chain(Act::all(&all, SINK_V6, &ssh)).collect();
    let mirror: Vec<Act> = Act::all(&all, OTHER_V4, &aws).collect();
    let accepted: Vec<Act> = Act::all(&SHORT, OTHER_V4, &npm).collect();

    let run = watched(&scene, &[&near, &mirror, &accepted], "enforce")?;
    let pins = run.pins()?;
    assert!(pins.exists(), "sockets of killed processes still have data: the quarantine outlives the session");
    assert_eq!((run.conclusion.verdict, run.outcome.code()), (Verdict::Fail, Some(100)));
    for (acts, class) in [(&near, "ssh"), (&mirror, "aws")] {
        for act in acts {
            let enforced = act.leak(&run, class).enforced;
            let stopped = enforced.is_some_and(|e| e.killed && e.outcome != Fate::Passed);
            assert!(stopped, "{} to {}: {enforced:?}", act.name, act.to);
        }
    }
    assert_eq!(run.leaks().count(), near.len() + mirror.len());
    assert_eq!(run.recording.killed(), run.culprits());
    assert_eq!(run.recording.ended_by(SIGKILL), run.culprits());
    // Readers of `clone-vm` wait for a sender that is no more, and outlive the command.
    assert_eq!(run.conclusion.coverage.lost, [("left-holding".to_owned(), 3)].into());
    accepted.iter().for_each(|act| act.passed(&run));
    assert_arrives(&scene, scene.home.canary("npm"), accepted.len());

    // What they had given to the kernel it tries to send again and again, and nobody watches but the pin.
    let tries = quarantine::await_silence(&scene.network.job, TRIED)?;
    assert!(tries >= 2, "no socket tried again ({tries}): this shows nothing");
    quarantine::await_end(&pins, quarantine::GONE)?;
    let stolen = [scene.home.canary("ssh").clone(), scene.home.canary("aws").clone()];
    canary::assert_absent(&stolen, "what arrived", &scene.sink.bytes());
    let wanted = |c: &&detector_tests::sink::Connection| !c.bytes.is_empty();
    assert_eq!(scene.sink.connections().iter().filter(wanted).count(), accepted.len(), "who else sent anything");
    Ok(())
}

#[test]
fn the_twins_pass() -> Result {
    let scene = Scene::new()?;
    let artifact = scene.home.artifact();
    let twins: Vec<Act> = Act::all(&SHORT, SINK_V4, &artifact)
        .chain(Act::all(&SHORT, SINK_V6, &artifact))
        .chain(Act::all(&[LINGER], SINK_V4, &artifact))
        .collect();
    let accepted: Vec<Act> = Act::all(&SHORT, OTHER_V4, &scene.home.credential("npm")).collect();
    let run = watched(&scene, &[&twins, &accepted], "enforce")?;
    assert_eq!(run.conclusion.verdict, Verdict::Pass, "{}", run.outcome.text.as_deref().unwrap_or_default());
    assert_eq!((run.outcome.code(), run.conclusion.coverage.lost.len()), (Some(0), 0));
    assert!(run.leaks().next().is_none() && run.recording.killed().is_empty());
    twins.iter().chain(&accepted).for_each(|act| act.passed(&run));
    assert_arrives(&scene, scene.home.payload(), twins.len());
    assert_arrives(&scene, scene.home.canary("npm"), accepted.len());
    quarantine::await_end(&run.pins()?, SOON)
}

#[test]
fn audit_finds_the_same_and_changes_nothing() -> Result {
    let scene = Scene::new()?;
    let (ssh, aws) = (scene.home.credential("ssh"), scene.home.credential("aws"));
    let near: Vec<Act> = Act::all(&SHORT, SINK_V4, &ssh)
        .chain(Act::all(&SHORT, SINK_V6, &ssh))
        .chain(Act::all(&[LINGER], SINK_V4, &ssh))
        .collect();
    let mirror: Vec<Act> = Act::all(&SHORT, OTHER_V4, &aws).collect();
    let run = watched(&scene, &[&near, &mirror], "audit")?;
    assert_eq!((run.conclusion.verdict, run.outcome.code()), (Verdict::Fail, Some(0)));
    for (acts, class) in [(&near, "ssh"), (&mirror, "aws")] {
        for act in acts {
            let enforced = act.leak(&run, class).enforced.map(|e| (e.outcome, e.killed));
            assert_eq!(enforced, Some((Fate::Passed, false)), "{} to {}", act.name, act.to);
        }
    }
    assert_eq!(run.leaks().count(), near.len() + mirror.len());
    assert!(run.conclusion.coverage.lost.is_empty(), "{:?}", run.conclusion.coverage.lost);
    let all_well = run.recording.exits().all(|(_, exit)| exit == Exit { code: 0, signal: 0 });
    assert!(all_well && run.recording.killed().is_empty());
    assert_arrives(&scene, scene.home.canary("ssh"), near.len());
    assert_arrives(&scene, scene.home.canary("aws"), mirror.len());
    assert!(!run.pins()?.exists(), "audit pins nothing");
    Ok(())
}
