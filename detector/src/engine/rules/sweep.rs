//! `sweep`: one lineage touches or tries the credentials of several tools that have nothing to do with each other.
//!
//! A lineage is what the step's shell started, with all that descends from it; the step as a whole is one more, with a
//! higher threshold. What declared readers read themselves does not count.

use super::{
    decoy::is_missing,
    emit::{Direct, who},
    place::{Place, is_below, normal, place, repository},
    state::{Kinds, Rules},
};
use crate::{
    engine::{Did, Engine, Finding, Link, Severity, Strength},
    event::{Access, Actor, Attempt, Call, Door, Event, JobId, Network, Open, Process, Question, Relation, StepId},
    secret::ClassSet,
};
use rustc_hash::{FxHashMap, FxHashSet};
use std::net::SocketAddr;

const RULE: &str = "sweep";
/// Unsecured Credentials: Credentials In Files.
const FILES: &str = "T1552.001";
/// File and Directory Discovery.
const DISCOVERY: &str = "T1083";

/// What a group counts for, in halves: one whose files often are no secret counts half.
const WHOLE: u32 = 2;
/// A lineage sweeps from here on, in halves. An honest tool reads what is its own, and with git and its registry declared
/// readers count nothing: two groups are a tool that was not declared and its cloud, three have no reason in common.
const LINEAGE: u32 = 3 * WHOLE;
/// A step does, whatever its lineages: a script of many commands comes by more.
const STEP: u32 = 5 * WHOLE;
/// Groups of which nothing is there, before it counts as going through a list.
const PROBED: u32 = 3;

/// Lineages that are told apart, and steps; what others do is not counted.
const LINEAGES: usize = 4_096;
const STEPS: usize = 4_096;
/// Repositories that are known.
const REPOSITORIES: usize = 256;
/// Homes, and undecided directories, of one lineage.
const PLACES: usize = 64;

/// A lineage, by the process that it starts with.
type Lineage = (JobId, StepId, Process);

/// What the lineages have touched.
#[derive(Debug, Default)]
pub(super) struct Sweeps {
    lineages: FxHashMap<Lineage, Touched>,
    steps: FxHashMap<(JobId, StepId), Touched>,
    /// Steps of which a lineage was found.
    found: FxHashSet<(JobId, StepId)>,
    repositories: Vec<String>,
}

/// Groups of credentials, each as its first class.
#[derive(Debug, Default)]
struct Touched {
    /// In homes and in the system.
    outer: Weighed,
    /// In the workspace, and where nothing shows a home.
    inner: Weighed,
    /// Of `outer`, those that were tried and are not there.
    missed: ClassSet,
    /// Directories that files in them show to be homes.
    homes: Vec<String>,
    /// Directories that may be homes, and what was touched there.
    undecided: Vec<(String, Weighed, ClassSet)>,
    classes: ClassSet,
    links: Vec<Link>,
    /// Where a lineage sent when it had swept: an address, or a name that it asked for.
    sent: Option<String>,
}

/// Groups, by what they count for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Weighed {
    whole: ClassSet,
    half: ClassSet,
}

impl Weighed {
    fn of(classes: ClassSet, kinds: &Kinds) -> Self {
        let strong = classes.intersection(kinds.strong);
        Self { whole: kinds.groups(strong), half: kinds.groups(classes.minus(strong)) }
    }

    fn union(self, other: Self) -> Self {
        Self { whole: self.whole.union(other.whole), half: self.half.union(other.half) }
    }

    /// In halves.
    fn weight(self) -> u32 {
        WHOLE * count(self.whole) + count(self.half.minus(self.whole))
    }
}

fn count(set: ClassSet) -> u32 {
    set.bits().count_ones()
}

/// One touch.
struct Touch<'a> {
    path: &'a str,
    classes: ClassSet,
    missed: bool,
}

impl Touched {
    /// Adds `touch`; whether anything is new by that.
    fn add(&mut self, touch: &Touch<'_>, repositories: &[String], kinds: &Kinds) -> bool {
        let before = (self.outer, self.inner, self.missed);
        let groups = Weighed::of(touch.classes, kinds);
        let missed = if touch.missed { groups.whole.union(groups.half) } else { ClassSet::EMPTY };
        self.classes = self.classes.union(touch.classes);
        let in_repository = repositories.iter().any(|repository| is_below(touch.path, repository));
        match place(touch.path) {
            Place::System => self.outside(groups, missed),
            // Who is at home in the root of a repository has made it look like one.
            Place::Home(home) if !in_repository || self.homes.iter().any(|known| known == home) => {
                self.outside(groups, missed);
                self.settle(home);
            }
            Place::Elsewhere(base) if self.homes.iter().any(|known| known == base) => self.outside(groups, missed),
            Place::Elsewhere(base) if !in_repository && self.undecided.len() < PLACES => {
                self.inner = self.inner.union(groups);
                self.undecided.push((base.to_owned(), groups, missed));
            }
            Place::Home(_) | Place::Elsewhere(_) => self.inner = self.inner.union(groups),
        }
        before != (self.outer, self.inner, self.missed)
    }

