//! Events in the words of a story. Processes are known by pid; holders, steps and numbers follow.

use super::policy;
use crate::{
    engine::{Conclusion, Engine, Finding, Mode},
    event::{
        Access, Actor, Attempt, Body, Call, Door, Drop, Event, Exec, Exit, File, Flow, Fork, HolderId, Kill, Known,
        Network, Object, Open, Outcome, Print, Probe, Process, Protocol, Question, Relation, Script, Service, StepId,
    },
    policy::Policy,
    secret::ClassSet,
};
use std::{collections::BTreeMap, net::SocketAddr};

pub(super) const AWS: &str = "/root/.aws/credentials";
pub(super) const NPMRC: &str = "/root/.npmrc";
pub(super) const GIT_TOKEN: &str = "/root/.git-credentials";
pub(super) const CRATES: &str = "/root/.cargo/credentials";
pub(super) const FORGE: &str = "198.51.100.8:443";
pub(super) const SINK: &str = "203.0.113.9:443";
pub(super) const REGISTRY: &str = "198.51.100.7:443";
const WORKER: u32 = 1;
/// The CI agent: outside the job, and not init.
const AGENT: u32 = 2;

pub(super) fn pipe(inode: u64) -> Object {
    Object::Pipe(File { device: 14, inode, generation: 0 })
}

pub(super) fn file(inode: u64) -> Object {
    Object::File(File { device: 8 << 20 | 1, inode, generation: 7 })
}

pub(super) fn socket(inode: u64) -> Object {
    Object::Socket(File { device: u32::MAX, inode, generation: 3 })
}

/// The file at `path`.
pub(super) fn at(path: &str) -> Object {
    Object::File(File { device: 8 << 20 | 1, inode: detector_common::command::word(path.as_bytes()), generation: 7 })
}

pub(super) fn process(pid: u32) -> Process {
    Process { pid, start: u64::from(pid) * 1000 }
}

#[derive(Clone)]
pub(super) struct Story {
    pub(super) events: Vec<Event>,
    actors: BTreeMap<u32, Actor>,
    given: BTreeMap<Object, u64>,
    holders: u64,
    outcome: Outcome,
    step: StepId,
}

impl Story {
    /// A worker of job 1 that has done nothing.
    pub(super) fn new() -> Self {
        let mut story = Self {
            events: Vec::new(),
            actors: BTreeMap::new(),
            given: BTreeMap::new(),
            holders: 0,
            outcome: Outcome::Passed,
            step: 1,
        };
        let holder = story.found();
        story.actors.insert(WORKER, Actor { job: 1, step: 0, process: process(WORKER), thread: WORKER, holder });
        story
    }

    fn found(&mut self) -> HolderId {
        self.holders += 1;
        HolderId(self.holders)
    }

    pub(super) fn holder(&self, pid: u32) -> HolderId {
        self.actors[&pid].holder
    }

    pub(super) fn say(&mut self, actor: Option<Actor>, body: Body) -> &mut Self {
        let seq = self.events.len() as u64 + 1;
        self.events.push(Event { seq, time: seq * 10, actor, body, kernel: None });
        self
    }

    fn act(&mut self, pid: u32, body: Body) -> &mut Self {
        self.say(Some(self.actors[&pid]), body)
    }

    /// What the sensor does about sends from now on.
    pub(super) fn stopping(&mut self, outcome: Outcome) -> &mut Self {
        self.outcome = outcome;
        self
    }

    /// What the worker starts from now on is another step.
    pub(super) fn next_step(&mut self) -> &mut Self {
        self.step += 1;
        self
    }

    /// The worker starts a process of the step.
    pub(super) fn start(&mut self, pid: u32, path: &str) -> &mut Self {
        self.spawn(WORKER, pid, path)
    }

    pub(super) fn spawn(&mut self, parent: u32, pid: u32, path: &str) -> &mut Self {
        self.fork(parent, pid).exec(pid, path)
    }

    pub(super) fn fork(&mut self, parent: u32, pid: u32) -> &mut Self {
        let holder = self.found();
        self.clone_into(parent, pid, holder)
    }

    /// A fork that shares memory.
    pub(super) fn share(&mut self, parent: u32, pid: u32) -> &mut Self {
        self.clone_into(parent, pid, self.holder(parent))
    }

    fn clone_into(&mut self, parent: u32, pid: u32, holder: HolderId) -> &mut Self {
        let step = if parent == WORKER { self.step } else { self.actors[&parent].step };
        let child = process(pid);
        self.actors.insert(pid, Actor { step, process: child, thread: pid, holder, ..self.actors[&parent] });
        self.act(parent, Body::Fork(Fork { child, holder, step }))
    }

