//! What holds for any events.

use super::{
    policy,
    random::{Random, garbage, story},
    story::{AWS, SINK, Story, conclude, pipe, process, renumber},
};
use crate::{
    engine::{Conclusion, Engine, Finding, Mode, Strength},
    event::{Actor, Body, Call, Door, Event, HolderId, Kernel, Object, Process, Relation},
    policy::Policy,
    process::Image,
};
use detector_common::judge::{Offer, Passage, Sets, Spending, judge};
use std::collections::BTreeMap;

fn engine() -> Engine {
    Engine::new(policy(), Mode::Audit, 0)
}

/// The algebra once more, in its plainest form: sets by holder, object and socket, none ever forgotten.
#[derive(Default)]
struct Oracle {
    sets: BTreeMap<HolderId, Sets>,
    holders: BTreeMap<Process, HolderId>,
    images: BTreeMap<Process, Image>,
    objects: BTreeMap<Object, Offer>,
    sockets: BTreeMap<u64, u64>,
}

fn add(to: &mut Sets, new: &Sets) {
    let Sets { held, own, soft, inherited } = to;
    for (set, new) in [held, own, soft, inherited].into_iter().zip(new.to_array()) {
        *set |= new;
    }
}

impl Oracle {
    /// What the kernel side must have decided.
    fn decide(&mut self, policy: &Policy, event: &Event) -> Kernel {
        let nothing = Kernel::default();
        let Some(Actor { holder, process, .. }) = event.actor else { return nothing };
        let mine = self.sets.get(&holder).copied().unwrap_or_default();
        let image = self.images.entry(process).or_default();
        self.holders.insert(process, holder);
        match &event.body {
            Body::Fork(fork) => {
                let image = image.clone();
                self.images.insert(fork.child, image);
                self.holders.insert(fork.child, fork.holder);
                add(self.sets.entry(fork.holder).or_default(), &mine);
                let Sets { held, own, soft, inherited } = mine;
                Kernel { bits: held, own, soft, inherited, ..nothing }
            }
            Body::Exec(exec) => {
                let before = self.sets.get(&exec.before).copied().unwrap_or_default();
                let dump = policy.dump().bits();
                let passage = Passage { quiet: image.is_quiet(), fresh: exec.fresh, copied: exec.copied, dump };
                let mut new = before.after_exec(&passage);
                *image = image.exec(exec, policy);
                if image.dumps() && exec.stdout.keeps() {
                    new.held |= dump;
                }
                self.sets.insert(holder, new);
                Kernel { bits: new.held, inherited: new.inherited, ..nothing }
            }
            Body::Script(script) => {
                image.script(script, policy);
                nothing
            }
            Body::Open(open) => {
                let object = self.objects.entry(Object::File(open.file)).or_default();
                let bits = policy.classes_opened(&open.path, open.write).bits() | object.credential;
                let (joinable, sdk) = (bits & !policy.observed().bits(), policy.sdk_of(&open.path));
                object.credential |= joinable;
                if open.read {
                    image.use_sdk(sdk);
                    add(self.sets.entry(holder).or_default(), &image.reader().opens(joinable));
                }
                Kernel { bits, soft: sdk.bits(), ..nothing }
            }
            Body::Access(access) => {
                use {Door::*, Relation::*};
                let target = self.holders.get(&access.target).and_then(|holder| self.sets.get(holder));
                let held = match (access.door, access.relation) {
                    _ if access.errno != 0 => 0,
                    (Mem | ProcessVmRead | PtraceAttach | PtraceSeize | PerfEvent, Outside | Unknown) => {
                        policy.memory().bits()
                    }
                    (Mem | ProcessVmRead | PtraceAttach | PtraceSeize | PerfEvent, _) => target.map_or(0, Sets::strong),
                    (Environ, Outside | Unknown | Job) => policy.environ().bits(),
                    (Environ, Own) => policy.dump().bits(),
                    _ => 0,
                };
                add(self.sets.entry(holder).or_default(), &Sets { held, ..Sets::default() });
                Kernel { bits: held, ..nothing }
            }
            Body::Give(flow) => {
                let object = self.objects.entry(flow.object).or_default();
                let (strong, mild) = match flow.object {
                    Object::Socket(_) => (mine.held | mine.soft, 0),
                    _ if flow.mapped => (mine.held | mine.soft, 0),
                    _ => mine.passed(image.is_quiet(), flow.plain || image.is_lossy()),
                };
                let bits = strong & !object.carried;
                object.carried |= bits;
                let mild = if matches!(flow.object, Object::Pipe(_)) { mild } else { 0 };
                let inherited = mild & !object.carried & !object.inherited;
                object.inherited |= inherited;
                Kernel { bits, inherited, ..nothing }
            }
            Body::Take(flow) => {
                let mut object = self.objects.get(&flow.object).copied().unwrap_or_default();
                if flow.mapped {
                    object = Offer { carried: object.carried, ..Offer::default() };
                }
                let new = mine.taken(&Offer { handed: flow.handed, ..object }, &image.reader());
                add(self.sets.entry(holder).or_default(), &new);
                Kernel { bits: new.strong(), inherited: new.inherited, ..nothing }
            }
            Body::Network(network) => {
                let socket = self.sockets.get(&network.socket).copied().unwrap_or(0);
                let (address, port) = (network.address, network.port);
                let reader = image.spender();
                let own = policy.accepted_for(reader, address, port).bits();
                let spending = Spending {
                    accepted: policy.accepted(address, port).bits(),
                    accepted_for_reader: own,
                    socket,
                    hook: image.hook,
                    release: image.releases(),
                    forge: policy.forge().bits(),
                    registry: policy.registry().bits(),
                };
                let nowhere = Spending { accepted: 0, accepted_for_reader: 0, ..spending };
                let judged = judge(&mine, if network.call == Call::Packet { &nowhere } else { &spending });
                let mark = match network.call {
                    Call::Connect | Call::Ask | Call::Packet => 0,
                    Call::Send => judged.mark,
                    // The call that came before it knew no address.
                    Call::SendTo => judge(&mine, &nowhere).mark,
                };
                if network.socket != 0 {
                    self.sockets.insert(network.socket, socket | mark);
                }
                Kernel { bits: judged.carried, leak: judged.leak, weak: judged.weak, ..nothing }
            }
            _ => nothing,
        }
    }
}

