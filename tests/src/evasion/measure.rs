//! What fixtures come to: as thefts in both modes, and as their twins.

use super::{
    fixture::{Expected, Fixture},
    host::{Host, Seen},
};
use crate::recording::Recording;
use anyhow::Context as _;
use detector::{
    engine::Verdict,
    event::{Body, Call, Event, Outcome as Fate},
};
use std::{collections::BTreeSet, panic::resume_unwind, sync::mpsc::sync_channel, thread};

/// Runs that wait to be checked.
const CHECKED: usize = 4;

/// What it came to.
#[derive(Clone, Debug)]
pub struct Figures {
    /// The fixture.
    pub fixture: Fixture,
    /// Whether the secret arrived under enforce.
    pub enforce: bool,
    /// Whether it arrived in audit.
    pub audit: bool,
    /// By what it was stopped under enforce.
    pub stopped: BTreeSet<&'static str>,
    /// Bytes that reached the sink under enforce.
    pub bytes: usize,
    /// What is not as it is expected.
    pub wrong: Vec<String>,
}

/// A run of a fixture, and what it adds to the figures.
type Run = fn(&mut Host, &mut Figures) -> anyhow::Result<Option<Seen>>;

/// Runs them as thefts in both modes, and as their twins. `done` is told of each run.
pub fn measure(fixtures: &[Fixture], done: impl Fn(&Figures)) -> anyhow::Result<Vec<Figures>> {
    let mut figures = unmeasured(fixtures);
    runs("enforce", &mut figures, &[enforced, twin], &done)?;
    runs("audit", &mut figures, &[audited], &done)?;
    Ok(figures)
}

/// Runs them as thefts under enforce, which is what matters most, and as their twins.
pub fn enforce(fixtures: &[Fixture]) -> anyhow::Result<Vec<Figures>> {
    let mut figures = unmeasured(fixtures);
    runs("enforce", &mut figures, &[enforced, twin], &|_| ())?;
    Ok(figures)
}

fn unmeasured(fixtures: &[Fixture]) -> Vec<Figures> {
    let none = |fixture: &Fixture| Figures {
        fixture: fixture.clone(),
        enforce: false,
        audit: false,
        stopped: BTreeSet::new(),
        bytes: 0,
        wrong: Vec::new(),
    };
    fixtures.iter().map(none).collect()
}

fn runs(mode: &str, figures: &mut [Figures], runs: &[Run], done: &impl Fn(&Figures)) -> anyhow::Result<()> {
    let mut host = Host::new(mode)?;
    // Each is checked while the next one runs.
    let (sender, seen) = sync_channel::<(usize, Box<Seen>)>(CHECKED);
    let check = |(n, seen): (usize, Box<Seen>)| seen.check().err().map(|error| (n, error));
    let checks = thread::spawn(move || seen.into_iter().filter_map(check).collect::<Vec<_>>());
    for (n, figures) in figures.iter_mut().enumerate() {
        for run in runs {
            match run(&mut host, figures) {
                Ok(seen) => seen.map(|seen| sender.send((n, Box::new(seen)))).transpose().context("a check failed")?,
                Err(error) => {
                    figures.wrong.push(format!("{mode}: {error:#}"));
                    // The next ones need one that works.
                    host = Host::again(host, mode)?;
                    None
                }
            };
        }
        done(figures);
    }
    drop(sender);
    for (n, error) in checks.join().unwrap_or_else(|panic| resume_unwind(panic)) {
        figures[n].wrong.push(format!("{mode}: {error:#}"));
    }
    Ok(())
}

fn enforced(host: &mut Host, figures: &mut Figures) -> anyhow::Result<Option<Seen>> {
    let fixture = figures.fixture.clone();
    let seen = host.run(&fixture, |scene| scene.home.credential("ssh"))?;
    let arrived = || seen.arrived(seen.scene.home.canary("ssh"));
    figures.enforce = arrived();
    figures.stopped = stopped_by(&seen.judged.recording);
    figures.bytes = seen.scene.sink.bytes().len();
    let mut say = |wrong: String| figures.wrong.push(format!("enforce: {wrong}"));
    let stopped = seen.leaks().all(|leak| leak.enforced.is_some_and(|enforced| enforced.outcome != Fate::Passed));
    let (verdict, any) = (seen.judged.conclusion.verdict, seen.leaks().next().is_some());
    match fixture.enforce {
        Expected::Deny => {
            if arrived() {
                say("the secret arrived".to_owned());
            }
            if verdict != Verdict::Fail || !any || !stopped {
                say(told(&seen));
            }
        }
        _ => {
            let told_of = fixture.why.as_deref().is_some_and(|why| seen.says(why));
            if verdict == Verdict::Pass && !told_of {
                say("it passed, and the report does not say that it may".to_owned());
            }
            if figures.enforce && stopped && any {
                figures.wrong.push("enforce: the report says that it was stopped, and it arrived".to_owned());
            }
        }
    }
    Ok(Some(seen))
}

/// Who refused, and what the call came to.
fn stopped_by(recording: &Recording) -> BTreeSet<&'static str> {
    let of = |event: &Event| match &event.body {
        Body::Network(network) if event.kernel.is_some_and(|kernel| kernel.leak != 0) => {
            match (network.call, network.outcome) {
                (Call::Connect, Fate::Refused) => Some("connect: EPERM (cgroup/connect)"),
                (Call::SendTo, Fate::Refused) => Some("send: EPERM (cgroup/sendmsg)"),
                (Call::Packet, Fate::Refused) => Some("socket: killed (tp_btf/sys_exit)"),
                (Call::Packet, _) => Some("killed after a packet (tp_btf/sys_enter)"),
                (_, Fate::Quarantined) => Some("sent, and dropped (cgroup_skb/egress)"),
                _ => None,
            }
        }
        Body::Drop(drop) if drop.dropped => Some("sent, and dropped (cgroup_skb/egress)"),
        _ => None,
    };
    recording.events.iter().filter_map(of).collect()
}

fn audited(host: &mut Host, figures: &mut Figures) -> anyhow::Result<Option<Seen>> {
    let seen = host.run(&figures.fixture, |scene| scene.home.credential("ssh"))?;
    figures.audit = seen.arrives(seen.scene.home.canary("ssh"));
    if !figures.audit {
        figures.wrong.push(format!("audit: nothing arrived; {}; {}", seen.code, seen.heard));
    }
    let found = seen.judged.conclusion.verdict == Verdict::Fail && seen.leaks().next().is_some();
    if figures.fixture.audit == Expected::Found && !found {
        figures.wrong.push(format!("audit: {}", told(&seen)));
    }
    Ok(Some(seen))
}

fn twin(host: &mut Host, figures: &mut Figures) -> anyhow::Result<Option<Seen>> {
    if figures.fixture.twin == Expected::None {
        return Ok(None);
    }
    let seen = host.run(&figures.fixture, |scene| scene.home.artifact())?;
    if !seen.arrives(seen.scene.home.payload()) || seen.code != "0" {
        figures.wrong.push(format!("twin: nothing arrived; {}; {}", seen.code, seen.heard));
    }
    let conclusion = &seen.judged.conclusion;
    if conclusion.verdict != Verdict::Pass || !conclusion.findings.is_empty() {
        figures.wrong.push(format!("twin: {}", told(&seen)));
    }
    Ok(Some(seen))
}

fn told(seen: &Seen) -> String {
    let conclusion = &seen.judged.conclusion;
    format!("{:?}, {:?}, {:?}", conclusion.verdict, seen.told(), conclusion.reasons)
}
