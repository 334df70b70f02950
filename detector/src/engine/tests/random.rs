//! Random events from a small generator of our own, so that a failure can be had again by its seed.

use super::{
    BOTO, programs,
    story::{AWS, FORGE, GIT_TOKEN, NPMRC, REGISTRY, SINK, Story, file, pipe, socket},
};
use crate::event::{
    Access, Actor, Attempt, Body, Call, Counted, Door, Drop, Event, Exec, Exit, File, Flow, Fork, HolderId, Kernel,
    Kill, Network, Object, Open, Outcome, Print, Probe, Process, Protocol, Relation, Script, Stream,
};
use std::net::{IpAddr, Ipv6Addr};

/// SplitMix64.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap_or(0)
    }

    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// Small numbers that meet each other, and extreme ones.
    fn number(&mut self) -> u64 {
        match self.below(8) {
            0 => u64::MAX,
            1 => self.next(),
            _ => self.below(6) as u64,
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "any 32 bits will do")]
    fn word(&mut self) -> u32 {
        self.number() as u32
    }
}

/// Where packet sockets are said to lead.
const NOWHERE: &str = "0.0.0.0:0";

/// A story that a kernel could tell, of `length` turns, by processes from `first` on.
pub(super) fn story(random: &mut Random, first: u32, length: usize) -> Story {
    let mut story = Story::new();
    let mut live = vec![first];
    let mut next = first + 1;
    story.start(first, "/bin/bash");
    for _ in 0..length {
        let pid = random.pick(&live);
        let object = random.pick(&[pipe(1), pipe(2), file(1), file(2), socket(1), socket(2)]);
        let path = random.pick(&[AWS, NPMRC, GIT_TOKEN, BOTO, "/root/.pypirc", "/root/.notes", "/etc/hosts"]);
        let to = random.pick(&[SINK, REGISTRY, FORGE, "127.0.0.1:80", "203.0.113.9:53"]);
        match random.below(16) {
            choice @ (0 | 1) => {
                _ = if choice == 0 { story.fork(pid, next) } else { story.share(pid, next) };
                live.push(next);
                next += 1;
            }
            2 => {
                let exec = exec(random);
                _ = story.run(pid, random.pick(&["/usr/bin/curl", "/usr/bin/python3", "/bin/cat"]), exec);
            }
            12 => _ = story.script(pid, random.pick(&[0, programs::NPM, programs::GIT])),
            13 => _ = story.open_as(pid, path, "/tmp/name", random.below(4) > 0),
            3 if live.len() > 1 => {
                story.exit(pid);
                live.retain(|other| *other != pid);
            }
            4 => _ = story.open(pid, path, random.below(4) > 0),
            5 => _ = story.access(pid, random.pick(&[Door::Mem, Door::Environ, Door::Maps]), relation(random), 0),
            6 | 7 => _ = story.write(pid, object, random.below(4) == 0),
            14 => _ = story.store(pid, object),
            15 if story.gave(object) => _ = story.load(pid, object),
            8 | 9 if story.gave(object) => _ = story.receive(pid, object, random.below(4) == 0),
            _ => {
                let (call, socket) = (call(random), random.below(5) as u64);
                // Of a packet socket neither is known.
                let (to, socket) = if call == Call::Packet { (NOWHERE, 0) } else { (to, socket) };
                _ = story.reach(pid, call, socket, to);
            }
        }
    }
    story
}

/// What an exec may show.
fn exec(random: &mut Random) -> Exec {
    let often = |random: &mut Random| random.below(3) == 0;
    let stdout = [Stream::None, Stream::Pipe, Stream::File, Stream::Socket, Stream::Device];
    Exec {
        program: u16::try_from(random.below(9)).unwrap_or(0),
        script: if often(random) { programs::NPM } else { 0 },
        skip: 2,
        injected: random.below(6) == 0,
        fresh: often(random),
        copied: u32::try_from(random.below(4)).unwrap_or(0),
        stdout: random.pick(&stdout),
        line: u16::try_from(random.below(8)).unwrap_or(0),
        ..Exec::default()
    }
}

fn relation(random: &mut Random) -> Relation {
    random.pick(&[Relation::Outside, Relation::Descendant, Relation::Job, Relation::Unknown, Relation::Own])
}