#[test]
fn the_engine_decides_as_the_plain_algebra_does() {
    let policy = policy();
    for seed in 0..120 {
        let story = story(&mut Random(seed), 10, 300);
        let (mut engine, mut oracle) = (engine(), Oracle::default());
        for event in &story.events {
            engine.apply(event);
            let decided = oracle.decide(&policy, event);
            assert_eq!(engine.decision(), decided, "seed {seed}, {event:?}");
            if let (Some(actor), false) = (&event.actor, matches!(event.body, Body::Exit(_))) {
                let sets = oracle.sets.get(&actor.holder).copied().unwrap_or_default();
                assert_eq!(engine.sets(actor.holder), sets, "seed {seed}, {event:?}");
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
            let to = finding.destination.as_ref().expect("a leak has a destination");
            // What a packet socket sends has no destination, and none accepts it.
            let nowhere = to.address.is_unspecified() && to.port == 0;
            let accepted = if nowhere { Vec::new() } else { policy.names(policy.accepted(to.address, to.port)) };
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
                let is_source = matches!(links[0].did, Did::Read { .. } | Did::Access { .. } | Did::Dump);
                assert!(is_source && links.len() > 1, "seed {seed}: {finding:?}");
                assert!(links.windows(2).all(|pair| pair[0].event < pair[1].event), "seed {seed}: {class} {links:#?}");
                assert!(links.iter().filter(|link| link.did == Did::Fork).count() < links.len());
            }
        }
    }
}

#[test]
fn sets_only_grow_while_their_holder_lives_and_nothing_is_lost_by_an_exec() {
    let covers = |new: Sets, old: Sets| old.to_array().iter().zip(new.to_array()).all(|(old, new)| old & !new == 0);
    for seed in 0..40 {
        let story = story(&mut Random(seed), 10, 200);
        let mut engine = engine();
        let mut before = BTreeMap::<HolderId, Sets>::new();
        for event in &story.events {
            engine.apply(event);
            let Some(actor) = event.actor else { continue };
            match &event.body {
                Body::Exit(_) => before.clear(),
                Body::Exec(exec) => {
                    let (old, new) = (before.remove(&exec.before).unwrap_or_default(), engine.sets(actor.holder));
                    assert_eq!(old.all() & !new.all(), 0, "seed {seed}, {event:?}");
                    assert_eq!((new.own, new.soft), (0, 0), "seed {seed}, {event:?}");
                }
                _ => {}
            }
            for (holder, sets) in &before {
                assert!(covers(engine.sets(*holder), *sets), "seed {seed}, {event:?}");
            }
            before.insert(actor.holder, engine.sets(actor.holder));
        }
    }
}

#[test]
fn evidence_only_becomes_weaker_on_its_way() {
    let mut seen = 0;
    for seed in 0..60 {
        for finding in story(&mut Random(seed), 10, 300).conclude().findings {
            let weak = finding.rule == "leak-inherited";
            let last = finding.chain.last().map(|link| link.strength);
            assert_eq!(last == Some(Strength::Inherited), weak, "seed {seed}: {finding:?}");
            for class in &finding.secret {
                let of = finding.chain.iter().filter(|link| link.classes.contains(class)).map(|link| link.strength);
                let inherited = of.skip_while(|strength| *strength != Strength::Inherited);
                assert!(inherited.skip(1).all(|it| it == Strength::Inherited), "seed {seed}: {finding:?}");
            }
            seen += u32::from(weak);
        }
    }
    assert!(seen > 50, "{seen}");
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
