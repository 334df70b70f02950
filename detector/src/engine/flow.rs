//! Join and flow: how a holder comes to hold a class, and how it passes on.

use super::{
    Did, Engine, Strength,
    carried::{Carried, Cause, Moment},
};
use crate::{
    event::{Access, Actor, Door, Event, Exec, Flow, Fork, HolderId, Kernel, Object, Open, Process, Relation, Script},
    process::Program,
    secret::ClassSet,
};
use detector_common::{
    identity::carrier,
    judge::{Offer, Passage, Sets},
};
use std::sync::Arc;

/// What joins, by strength.
fn by_strength(sets: &Sets) -> [(Strength, ClassSet); 4] {
    let mut sets = sets.to_array().into_iter().map(ClassSet::from_bits);
    Strength::ALL.map(|strength| (strength, sets.next().unwrap_or_default()))
}

impl Engine {
    /// The child holds what its parent holds, at the same strengths.
    pub(super) fn fork(&mut self, event: &Event, actor: &Actor, fork: &Fork) {
        let from = self.holders.carried(actor.holder).clone();
        let Sets { held, own, soft, inherited } = from.sets();
        self.decision = Kernel { bits: held, own, soft, inherited, ..Kernel::default() };
        self.holders.enter(fork.child, fork.holder);
        for (strength, classes) in by_strength(&from.sets()) {
            self.join(event, actor, fork.holder, strength, classes, || (Did::Fork, from.of(strength, classes)));
        }
    }

    /// The new holder has what the old one had, as held or inherited; of one that was shared, what it had as the call began.
    pub(super) fn exec(&mut self, event: &Event, actor: &Actor, exec: &Exec) {
        let before = self.holders.carried(exec.before).until(exec.entered.unwrap_or(u64::MAX));
        let old = self.processes.image(actor.process);
        let image = old.exec(exec, &self.policy);
        let passage =
            Passage { quiet: old.is_quiet(), fresh: exec.fresh, copied: exec.copied, dump: self.roles.dump.bits() };
        // What it leaves may end: it was copied.
        self.holders.enter(actor.process, actor.holder);
        for (strength, classes) in by_strength(&before.sets().after_exec(&passage)) {
            self.join(event, actor, actor.holder, strength, classes, || (Did::Exec, before.strongest(classes)));
        }
        if image.dumps() && exec.stdout.keeps() {
            self.dump(event, actor, exec);
        }
        *self.processes.image_mut(actor) = image;
        let Sets { held, inherited, .. } = self.holders.sets(actor.holder);
        self.decision = Kernel { bits: held, inherited, ..Kernel::default() };
    }

    /// The new program prints its environment to where it can be read.
    fn dump(&mut self, event: &Event, actor: &Actor, exec: &Exec) {
        let new = self.roles.dump.minus(self.roles.observed).minus(self.held(actor.holder));
        if !new.is_empty() {
            let program = Arc::new(Program { path: exec.path.clone(), argv: exec.argv.clone() });
            let moment = Moment { program, ..self.moment(event, actor) };
            self.holders.join(actor.holder, new, &Cause::new(moment, Did::Dump, Strength::Held, Carried::NONE));
        }
    }

    /// The script that the arguments named was opened, or another file of its name.
    pub(super) fn script(&mut self, actor: &Actor, script: &Script) {
        self.processes.image_mut(actor).script(script, &self.policy);
    }

    /// Who opens a credential for reading joins its classes, by whatever name it is opened; who opens the files of an SDK
    /// is its user.
    pub(super) fn open(&mut self, event: &Event, actor: &Actor, open: &Open) {
        let file = Object::File(open.file);
        let (known, _) = self.objects.credential(actor.job, file);
        let classes =
            self.policy.classes_opened(&open.path, open.write).union(known).union(self.objects.known(open.file));
        let sdk = self.policy.sdk_of(&open.path);
        self.decision = Kernel { bits: classes.bits(), soft: sdk.bits(), ..Kernel::default() };
        if open.read && !sdk.is_empty() {
            self.processes.image_mut(actor).use_sdk(sdk);
        }
        let joinable = classes.minus(self.roles.observed);
        if !joinable.is_subset(known) {
            self.objects.mark_credential(actor.job, file, joinable, &open.path);
            self.objects.give(actor.job, file, event.time);
        }
        if open.read {
            let opened = self.processes.image(actor.process).reader().opens(joinable.bits());
            for (strength, classes) in by_strength(&opened) {
                let did = || (Did::Read { path: open.path.clone() }, Carried::NONE);
                self.join(event, actor, actor.holder, strength, classes, did);
            }
        }
    }