    /// An exec whose arguments may carry what was held.
    pub(super) fn exec(&mut self, pid: u32, path: &str) -> &mut Self {
        self.run(pid, path, Exec { fresh: true, ..Exec::default() })
    }

    /// An exec of which `exec` says the rest.
    pub(super) fn run(&mut self, pid: u32, path: &str, exec: Exec) -> &mut Self {
        let (before, holder) = (self.holder(pid), self.found());
        if let Some(actor) = self.actors.get_mut(&pid) {
            actor.holder = holder;
        }
        let argv = if exec.argv.is_empty() { vec![path.to_owned()] } else { exec.argv };
        let path = path.to_owned();
        self.act(pid, Body::Exec(Exec { before, path, argv, ..exec }))
    }

    pub(super) fn exit(&mut self, pid: u32) -> &mut Self {
        self.act(pid, Body::Exit(Exit { code: 0, signal: 0 }))
    }

    pub(super) fn read(&mut self, pid: u32, path: &str) -> &mut Self {
        self.open(pid, path, true)
    }

    pub(super) fn open(&mut self, pid: u32, path: &str, read: bool) -> &mut Self {
        self.open_as(pid, path, path, read)
    }

    /// Opens the file at `path` by another name.
    pub(super) fn open_as(&mut self, pid: u32, path: &str, name: &str, read: bool) -> &mut Self {
        let Object::File(file) = at(path) else { unreachable!() };
        self.given.entry(at(path)).or_insert(self.events.len() as u64 * 10 + 10);
        self.act(pid, Body::Open(Open { path: name.to_owned(), file, read, write: !read }))
    }

    /// The script that the arguments named was opened; 0 says that it was another file.
    pub(super) fn script(&mut self, pid: u32, program: u16) -> &mut Self {
        self.act(pid, Body::Script(Script { program }))
    }

    pub(super) fn access(&mut self, pid: u32, door: Door, relation: Relation, errno: u32) -> &mut Self {
        let program = Some("Runner.Worker".to_owned());
        self.act(pid, Body::Access(Access { door, target: process(AGENT), relation, program, errno }))
    }

    /// As `access`, to a process outside that calls itself `program`.
    pub(super) fn look_into(&mut self, pid: u32, target: u32, program: &str, door: Door, errno: u32) -> &mut Self {
        let (target, program) = (process(target), Some(program.to_owned()));
        let access = Access { door, target, relation: Relation::Outside, program, errno };
        self.act(pid, Body::Access(access))
    }

    pub(super) fn act_on(&mut self, pid: u32, access: Access) -> &mut Self {
        self.act(pid, Body::Access(access))
    }

    /// Asks for `path`, or fails to open it.
    pub(super) fn probe(&mut self, pid: u32, path: &str, errno: u32) -> &mut Self {
        let call = if errno == 0 { Probe::Stat } else { Probe::Access };
        self.act(pid, Body::Attempt(Attempt { path: path.to_owned(), errno, call, nested: false, program: None }))
    }

    /// As `access`, to another process of the story.
    pub(super) fn enter(&mut self, pid: u32, target: u32, door: Door, relation: Relation) -> &mut Self {
        self.act(pid, Body::Access(Access { door, target: process(target), relation, program: None, errno: 0 }))
    }

    /// The file at `path` was there before the job.
    pub(super) fn know(&mut self, path: &str) -> &mut Self {
        let Object::File(file) = at(path) else { unreachable!() };
        self.say(None, Body::Known(Known { path: path.to_owned(), file }))
    }

    pub(super) fn give(&mut self, pid: u32, object: Object) -> &mut Self {
        self.write(pid, object, false)
    }

    /// A give of what cannot be the secret, where it is `plain`.
    pub(super) fn write(&mut self, pid: u32, object: Object, plain: bool) -> &mut Self {
        let given = self.events.len() as u64 * 10 + 10;
        self.given.insert(object, given);
        self.act(pid, Body::Give(Flow { plain, ..Flow::new(object, given) }))
    }

    /// What it holds may be in memory that is `object`.
    pub(super) fn store(&mut self, pid: u32, object: Object) -> &mut Self {
        let given = self.events.len() as u64 * 10 + 10;
        self.given.insert(object, given);
        self.act(pid, Body::Give(Flow { mapped: true, ..Flow::new(object, given) }))
    }

    /// It may have read what is there.
    pub(super) fn load(&mut self, pid: u32, object: Object) -> &mut Self {
        let given = self.given.get(&object).copied().unwrap_or(0);
        self.act(pid, Body::Take(Flow { mapped: true, ..Flow::new(object, given) }))
    }

