//! The thefts of the proof: each is a fixture under `attacks`, run in audit and in enforce under the builtin policy. The thief knows
//! his hosts by name.

use super::{Findings, TheftFigures};
use crate::{
    canary::{self, Canary},
    fixture::attack,
    name_server::{NameServer, Zone},
    namespace::{OTHER_V4, SINK_V4},
    quarantine,
    resolver::Resolver,
    run::Job,
    scene::{PORT, Scene},
    sink::Sink,
    thefts::{self, list},
    watched::Watched,
};
use detector::engine::{Mode, Severity, Verdict};
use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// A theft: its fixture is `attacks/NAME/run.sh`.
#[derive(Clone, Copy, Debug)]
pub struct Theft {
    /// The incident.
    pub name: &'static str,
    /// What else is known of it; none: it sends packed loot to `$SINK`.
    pub known: Option<&'static thefts::Theft>,
}

impl Theft {
    /// One that sends packed loot to `$SINK`.
    const fn packed(name: &'static str) -> Self {
        Self { name, known: None }
    }

    /// One of [`list`].
    const fn known(theft: &'static thefts::Theft) -> Self {
        Self { name: theft.name, known: Some(theft) }
    }
}

/// Every theft. One line adds one.
pub const THEFTS: &[Theft] = &[
    Theft::packed("trivy-2026"),
    Theft::packed("litellm-2026"),
    Theft::packed("telnyx-2026"),
    Theft::known(&list::TJ_ACTIONS),
    Theft::known(&list::PRT_SCAN),
    Theft::known(&list::KICS_ACTION),
    Theft::known(&list::CODECOV),
    Theft::known(&list::SHAI_HULUD_2),
    Theft::known(&list::NX_S1NGULARITY),
    Theft::known(&list::CANISTERWORM),
    Theft::known(&list::AXIOS),
    Theft::known(&list::BITWARDEN_CLI),
];

/// The thief's own host.
const DROP: &str = "drop.evil.test";
/// Another's, which he uses: a forge that he has a place at, say.
const FORGE: &str = "forge.test";

impl Theft {
    /// Runs it and counts. What does not hold that must always hold (no secret in the output, replay alike, kernel and engine
    /// alike) is missed, too.
    pub fn measure(&self) -> TheftFigures {
        let mut figures = TheftFigures { name: self.name, ..TheftFigures::default() };
        for mode in [Mode::Audit, Mode::Enforce] {
            // The harness fails by panicking; the figures of the other thefts are still wanted.
            let ran = catch_unwind(AssertUnwindSafe(|| self.run(mode, &mut figures)));
            match ran {
                Ok(Ok(())) => {}
                Ok(Err(error)) => figures.missed.push(format!("{}: {error:#}", word(mode))),
                Err(_) => figures.missed.push(format!("{}: the harness panicked", word(mode))),
            }
        }
        figures
    }