    /// How bad it is by now, if it is a sweep: `enough` is the weight of one.
    fn severity(&self, enough: u32) -> Option<Severity> {
        if self.outer.union(self.inner).weight() < enough {
            return None;
        }
        Some(match self.outer.weight() >= enough {
            // Of the build's own files: a scanner.
            false => Severity::Low,
            true if count(self.missed) >= PROBED => Severity::High,
            true => Severity::Medium,
        })
    }

    /// Its classes, what led to it, and a sentence without its subject.
    fn told(&self, enough: u32, kinds: &Kinds) -> (ClassSet, Vec<Link>, String) {
        let (groups, missed) = (count(kinds.groups(self.classes)), count(self.missed));
        let place = if self.outer.weight() >= enough { "" } else { ", most of them of the workspace" };
        let missed = if missed > 0 { format!("; of {missed} it looked for what is not there") } else { String::new() };
        let sent = self.sent.as_ref().map_or_else(String::new, |to| format!(", and then sent to {to}"));
        let message = format!("went through credentials of {groups} unrelated kinds{place}{missed}{sent}");
        (self.classes, self.links.clone(), message)
    }

    fn outside(&mut self, groups: Weighed, missed: ClassSet) {
        self.outer = self.outer.union(groups);
        self.missed = self.missed.union(missed);
    }

    /// `home` is one: so is what was touched there before.
    fn settle(&mut self, home: &str) {
        if self.homes.len() < PLACES && !self.homes.iter().any(|known| known == home) {
            self.homes.push(home.to_owned());
        }
        let (here, undecided) = std::mem::take(&mut self.undecided).into_iter().partition(|(base, ..)| base == home);
        self.undecided = undecided;
        let here: Vec<(String, Weighed, ClassSet)> = here;
        for (_, groups, missed) in here {
            self.outside(groups, missed);
        }
    }
}

impl Sweeps {
    /// The repositories that were seen, by their directory.
    pub(super) fn repositories(&self) -> impl Iterator<Item = &str> {
        self.repositories.iter().map(String::as_str)
    }

    fn learn(&mut self, path: &str) {
        let Some(repository) = repository(path) else { return };
        if self.repositories.len() < REPOSITORIES && !self.repositories.iter().any(|known| known == repository) {
            self.repositories.push(repository.to_owned());
        }
    }
}

impl Engine {
    pub(super) fn swept_open(&mut self, event: &Event, actor: &Actor, open: &Open, found: &mut Vec<Finding>) {
        self.rules.sweeps.learn(&open.path);
        // Who writes a credential brings one.
        if open.write && !open.read {
            return;
        }
        // By its name, or because it was opened by one before.
        let classes = ClassSet::from_bits(self.decision.bits);
        let touch = Touch { path: &open.path, classes, missed: false };
        self.touched(event, actor, &touch, &Did::Read { path: open.path.clone() }, found);
    }

    pub(super) fn swept_attempt(&mut self, event: &Event, actor: &Actor, attempt: &Attempt, found: &mut Vec<Finding>) {
        let path = normal(&attempt.path);
        let (classes, missed) = (self.classes_tried(&path), is_missing(attempt));
        if !missed {
            self.rules.sweeps.learn(&path);
        }
        // Who lists the system's directory and asks what each entry is (Python's `distro` does) goes through no credentials:
        // only a name that is not there was asked for by itself.
        if !missed && matches!(place(&path), Place::System) {
            return;
        }
        let did = Did::Probe { path: attempt.path.clone(), found: !missed };
        self.touched(event, actor, &Touch { path: &path, classes, missed }, &did, found);
    }

    pub(super) fn swept_access(&mut self, event: &Event, actor: &Actor, access: &Access, found: &mut Vec<Finding>) {
        let outside = matches!(access.relation, Relation::Outside | Relation::Unknown);
        let classes = match access.door {
            _ if !outside || access.target.pid == 1 => return,
            Door::Environ => self.policy.environ(),
            door if door.is_memory() => self.policy.memory(),
            _ => return,
        };
        let target = self.target(access.target, access.program.as_deref());
        let did = Did::Access { door: super::super::flow::door(access.door).to_owned(), target };
        self.touched(event, actor, &Touch { path: "/proc/", classes, missed: false }, &did, found);
    }