fn call(random: &mut Random) -> Call {
    random.pick(&[Call::Connect, Call::Send, Call::SendTo, Call::Packet])
}

/// An event that no kernel would send.
pub(super) fn garbage(random: &mut Random) -> Event {
    let process = |random: &mut Random| Process { pid: random.word(), start: random.number() };
    let object = |random: &mut Random| {
        let file = File { device: random.word(), inode: random.number(), generation: random.word() };
        random.pick(&[Object::File(file), Object::Pipe(file), Object::Socket(file)])
    };
    let text = |random: &mut Random| random.pick(&[AWS, NPMRC, "", "/", "…/", "\u{fffd}", "/root/.notes"]).to_owned();
    let address = |random: &mut Random| match random.below(3) {
        0 => IpAddr::from([203, 0, 113, 9]),
        1 => IpAddr::V6(Ipv6Addr::from(u128::from(random.next()))),
        _ => IpAddr::from([198, 51, 100, 7]),
    };
    let flow = |random: &mut Random| Flow {
        plain: random.below(2) == 0,
        handed: random.below(2) == 0,
        mapped: random.below(2) == 0,
        ..Flow::new(object(random), random.number())
    };
    #[expect(clippy::cast_possible_truncation, reason = "any 16 bits will do")]
    let half = |random: &mut Random| random.number() as u16;
    let port = random.pick(&[0, 443, u16::MAX]);
    let outcome = random.pick(&[Outcome::Passed, Outcome::Refused, Outcome::Quarantined]);
    let door =
        random.pick(&[Door::Mem, Door::Environ, Door::Auxv, Door::PtraceSeize, Door::ProcessVmRead, Door::PerfEvent]);
    let body = match random.below(16) {
        0 => Body::Fork(Fork { child: process(random), holder: HolderId(random.number()), step: random.word() }),
        1 => Body::Exec(Exec {
            before: HolderId(random.number()),
            entered: if random.below(2) == 0 { None } else { Some(random.number()) },
            path: text(random),
            argv: vec![text(random)],
            argv_cut: random.word(),
            uid: random.word(),
            program: half(random),
            script: half(random),
            skip: random.word(),
            line: half(random),
            copied: random.word(),
            ..exec(random)
        }),
        14 => Body::Script(Script { program: half(random) }),
        2 => Body::Exit(Exit { code: 255, signal: 255 }),
        3 | 4 => Body::Open(Open { path: text(random), file: File::default(), read: true, write: false }),
        5 => Body::Attempt(Attempt {
            path: text(random),
            errno: random.word(),
            call: random.pick(&[Probe::Open, Probe::Stat, Probe::Access, Probe::Readlink]),
            nested: random.below(2) == 0,
            program: (random.below(2) == 0).then(|| text(random)),
        }),
        6 => Body::Access(Access {
            door,
            target: process(random),
            relation: relation(random),
            program: Some(text(random)).filter(|text| !text.is_empty()),
            errno: if random.below(2) == 0 { 0 } else { random.word() },
        }),
        7 => Body::Give(flow(random)),
        8 => Body::Take(flow(random)),
        9 | 10 => {
            let (address, socket) = (address(random), random.number());
            Body::Network(Network { call: call(random), address, port, protocol: Protocol::Other(9), socket, outcome })
        }
        11 => {
            let (address, socket) = (address(random), random.number());
            Body::Drop(Drop { address, port, socket, bytes: random.word(), dropped: random.below(2) == 0 })
        }
        15 => Body::Print(Print { bytes: random.number(), outcome }),
        12 => Body::Kill(Kill { errno: random.word() }),
        13 => Body::Lost(Counted { counters: [(text(random), random.number())].into() }),
        _ => {
            let leaks = random.number();
            random.pick(&[Body::Armed, Body::Proved, Body::Unexplained { leaks }])
        }
    };
    let (step, thread) = (random.word(), random.word());
    let actor = Actor { job: random.word(), step, process: process(random), thread, holder: HolderId(random.number()) };
    let kernel = Some(Kernel { bits: random.next(), leak: random.next(), ..Kernel::default() });
    let actor = (random.below(10) > 0).then_some(actor);
    Event { seq: random.number(), time: random.number(), actor, body, kernel }
}
