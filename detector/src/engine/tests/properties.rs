//! What holds for any events.

use super::{
    policy,
    random::{Random, garbage, story},
    story::{AWS, SINK, Story, conclude, pipe, process, renumber},
};
use crate::{
    engine::{Conclusion, Engine, Finding, Mode},
    event::{Actor, Body, Call, Event, HolderId, Kernel, Object},
    secret::ClassSet,
};
use std::collections::BTreeMap;

fn engine() -> Engine {
    Engine::new(policy(), Mode::Audit, 0)
}

/// The algebra once more, in its plainest form: sets by holder, object and socket, none ever forgotten.
struct Oracle {
    /// Only asked what policy says.
    policy: Engine,
    held: BTreeMap<HolderId, ClassSet>,
    objects: BTreeMap<Object, ClassSet>,
    sockets: BTreeMap<u64, ClassSet>,
}

impl Oracle {
    fn new() -> Self {
        Self { policy: engine(), held: BTreeMap::new(), objects: BTreeMap::new(), sockets: BTreeMap::new() }
    }

    fn leak(&mut self, event: &Event) -> ClassSet {
        let Some(Actor { holder, .. }) = event.actor else { return ClassSet::EMPTY };
        let of = |held: &BTreeMap<HolderId, ClassSet>, id| held.get(&id).copied().unwrap_or_default();
        let mine = of(&self.held, holder);
        let policy = &self.policy.policy;
        let grow = |set: &mut ClassSet, more| *set = set.union(more);
        match &event.body {
            Body::Fork(fork) => grow(self.held.entry(fork.holder).or_default(), mine),
            Body::Exec(exec) => {
                let before = of(&self.held, exec.before);
                grow(self.held.entry(holder).or_default(), before);
            }
            Body::Open(open) if open.read => {
                grow(self.held.entry(holder).or_default(), policy.classes_opened(&open.path, open.write));
            }
            Body::Access(access) => {
                let joined = self.policy.classes_of_access(access);
                grow(self.held.entry(holder).or_default(), joined);
            }
            Body::Give(flow) => grow(self.objects.entry(flow.object).or_default(), mine),
            Body::Take(flow) => {
                let taken = self.objects.get(&flow.object).copied().unwrap_or_default();
                grow(self.held.entry(holder).or_default(), taken);
            }
            Body::Network(network) => {
                let mut socket = self.sockets.get(&network.socket).copied().unwrap_or_default();
                let carried = mine.union(socket);
                grow(&mut socket, mine);
                if network.call != Call::Connect && network.socket != 0 {
                    self.sockets.insert(network.socket, socket);
                }
                return carried.minus(policy.accepted(network.address, network.port));
            }
            _ => {}
        }
        ClassSet::EMPTY
    }
}

#[test]
fn the_engine_decides_as_the_plain_algebra_does() {
    for seed in 0..60 {
        let story = story(&mut Random(seed), 10, 300);
        let (mut engine, mut oracle) = (engine(), Oracle::new());
        for event in &story.events {
            engine.apply(event);
            let leak = oracle.leak(event);
            assert_eq!(engine.decision().leak, leak.bits(), "seed {seed}, {event:?}");
            if let (Some(actor), false) = (&event.actor, matches!(event.body, Body::Exit(_))) {
                let held = oracle.held.get(&actor.holder).copied().unwrap_or_default();
                assert_eq!(engine.held(actor.holder), held, "seed {seed}, {event:?}");
            }
        }
    }
}

#[test]
fn nothing_is_held_against_an_honest_recording() {
    for seed in 0..60 {
        let conclusion = story(&mut Random(seed), 10, 300).conclude();
        let gaps: Vec<_> = conclusion.reasons.iter().filter(|reason| !reason.contains("severity")).collect();
        assert!(gaps.is_empty(), "seed {seed}: {gaps:?}");
    }
}

#[test]
fn no_finding_is_about_what_the_destination_accepts() {
    let (policy, mut found) = (policy(), 0);
    for seed in 0..60 {
        for finding in story(&mut Random(seed), 10, 300).conclude().findings {
            let to = finding.destination.expect("a leak has a destination");
            let accepted = policy.names(policy.accepted(to.address, to.port));
            assert!(!finding.secret.is_empty());
            assert!(finding.secret.iter().all(|class| !accepted.contains(class)), "seed {seed}: {finding:?}");
            found += 1;
        }
    }
    assert!(found > 500, "{found}");
}

#[test]
fn every_chain_starts_at_a_source_and_goes_forward() {
    use crate::engine::Did;
    for seed in 0..60 {
        for finding in story(&mut Random(seed), 10, 300).conclude().findings {
            for class in &finding.secret {
                let links: Vec<_> = finding.chain.iter().filter(|link| link.classes.contains(class)).collect();
                let is_source = matches!(links[0].did, Did::Read { .. } | Did::Access { .. });
                assert!(is_source && links.len() > 1, "seed {seed}: {finding:?}");
                assert!(links.windows(2).all(|pair| pair[0].event < pair[1].event), "seed {seed}: {finding:?}");
                assert!(links.iter().filter(|link| link.did == Did::Fork).count() < links.len());
            }
        }
    }
}

