//! `agent-memory`, `agent-environ`, `foreign-environ`, and of `sensor-tamper` the memory: ways into other processes.
//!
//! The agent's memory holds every secret of the job, masked or not. A process's own descendants are its own business
//! (debuggers), another process of the job is the job's.

use super::{
    emit::{Direct, who},
    known::{is_agent, is_sensor},
};
use crate::{
    engine::{Did, Engine, Finding, Severity},
    event::{Access, Actor, Attempt, Door, Event, Process, Relation},
    secret::ClassSet,
};

const AGENT_MEMORY: &str = "agent-memory";
const AGENT_ENVIRON: &str = "agent-environ";
const FOREIGN_ENVIRON: &str = "foreign-environ";
/// Its exec shapes are in `command`.
pub(super) const SENSOR_TAMPER: &str = "sensor-tamper";

/// OS Credential Dumping: Proc Filesystem.
const PROC: &str = "T1003.007";
/// Impair Defenses: Disable or Modify Tools.
pub(super) const IMPAIR: &str = "T1562.001";

/// Environments that one lineage may read before it counts as going through all of them.
const SCANNED: usize = 3;

const EPERM: u32 = 1;
const ESRCH: u32 = 3;
const EACCES: u32 = 13;

impl Engine {
    pub(super) fn accessed(&mut self, event: &Event, actor: &Actor, access: &Access) -> Option<Finding> {
        // Who is gone was not looked at; init's environment is asked for to know a container, and has no secrets.
        if access.errno == ESRCH {
            return None;
        }
        match access.door {
            door if door.is_memory() => self.memory(event, actor, access),
            Door::Environ if access.relation == Relation::Own => self.own_environment(event, actor),
            Door::Environ if access.target.pid != 1 => self.environ(event, actor, access),
            _ => None,
        }
    }

    /// An open of a file of `/proc/<pid>` was refused: nothing tells whose it was but the number.
    pub(super) fn refused(&mut self, event: &Event, actor: &Actor, attempt: &Attempt) -> Option<Finding> {
        if !matches!(attempt.errno, EPERM | EACCES) {
            return None;
        }
        let of_job = |pid: u32| !attempt.nested && self.rules.lineages.has(pid);
        let pid = attempt.target().filter(|pid| *pid != 1 && !of_job(*pid))?;
        let door = match attempt.path.rsplit('/').next() {
            Some("mem") => Door::Mem,
            Some("environ") => Door::Environ,
            _ => return None,
        };
        // A name is only known of a number of our own namespace.
        let relation = if attempt.program.is_some() { Relation::Outside } else { Relation::Unknown };
        let program = attempt.program.clone();
        let target = Process { pid, start: 0 };
        self.accessed(event, actor, &Access { door, target, relation, program, errno: attempt.errno })
    }

    fn memory(&mut self, event: &Event, actor: &Actor, access: &Access) -> Option<Finding> {
        let opened = access.errno == 0;
        let program = access.program.as_deref().unwrap_or_default();
        let severity = match access.relation {
            Relation::Descendant | Relation::Job | Relation::Own => return None,
            _ if opened => Severity::Critical,
            Relation::Outside => Severity::High,
            // Nothing shows that it is outside: a debugger in a container is refused so, too.
            Relation::Unknown => Severity::Medium,
        };
        let (rule, technique) = if is_sensor(program) { (SENSOR_TAMPER, IMPAIR) } else { (AGENT_MEMORY, PROC) };
        let classes = if opened { self.policy.memory() } else { ClassSet::EMPTY };
        let what = match access.relation {
            _ if is_agent(program) => "the CI agent, which holds every secret of the job",
            _ if is_sensor(program) => "the sensor itself",
            Relation::Unknown => "of which nothing shows that it is one of the job",
            _ => "a process outside the job",
        };
        let verb = if opened { "got at the memory of" } else { "tried to get at the memory of" };
        let direct = Direct { classes, ..self.at_door(rule, technique, severity, access) };
        let target = self.target(access.target, access.program.as_deref());
        self.emit(event, actor, direct, |finding| format!("{} {verb} {target}, {what}", who(finding)))
    }

    fn environ(&mut self, event: &Event, actor: &Actor, access: &Access) -> Option<Finding> {
        let classes = self.policy.environ();
        if !self.reads(actor.process).intersection(classes).is_empty() {
            return None;
        }
        let opened = access.errno == 0;
        let agent = is_agent(access.program.as_deref().unwrap_or_default());
        let (rule, severity) = match (access.relation, opened) {
            (Relation::Descendant | Relation::Own, _) | (Relation::Job, false) => return None,
            (Relation::Job, true) => (FOREIGN_ENVIRON, Severity::Low),
            (_, true) if agent => (AGENT_ENVIRON, Severity::High),
            (_, false) if agent => (AGENT_ENVIRON, Severity::Medium),
            (_, true) => (FOREIGN_ENVIRON, Severity::Medium),
            (_, false) => (FOREIGN_ENVIRON, Severity::Low),
        };
        let classes = if opened { classes } else { ClassSet::EMPTY };
        let root = (actor.job, actor.step, self.root(actor));
        if opened && !agent && self.rules.scanned(root, access.target, SCANNED + 1) > SCANNED {
            let subject = "many".to_owned();
            let direct = self.at_door(rule, PROC, Severity::High, access);
            let direct = Direct { classes, subject, ..direct };
            let message = "went through the environments of other processes, where steps and services keep secrets";
            return self.emit(event, actor, direct, |finding| format!("{} {message}", who(finding)));
        }
        // One a program: of several targets, the last is named.
        let subject = String::new();
        let direct = Direct { classes, subject, ..self.at_door(rule, PROC, severity, access) };
        let target = self.target(access.target, access.program.as_deref());
        let what = if agent { "the CI agent" } else { "not its own child" };
        let verb = if opened { "read" } else { "tried to read" };
        self.emit(event, actor, direct, |finding| {
            format!("{} {verb} the environment of {target}, {what}", who(finding))
        })
    }

    fn at_door(&self, rule: &'static str, technique: &'static str, severity: Severity, access: &Access) -> Direct {
        let target = self.target(access.target, access.program.as_deref());
        let did = Did::Access { door: super::super::flow::door(access.door).to_owned(), target };
        let name = access.program.as_deref().unwrap_or_else(|| self.processes.program(access.target).name());
        let subject = if name.is_empty() { "another process".to_owned() } else { name.to_owned() };
        Direct { subject, ..Direct::new(rule, technique, severity, did) }
    }
}
