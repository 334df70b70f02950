//! A recording, read whole and asked.

use anyhow::{Context as _, bail};
use detector::{
    engine::{Conclusion, Engine},
    event::{Access, Actor, Body, Event, Exec, Exit, Kernel, Open, Process},
    policy::Policy,
    recording::{Footer, Header, Reader, Writer},
    replay,
};
use std::{collections::BTreeSet, path::Path};

/// A recording that was ended in order.
pub struct Recording {
    /// First line.
    pub header: Header,
    /// The events.
    pub events: Vec<Event>,
    /// Last line.
    pub footer: Footer,
}

impl Recording {
    /// Reads the one at `path`.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let mut reader = Reader::open(path)?;
        let events = (&mut reader).collect::<Result<_, _>>()?;
        let footer = reader.footer().cloned().context("the recording has no footer")?;
        Ok(Self { header: reader.into_header(), events, footer })
    }

    /// Who recorded: the detector itself, which forked the command.
    pub fn sensor(&self) -> Option<Process> {
        self.forks().find(|(actor, _)| actor.step == 0).map(|(actor, _)| actor.process)
    }

    /// Every fork: who, and the child.
    pub fn forks(&self) -> impl Iterator<Item = (&Actor, Process)> {
        self.acts(|body| if let Body::Fork(fork) = body { Some(fork.child) } else { None })
    }

    /// Every exec.
    pub fn execs(&self) -> impl Iterator<Item = (&Actor, &Exec)> {
        self.acts(|body| if let Body::Exec(exec) = body { Some(exec) } else { None })
    }

    /// Of every exec the declared program that the file is, by its name; empty for one that nobody declared.
    pub fn programs(&self) -> Vec<&str> {
        let declared = &self.header.policy.document.programs;
        let of = |number: u16| usize::from(number).checked_sub(1).and_then(|at| declared.get(at));
        self.execs().map(|(_, exec)| of(exec.program).map_or("", |program| &program.name)).collect()
    }

    /// Every end of a process.
    pub fn exits(&self) -> impl Iterator<Item = (&Actor, Exit)> {
        self.acts(|body| if let Body::Exit(exit) = body { Some(*exit) } else { None })
    }

    /// Every open that was told of.
    pub fn opens(&self) -> impl Iterator<Item = (&Event, &Open)> {
        self.events.iter().filter_map(|event| match &event.body {
            Body::Open(open) => Some((event, open)),
            _ => None,
        })
    }

    /// Every way taken into another process.
    pub fn accesses(&self) -> impl Iterator<Item = (&Actor, &Access)> {
        self.acts(|body| if let Body::Access(access) = body { Some(access) } else { None })
    }

    /// The events of some kinds, with who acts.
    pub fn acts<'a, T: 'a>(
        &'a self,
        kind: impl Fn(&'a Body) -> Option<T> + 'a,
    ) -> impl Iterator<Item = (&'a Actor, T)> {
        self.events.iter().filter_map(move |event| Some((event.actor.as_ref()?, kind(&event.body)?)))
    }

    /// The processes that ran `program` (the last component of its path) with exactly these arguments. Of a path among
    /// them only the last component is compared: those before it may be redacted.
    pub fn ran(&self, program: &str, arguments: &[&str]) -> BTreeSet<Process> {
        let leaf = |text: &str| text.rsplit('/').next().unwrap_or(text).to_owned();
        let wanted: Vec<String> = arguments.iter().map(|a| leaf(a)).collect();
        let same = |exec: &Exec| {
            leaf(&exec.path) == program && exec.argv.iter().skip(1).map(|a| leaf(a)).eq(wanted.iter().cloned())
        };
        self.execs().filter(|(_, exec)| same(exec)).map(|(actor, _)| actor.process).collect()
    }

    /// `ancestors` and all that descend from them.
    pub fn lineage(&self, ancestors: &BTreeSet<Process>) -> BTreeSet<Process> {
        let mut lineage = ancestors.clone();
        // In order: who forks was forked before.
        for (actor, child) in self.forks() {
            if lineage.contains(&actor.process) {
                lineage.insert(child);
            }
        }
        lineage
    }

    /// Processes that the sensor says it killed.
    pub fn killed(&self) -> BTreeSet<Process> {
        self.acts(|body| if let Body::Kill(kill) = body { (kill.errno == 0).then_some(()) } else { None })
            .map(|(actor, ())| actor.process)
            .collect()
    }

    /// Processes that a signal ended.
    pub fn ended_by(&self, signal: u8) -> BTreeSet<Process> {
        self.exits().filter(|(_, exit)| exit.signal == signal).map(|(actor, _)| actor.process).collect()
    }

    /// What the kernel side decided on each event, beside what the engine makes of the events alone.
    pub fn decisions(&self) -> anyhow::Result<impl Iterator<Item = (&Event, Kernel, Kernel)>> {
        let policy = Policy::from_document(self.header.policy.document.clone())?;
        let mut engine = Engine::new(policy, self.header.mode, self.header.started.boottime);
        Ok(self.events.iter().map(move |event| {
            engine.apply(&Event { kernel: None, ..event.clone() });
            (event, event.kernel.unwrap_or_default(), engine.decision())
        }))
    }

    /// The kernel side's decision is the engine's, event by event. Of a drop, the kernel side tells the leak only.
    pub fn decided_alike(&self) -> anyhow::Result<()> {
        for (event, kernel, mut engine) in self.decisions()? {
            if matches!(event.body, Body::Drop(_)) {
                engine.bits = engine.leak;
            }
            if kernel != engine {
                bail!("the kernel side decided {kernel:x?}, the engine {engine:x?}: {event:?}");
            }
        }
        Ok(())
    }

    /// What replay concludes when event `seq` was taken out: leaving the gap, or with the gap closed, as a forger would
    /// or as if the sensor had never seen it.
    pub fn judged_without(&self, seq: u64, close: bool) -> anyhow::Result<Conclusion> {
        let mut events: Vec<Event> = self.events.iter().filter(|event| event.seq != seq).cloned().collect();
        if close {
            (1..).zip(&mut events).for_each(|(n, event)| event.seq = n);
        }
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        writer.header(&self.header)?;
        events.iter().try_for_each(|event| writer.event(event))?;
        writer.footer(&Footer { events: events.len() as u64, ..self.footer.clone() })?;
        drop(writer);
        Ok(replay::judge(Reader::new(bytes.as_slice())?, None)?.0)
    }
}