#[test]
fn sets_only_grow_while_their_holder_lives() {
    for seed in 0..40 {
        let story = story(&mut Random(seed), 10, 200);
        let mut engine = engine();
        let mut before = BTreeMap::<HolderId, ClassSet>::new();
        for event in &story.events {
            engine.apply(event);
            let Some(actor) = event.actor else { continue };
            match &event.body {
                Body::Exit(_) => before.clear(),
                Body::Exec(exec) => {
                    let old = before.remove(&exec.before).unwrap_or_default();
                    assert!(old.is_subset(engine.held(actor.holder)), "seed {seed}, {event:?}");
                }
                _ => {}
            }
            for (holder, held) in &before {
                assert!(held.is_subset(engine.held(*holder)), "seed {seed}, {event:?}");
            }
            before.insert(actor.holder, engine.held(actor.holder));
        }
    }
}

#[test]
fn the_same_events_give_the_same_conclusion() {
    for seed in 0..20 {
        let mut events = story(&mut Random(seed), 10, 300).events;
        let once = conclude(&events);
        for event in &mut events {
            event.kernel = Some(Kernel { bits: u64::MAX, leak: u64::MAX, ..Kernel::default() });
        }
        let again = conclude(&events);
        assert_eq!(once, again, "what the kernel decided is not looked at");
        assert_eq!(serde_json::to_string(&once).unwrap(), serde_json::to_string(&again).unwrap());
    }
}

/// Findings without what the order of unrelated events decides.
fn unordered(conclusion: Conclusion) -> Vec<Finding> {
    let mut findings = conclusion.findings;
    for finding in &mut findings {
        // Which of two alike came first decides the id.
        finding.id.clear();
        finding.chain.iter_mut().for_each(|link| link.event = 0);
    }
    findings.sort_by_key(|finding| format!("{finding:?}"));
    findings
}

#[test]
fn independent_events_commute() {
    for seed in 0..40 {
        let mut random = Random(seed);
        // Of two jobs, with holders and sockets of their own.
        let one = story(&mut random, 10, 120).events;
        let mut other = story(&mut random, 100_000, 120).events;
        other.iter_mut().for_each(into_another_job);
        let mut one_by_one = [one.clone(), other.clone()].concat();
        renumber(&mut one_by_one);
        let (mut left, mut right) = (one.into_iter().peekable(), other.into_iter().peekable());
        let mut mixed = Vec::new();
        while left.peek().is_some() || right.peek().is_some() {
            mixed.extend(if random.below(2) == 0 { left.next() } else { right.next() });
        }
        renumber(&mut mixed);
        assert_eq!(unordered(conclude(&one_by_one)), unordered(conclude(&mixed)), "seed {seed}");
    }
}

fn into_another_job(event: &mut Event) {
    let away = |holder: &mut HolderId| holder.0 += 1 << 40;
    if let Some(actor) = &mut event.actor {
        actor.job = 2;
        actor.process.start += 1;
        away(&mut actor.holder);
    }
    match &mut event.body {
        Body::Fork(fork) => {
            fork.child.start += 1;
            away(&mut fork.holder);
        }
        Body::Exec(exec) => away(&mut exec.before),
        Body::Network(network) if network.socket != 0 => network.socket += 1 << 40,
        _ => {}
    }
}

#[test]
fn garbage_never_panics() {
    for seed in 0..200 {
        let mut random = Random(seed);
        let mut engine = engine();
        for _ in 0..400 {
            let event = garbage(&mut random);
            engine.apply(&event);
        }
        let conclusion = engine.conclude(Vec::new(), random.below(2) == 0);
        assert!(!conclusion.reasons.is_empty());
        assert!(conclusion.findings.iter().all(|finding| !finding.message.is_empty() && finding.count > 0));
    }
}

#[test]
fn no_event_of_a_theft_can_go_unnoticed() {
    let mut story = Story::new();
    story.start(10, "/bin/bash").fork(10, 11).exec(11, "/bin/cat").fork(10, 12).exec(12, "/usr/bin/curl");
    story.read(11, AWS).give(11, pipe(1)).exit(11).take(12, pipe(1)).fork(12, 13).exec(13, "/usr/bin/nc");
    story.connect(13, SINK);
    let whole = conclude(&story.events);
    assert_eq!(whole.findings[0].process.as_ref().map(|name| name.process), Some(process(13)));
    for n in 0..story.events.len() {
        let mut left = story.events.clone();
        let gone = left.remove(n);
        let cut = conclude(&left);
        assert!(cut.reasons != whole.reasons || n + 1 == story.events.len(), "{gone:?}");
        // Even if nobody can tell by the numbers.
        renumber(&mut left);
        let cut = conclude(&left);
        let same = |a: &Conclusion, b: &Conclusion| a.verdict == b.verdict && a.reasons == b.reasons;
        let noticed = !same(&cut, &whole) || unordered(cut) != unordered(whole.clone());
        assert!(noticed || matches!(gone.body, Body::Exit(_)), "{gone:?}");
    }
}