    fn touched(&mut self, event: &Event, actor: &Actor, touch: &Touch<'_>, did: &Did, found: &mut Vec<Finding>) {
        let kinds = &self.rules.kinds;
        let about = touch.classes.minus(kinds.written).minus(kinds.decoy);
        if about.is_empty() {
            return;
        }
        let classes = about.minus(self.reads(actor.process));
        if classes.is_empty() {
            return;
        }
        let touch = Touch { classes, ..*touch };
        let link = self.moment(event, actor).link(did.clone(), Strength::Held, self.policy.names(classes));
        let (step, top) = ((actor.job, actor.step), self.rules.lineages.of(actor.process).top);
        let lineage = (actor.job, actor.step, self.root(actor));
        let Rules { sweeps, kinds, .. } = &mut self.rules;
        let Sweeps { lineages, found: by_lineage, repositories, .. } = sweeps;
        if let Some(touched) = bounded(lineages, lineage, LINEAGES)
            && touched.add(&touch, repositories, kinds)
        {
            touched.links.push(link.clone());
            if let Some(severity) = touched.severity(LINEAGE) {
                by_lineage.insert(step);
                let (classes, links, message) = touched.told(LINEAGE, kinds);
                found.extend(self.sweep(
                    event,
                    actor,
                    lineage.2,
                    Swept { severity, classes, links, message, did: did.clone() },
                ));
            }
        }
        let Rules { sweeps, kinds, .. } = &mut self.rules;
        let Sweeps { steps, found: by_lineage, repositories, .. } = sweeps;
        // A step of which a lineage is found is found by that.
        if let Some(touched) = bounded(steps, step, STEPS)
            && touched.add(&touch, repositories, kinds)
        {
            touched.links.push(link);
            if let Some(severity) = touched.severity(STEP).filter(|_| !by_lineage.contains(&step)) {
                let (classes, links, message) = touched.told(STEP, kinds);
                found.extend(self.sweep(
                    event,
                    actor,
                    top,
                    Swept { severity, classes, links, message, did: did.clone() },
                ));
            }
        }
    }

    /// Who swept and then sends has what he came for.
    pub(super) fn sent(&mut self, event: &Event, actor: &Actor, network: &Network, found: &mut Vec<Finding>) {
        if network.address.is_loopback() || !self.is_lineage(actor) {
            return;
        }
        let accepted = self.accepted(actor.job, network.address, network.port);
        let to = SocketAddr::new(network.address, network.port).to_string();
        self.sent_to(event, actor, accepted, Did::Send { call: network.call, to }, found);
    }

    /// A question to a name server is a send, and where it is refused no other follows.
    pub(super) fn asked(&mut self, event: &Event, actor: &Actor, question: &Question, found: &mut Vec<Finding>) {
        if question.name.is_empty() || !self.is_lineage(actor) {
            return;
        }
        let (accepted, _) = self.policy.host(&question.name).over_all_ports();
        self.sent_to(event, actor, accepted, Did::Send { call: Call::Ask, to: question.name.clone() }, found);
    }

    fn is_lineage(&self, actor: &Actor) -> bool {
        self.rules.sweeps.lineages.contains_key(&(actor.job, actor.step, self.root(actor)))
    }

    fn sent_to(&mut self, event: &Event, actor: &Actor, accepted: ClassSet, did: Did, found: &mut Vec<Finding>) {
        let lineage = (actor.job, actor.step, self.root(actor));
        let Rules { sweeps, kinds, .. } = &mut self.rules;
        let Some(touched) = sweeps.lineages.get_mut(&lineage) else { return };
        let outer = touched.outer.weight() >= LINEAGE;
        if !outer || touched.sent.is_some() || touched.classes.is_subset(accepted) {
            return;
        }
        if let Did::Send { to, .. } = &did {
            touched.sent = Some(to.clone());
        }
        let (classes, links, message) = touched.told(LINEAGE, kinds);
        let swept = Swept { severity: Severity::High, classes, links, message, did };
        found.extend(self.sweep(event, actor, lineage.2, swept));
    }

    fn sweep(&mut self, event: &Event, actor: &Actor, root: Process, swept: Swept) -> Option<Finding> {
        let Swept { severity, classes, links, message, did } = swept;
        let technique = if severity == Severity::High { DISCOVERY } else { FILES };
        let direct = Direct { classes, before: links, root: Some(root), ..Direct::new(RULE, technique, severity, did) };
        self.emit(event, actor, direct, |finding| format!("{} {message}", who(finding)))
    }
}

/// What [`Engine::sweep`] says.
struct Swept {
    severity: Severity,
    classes: ClassSet,
    links: Vec<Link>,
    message: String,
    did: Did,
}

/// The entry of `key`, made where there is room for it.
fn bounded<K: Eq + std::hash::Hash>(map: &mut FxHashMap<K, Touched>, key: K, most: usize) -> Option<&mut Touched> {
    if map.len() >= most { map.get_mut(&key) } else { Some(map.entry(key).or_default()) }
}