    fn run(&self, mode: Mode, figures: &mut TheftFigures) -> anyhow::Result<()> {
        let scene = Scene::new()?;
        let metadata = self.known.map(|_| scene.metadata()).transpose()?;
        let sinks: Vec<&Sink> = [&scene.sink].into_iter().chain(&metadata).collect();
        let names = NameServer::start(&scene.network.sink, Zone::new().a(DROP, [SINK_V4]).a(FORGE, [OTHER_V4]))?;
        let watched = Watched::run(&scene, &self.job(&scene).mode(word(mode)))?;
        if !self.is_found(&watched) {
            let rules: BTreeSet<_> = watched.conclusion.findings.iter().map(|finding| &finding.rule).collect();
            figures.missed.push(format!("{}: not found: {:?}, {rules:?}", word(mode), watched.conclusion.verdict));
        }
        match mode {
            Mode::Audit => {
                figures.audit = counted(&watched);
                figures.classes = classes(&watched);
                let [sent, logged] = self.opened(&scene, &sinks, &watched)?;
                figures.sent = canary::spelled(&scene.canaries(), &[sent, logged].concat());
                if figures.sent == 0 {
                    figures.missed.push("audit: no secret was sent: the theft itself does not work".to_owned());
                }
            }
            Mode::Enforce => {
                quarantine::await_end(&watched.pins()?, quarantine::GONE)?;
                figures.enforce = counted(&watched);
                figures.killed = watched.recording.killed().len();
                let (secrets, [sent, logged]) = (scene.canaries(), self.opened(&scene, &sinks, &watched)?);
                let bytes = sinks.iter().map(|sink| sink.bytes()).collect::<Vec<_>>().concat();
                figures.arrived = bytes.len();
                let asked = names.bytes();
                let ways = [
                    ("arrived", vec![&bytes, &sent]),
                    ("asked for", vec![&asked]),
                    ("in the job's log", vec![&logged]),
                ];
                for (way, opened) in ways {
                    let (mut count, mut names) = named(&secrets, opened.last().map_or(&[][..], |bytes| bytes));
                    // Also a part of one, and in another spelling.
                    if count == 0
                        && let Some(part) = opened.iter().find_map(|bytes| canary::trace(&secrets, bytes))
                    {
                        (count, names) = (canary::WINDOW, format!("a part of {}, {}", part.name, part.encoding));
                    }
                    figures.canary_bytes += count;
                    if count != 0 {
                        figures.missed.push(format!("{way}: {count} bytes ({names})"));
                    }
                }
            }
        }
        Ok(())
    }

    fn job<'a>(&self, scene: &'a Scene) -> Job<'a> {
        let job = self.known.map_or_else(|| scene.job([attack(self.name)]), |known| known.job(scene));
        let hosts = [("SINK", DROP), ("FORGE", FORGE)];
        let job = hosts.into_iter().fold(job, |job, (name, host)| job.env(name, format!("{host}:{PORT}")));
        job.resolver(Resolver::default())
    }

    /// A leak was found. Of loot that is for the job's log alone, which is no destination: that the agent's memory was read.
    fn is_found(&self, watched: &Watched) -> bool {
        let by_log = self.known.is_some_and(|known| known.senders.is_empty());
        let found = if by_log {
            watched.worst("agent-memory") == Some(Severity::Critical)
        } else {
            watched.leaks().next().is_some()
        };
        found && watched.conclusion.verdict == Verdict::Fail
    }

    /// What arrived, as the thief can read it; and what is in the job's log, where the theft writes there.
    fn opened(&self, scene: &Scene, sinks: &[&Sink], watched: &Watched) -> anyhow::Result<[Vec<u8>; 2]> {
        let Some(known) = self.known else { return Ok([scene.keys.open(&scene.sink)?.concat(), Vec::new()]) };
        let mut opened = Vec::new();
        for sink in sinks {
            opened.extend(scene.keys.read_sink(sink)?);
        }
        let log = known.log.then(|| scene.keys.read_log(&watched.outcome.stdout)).transpose()?;
        Ok([opened, log.unwrap_or_default()])
    }
}

/// Bytes of the secrets that are whole in `bytes`, and their names.
fn named(secrets: &[Canary], bytes: &[u8]) -> (usize, String) {
    let found: Vec<_> = secrets.iter().filter(|secret| secret.is_in(bytes)).cloned().collect();
    (canary::spelled(&found, bytes), found.iter().map(Canary::name).collect::<Vec<_>>().join(", "))
}

fn word(mode: Mode) -> &'static str {
    match mode {
        Mode::Audit => "audit",
        Mode::Enforce => "enforce",
    }
}

fn counted(watched: &Watched) -> Findings {
    let mut findings = Findings::default();
    watched.conclusion.findings.iter().for_each(|finding| findings.add(finding.severity));
    findings
}

fn classes(watched: &Watched) -> Vec<String> {
    let classes: BTreeSet<&String> = watched.leaks().flat_map(|leak| &leak.secret).collect();
    classes.into_iter().cloned().collect()
}