    /// Who gets at another process's memory or environment joins the class of that door.
    pub(super) fn access(&mut self, event: &Event, actor: &Actor, access: &Access) {
        if access.door == Door::Metadata {
            return self.ask(event, actor);
        }
        let classes = self.classes_of_access(access);
        self.decision.bits = classes.bits();
        if classes.is_subset(self.held(actor.holder)) {
            return;
        }
        let from = self.holders.carried(self.holders.of(access.target)).strongest(classes);
        let target = self.target(access.target, access.program.as_deref());
        let did = Did::Access { door: door(access.door).to_owned(), target };
        self.join(event, actor, actor.holder, Strength::Held, classes, || (did, from));
    }

    /// Who asks a metadata service for credentials joins their class, as what it is to it.
    fn ask(&mut self, event: &Event, actor: &Actor) {
        let classes = self.policy.metadata().minus(self.roles.observed);
        let asked = self.processes.image(actor.process).reader().asks(classes.bits(), &self.holders.sets(actor.holder));
        self.decision.bits = asked.strong();
        let did = || Did::Access { door: door(Door::Metadata).to_owned(), target: "the cloud".to_owned() };
        for (strength, classes) in by_strength(&asked) {
            self.join(event, actor, actor.holder, strength, classes, || (did(), Carried::NONE));
        }
    }

    /// What a holder prints to the job's log: the rule `leak-log` finds it.
    pub(super) fn print(&mut self, actor: &Actor) {
        let held = self.held(actor.holder);
        self.decision =
            Kernel { bits: held.bits(), leak: held.intersection(self.roles.log).bits(), ..Kernel::default() };
    }

    /// The classes that `access` brings: those of its door, and of a process of the job what that holds.
    pub(super) fn classes_of_access(&self, access: &Access) -> ClassSet {
        let outside = matches!(access.relation, Relation::Outside | Relation::Unknown);
        let classes = match access.door {
            _ if access.errno != 0 => ClassSet::EMPTY,
            door if door.is_memory() && outside => self.policy.memory(),
            door if door.is_memory() => ClassSet::from_bits(self.holders.sets(self.holders.of(access.target)).strong()),
            Door::Environ if access.relation == Relation::Own => self.policy.dump().minus(self.policy.observed()),
            // Tools ask the environment of init whether they are in a container; it has no secrets.
            Door::Environ if access.relation != Relation::Descendant && access.target.pid != 1 => self.policy.environ(),
            _ => ClassSet::EMPTY,
        };
        classes.minus(self.roles.observed)
    }

    /// The object carries what its writer passes on. A file never carries what may not have come along.
    pub(super) fn give(&mut self, event: &Event, actor: &Actor, flow: &Flow) {
        self.objects.give(actor.job, flow.object, flow.given);
        let image = self.processes.image(actor.process);
        let from = self.holders.carried(actor.holder);
        let sets = from.sets();
        let (strong, mild) = match flow.object {
            // What a declared reader read itself it does not spell to a server.
            Object::Socket(_) => (sets.held | sets.soft, 0),
            _ if flow.mapped => (sets.held | sets.soft, 0),
            Object::File(_) | Object::Pipe(_) => sets.passed(image.is_quiet(), flow.plain || image.is_lossy()),
        };
        let there = self.objects.carried(actor.job, flow.object).sets();
        let held = strong & !there.held;
        let inherited = match flow.object {
            Object::Pipe(_) => mild & !(there.held | held | there.inherited),
            Object::File(_) | Object::Socket(_) => 0,
        };
        self.decision = Kernel { bits: held, inherited, ..Kernel::default() };
        for (strength, classes) in by_strength(&Sets { held, inherited, ..Sets::default() }) {
            if !classes.is_empty() {
                let (did, from) = (Did::Give { object: object(flow.object) }, from.strongest(classes));
                let cause = Cause::new(self.moment(event, actor), did, strength, from);
                self.objects.join(actor.job, flow.object, classes, &cause);
            }
        }
    }