    pub(super) fn gave(&self, object: Object) -> bool {
        self.given.contains_key(&object)
    }

    /// A block, to the job's log.
    pub(super) fn print(&mut self, pid: u32, outcome: Outcome) -> &mut Self {
        self.act(pid, Body::Print(Print { bytes: 4_096, outcome }))
    }

    pub(super) fn take(&mut self, pid: u32, object: Object) -> &mut Self {
        self.receive(pid, object, false)
    }

    /// A take that is of the standard input of a new program, where it was `handed`.
    pub(super) fn receive(&mut self, pid: u32, object: Object, handed: bool) -> &mut Self {
        let given = self.given.get(&object).copied().unwrap_or(0);
        self.act(pid, Body::Take(Flow { handed, ..Flow::new(object, given) }))
    }

    pub(super) fn send(&mut self, pid: u32, socket: u64, to: &str) -> &mut Self {
        self.reach(pid, Call::Send, socket, to)
    }

    pub(super) fn connect(&mut self, pid: u32, to: &str) -> &mut Self {
        self.reach(pid, Call::Connect, u64::from(pid), to)
    }

    pub(super) fn reach(&mut self, pid: u32, call: Call, socket: u64, to: &str) -> &mut Self {
        let (to, outcome) = (address(to), self.outcome);
        let (address, port) = (to.ip(), to.port());
        self.act(pid, Body::Network(Network { call, address, port, protocol: Protocol::Tcp, socket, outcome }))
    }

    /// Asks a service of the host for `name`, or a name server.
    pub(super) fn ask(&mut self, pid: u32, service: Option<Service>, name: &str) -> &mut Self {
        let server = if service.is_none() { Some(address(SINK).ip()) } else { None };
        let (socket, outcome) = (u64::from(pid), self.outcome);
        self.act(pid, Body::Question(Question { name: name.to_owned(), server, service, socket, outcome }))
    }

    pub(super) fn dropped(&mut self, pid: u32, socket: u64, to: &str, dropped: bool) -> &mut Self {
        let (address, port) = (address(to).ip(), address(to).port());
        self.act(pid, Body::Drop(Drop { address, port, socket, bytes: 60, dropped }))
    }

    pub(super) fn kill(&mut self, pid: u32, errno: u32) -> &mut Self {
        self.act(pid, Body::Kill(Kill { errno }))
    }

    /// What the holder of `pid` has: names of classes, in the order of the strengths.
    #[track_caller]
    pub(super) fn has(&mut self, pid: u32, expected: [&[&str]; 4]) -> &mut Self {
        let sets = self.tell().sets(self.holder(pid)).to_array();
        assert_eq!(sets.map(|set| policy().names(ClassSet::from_bits(set))), expected);
        self
    }

    /// Rule and classes of each finding.
    #[track_caller]
    pub(super) fn finds(&mut self, expected: &[(&str, &[&str])]) -> &mut Self {
        let findings = self.conclude().findings;
        let found: Vec<_> = findings.iter().map(|finding| (finding.rule.as_str(), finding.secret.clone())).collect();
        let named = |classes: &[&str]| classes.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(found, expected.iter().map(|(rule, classes)| (*rule, named(classes))).collect::<Vec<_>>());
        self
    }

    /// An engine that was told the story.
    pub(super) fn tell(&self) -> Engine {
        tell(&self.events)
    }

    pub(super) fn conclude(&self) -> Conclusion {
        conclude(&self.events)
    }

    /// The direct findings, worst first.
    pub(super) fn direct(&self, policy: &Policy) -> Vec<Finding> {
        let mut engine = Engine::new(policy.clone(), Mode::Audit, 0);
        self.events.iter().for_each(|event| _ = engine.apply(event));
        engine.conclude(Vec::new(), true).findings.into_iter().filter(is_direct).collect()
    }
}

pub(super) fn tell(events: &[Event]) -> Engine {
    let mut engine = Engine::new(policy(), Mode::Audit, 0);
    for event in events {
        engine.apply(event);
    }
    engine
}

/// What comes of `events` by join, flow and leak; [`Story::direct`] has the findings that need none of them.
pub(super) fn conclude(events: &[Event]) -> Conclusion {
    let mut engine = Engine::new(policy(), Mode::Audit, 0);
    engine.rules.off();
    events.iter().for_each(|event| _ = engine.apply(event));
    engine.conclude(Vec::new(), true)
}

fn is_direct(finding: &Finding) -> bool {
    finding.technique.is_some()
}

/// The story with its events numbered anew, as if those left were all there was.
pub(super) fn renumber(events: &mut [Event]) {
    for (event, seq) in events.iter_mut().zip(1..) {
        event.seq = seq;
    }
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address and port")
}
