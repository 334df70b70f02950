//! Join and flow: how a holder comes to hold a class, and how it passes on.

use super::{
    Did, Engine,
    carried::{Carried, Cause},
};
use crate::{
    event::{Access, Actor, Door, Event, Exec, Flow, Fork, HolderId, Object, Open, Process, Relation},
    secret::ClassSet,
};

impl Engine {
    /// The child holds what its parent holds.
    pub(super) fn fork(&mut self, event: &Event, actor: &Actor, fork: &Fork) {
        self.decided(self.holders.held(actor.holder));
        self.holders.enter(fork.child, fork.holder);
        self.inherit(event, actor, (actor.holder, fork.holder), u64::MAX, Did::Fork);
    }

    /// The new holder holds what the old one held; of one that was shared, what it held as the call began.
    pub(super) fn exec(&mut self, event: &Event, actor: &Actor, exec: &Exec) {
        // Before the process leaves the old holder, which may end it.
        let until = exec.entered.unwrap_or(u64::MAX);
        self.inherit(event, actor, (exec.before, actor.holder), until, Did::Exec);
        self.holders.enter(actor.process, actor.holder);
        self.decided(self.holders.held(actor.holder));
    }

    /// `to` takes over what `from` had joined by the time `until`.
    fn inherit(&mut self, event: &Event, actor: &Actor, (from, to): (HolderId, HolderId), until: u64, did: Did) {
        let from = self.holders.carried(from).until(until);
        let new = from.set().minus(self.holders.held(to));
        if !new.is_empty() {
            let cause = Cause::new(self.moment(event, actor), did, from.only(new));
            self.holders.join(to, new, &cause);
        }
    }

    /// Who opens a credential for reading joins its classes.
    pub(super) fn open(&mut self, event: &Event, actor: &Actor, open: &Open) {
        let classes = self.policy.classes_opened(&open.path, open.write);
        self.decided(classes);
        if open.read && !classes.is_subset(self.holders.held(actor.holder)) {
            self.join(event, actor, classes, Did::Read { path: open.path.clone() });
        }
    }

    /// Who gets at another process's memory or environment joins the class of that door.
    pub(super) fn access(&mut self, event: &Event, actor: &Actor, access: &Access) {
        let classes = self.classes_of_access(access);
        self.decided(classes);
        let new = classes.minus(self.holders.held(actor.holder));
        if !new.is_empty() {
            let target = self.target(access.target, access.program.as_deref());
            let did = Did::Access { door: door(access.door).to_owned(), target };
            let from = self.holders.carried(self.holders.of(access.target)).only(new);
            let cause = Cause::new(self.moment(event, actor), did, from);
            self.holders.join(actor.holder, new, &cause);
        }
    }

    fn join(&mut self, event: &Event, actor: &Actor, classes: ClassSet, did: Did) {
        let cause = Cause::new(self.moment(event, actor), did, Carried::NONE);
        self.holders.join(actor.holder, classes, &cause);
    }

    /// The classes that `access` brings: those of its door, and of a process of the job what that holds.
    pub(super) fn classes_of_access(&self, access: &Access) -> ClassSet {
        let outside = matches!(access.relation, Relation::Outside | Relation::Unknown);
        match access.door {
            _ if access.errno != 0 => ClassSet::EMPTY,
            Door::Mem | Door::ProcessVmRead | Door::PtraceAttach | Door::PtraceSeize if outside => self.policy.memory(),
            Door::Mem | Door::ProcessVmRead | Door::PtraceAttach | Door::PtraceSeize => {
                self.holders.held(self.holders.of(access.target))
            }
            // Tools ask the environment of init whether they are in a container; it has no secrets.
            Door::Environ if access.relation != Relation::Descendant && access.target.pid != 1 => self.policy.environ(),
            _ => ClassSet::EMPTY,
        }
    }

    /// The object carries what its writer holds.
    pub(super) fn give(&mut self, event: &Event, actor: &Actor, flow: &Flow) {
        self.objects.give(actor.job, flow.object, flow.given);
        let from = self.holders.carried(actor.holder);
        let new = from.set().minus(self.objects.carried(actor.job, flow.object).set());
        if !new.is_empty() {
            let did = Did::Give { object: object(flow.object) };
            let cause = Cause::new(self.moment(event, actor), did, from.only(new));
            self.objects.join(actor.job, flow.object, new, &cause);
        }
        self.decided(new);
    }

    /// The reader holds what the object carries: all of it, also what was given after the give it names.
    pub(super) fn take(&mut self, event: &Event, actor: &Actor, flow: &Flow) {
        if !self.objects.was_given(actor.job, flow.object, flow.given) {
            self.observed.orphan();
        }
        let from = self.objects.carried(actor.job, flow.object);
        let new = from.set().minus(self.holders.held(actor.holder));
        if !new.is_empty() {
            let did = Did::Take { object: object(flow.object) };
            let cause = Cause::new(self.moment(event, actor), did, from.only(new));
            self.holders.join(actor.holder, new, &cause);
        }
        self.decided(new);
    }

    fn target(&self, target: Process, program: Option<&str>) -> String {
        match program.unwrap_or_else(|| self.processes.program(target).name()) {
            "" => format!("process {}", target.pid),
            name => format!("{name}({})", target.pid),
        }
    }
}

fn door(door: Door) -> &'static str {
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
    }
}

fn object(object: Object) -> String {
    match object {
        Object::Pipe(file) => format!("pipe {}", file.inode),
        // Major and minor number as the kernel keeps them: 12 and 20 bits.
        Object::File(file) => format!("file {}:{}/{}", file.device >> 20, file.device & 0xf_ffff, file.inode),
    }
}