    /// The reader has what the object carries: all of it, also what was given after the give it names.
    pub(super) fn take(&mut self, event: &Event, actor: &Actor, flow: &Flow) {
        let from = self.objects.carried(actor.job, flow.object).clone();
        let (opened, path) = match flow.mapped {
            true => (ClassSet::EMPTY, ""),
            false => self.objects.credential(actor.job, flow.object),
        };
        let known = self.objects.known_as(flow.object).filter(|_| !flow.mapped);
        let (before, name) = known.unwrap_or_default();
        let credential = opened.union(before.minus(self.roles.observed));
        let path = if path.is_empty() { name } else { path }.to_owned();
        // What was a credential before needs no give.
        let given = flow.given == 0 && known.is_some();
        if !given && !self.objects.was_given(actor.job, flow.object, flow.given) {
            self.observed.orphan();
        }
        let Sets { held: carried, inherited, .. } = from.sets();
        let inherited = if flow.mapped { 0 } else { inherited };
        let offer = Offer { carried, inherited, credential: credential.bits(), handed: flow.handed };
        let reader = self.processes.image(actor.process).reader();
        let taken = self.holders.sets(actor.holder).taken(&offer, &reader);
        self.decision = Kernel { bits: taken.strong(), inherited: taken.inherited, ..Kernel::default() };
        for (strength, classes) in by_strength(&taken) {
            let there = from.strongest(classes);
            let brought = classes.intersection(there.set(Strength::Held).union(there.set(Strength::Inherited)));
            let did = || (Did::Take { object: object(flow.object) }, there);
            self.join(event, actor, actor.holder, strength, brought, did);
            let read = classes.minus(brought);
            let did = || (Did::Read { path: path.clone() }, Carried::NONE);
            self.join(event, actor, actor.holder, strength, read, did);
        }
    }

    /// `to` joins `classes` at `strength`; `did` says how, and what they came from.
    fn join(
        &mut self,
        event: &Event,
        actor: &Actor,
        to: HolderId,
        strength: Strength,
        classes: ClassSet,
        did: impl FnOnce() -> (Did, Carried),
    ) {
        let new = classes.minus(self.holders.carried(to).set(strength));
        if !new.is_empty() {
            let (did, from) = did();
            let cause = Cause::new(self.moment(event, actor), did, strength, from);
            self.holders.join(to, new, &cause);
        }
    }

    pub(super) fn target(&self, target: Process, program: Option<&str>) -> String {
        match program.unwrap_or_else(|| self.processes.program(target).name()) {
            "" => format!("process {}", target.pid),
            name => format!("{name}({})", target.pid),
        }
    }
}

pub(super) fn door(door: Door) -> &'static str {
    match door {
        Door::Mem => "mem",
        Door::Environ => "environ",
        Door::Maps => "maps",
        Door::Smaps => "smaps",
        Door::Pagemap => "pagemap",
        Door::Auxv => "auxv",
        Door::ProcessVmRead => "process-vm-read",
        Door::PtraceAttach => "ptrace-attach",
        Door::PtraceSeize => "ptrace-seize",
        Door::Metadata => "metadata",
        Door::Kcore => "kcore",
        Door::MemoryDevice => "memory-device",
        Door::PerfEvent => "perf-event",
    }
}

fn object(object: Object) -> String {
    match object {
        Object::Pipe(file) => format!("pipe {}", file.inode),
        Object::Socket(of) => match of.device {
            carrier::QUEUE => "a message queue",
            carrier::TERMINAL => "a terminal",
            carrier::MEMORY | carrier::SEGMENT => "shared memory",
            carrier::KEYS => "a key",
            carrier::ATTRIBUTES => "an attribute of a file",
            _ => "a socket of this host",
        }
        .to_owned(),
        // Major and minor number as the kernel keeps them: 12 and 20 bits.
        Object::File(file) => format!("file {}:{}/{}", file.device >> 20, file.device & 0xf_ffff, file.inode),
    }
}
