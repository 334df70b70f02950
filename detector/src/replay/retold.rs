//! What a recording says in the terms of the policy it was made with, in the terms of another.

use crate::{
    engine::Engine,
    event::{Body, Event, Exec, STRENGTHS},
    policy::Policy,
    recording::Header,
};

/// Retells events to an engine that goes by another policy than the recording, or by facts that it does not have.
pub(super) struct Retold {
    policy: Policy,
    /// For each program of the recorded policy its number in this one, 0 where that does not know it.
    numbers: Vec<u16>,
    /// Goes by the recorded policy, where there is one and it was recorded what an exec shows: knows when it was looked for.
    recorded: Option<Engine>,
}

impl Retold {
    /// Of the recording that starts with `header`, by `policy`.
    pub(super) fn new(header: &Header, policy: &Policy) -> Self {
        let number = |name: &str| policy.programs().iter().find(|program| program.name == name);
        let document = &header.policy.document;
        let numbers = document.programs.iter().map(|it| number(&it.name).map_or(0, |program| program.value.number));
        let recorded = Policy::from_document(document.clone()).ok().filter(|_| header.schema >= STRENGTHS);
        Self {
            policy: policy.clone(),
            numbers: numbers.collect(),
            recorded: recorded.map(|policy| Engine::new(policy, header.mode, header.started.boottime)),
        }
    }

    /// Changes `event` into what the kernel side would have said by this policy, as far as can be told: coarser where it cannot.
    pub(super) fn retell(&mut self, event: &mut Event) {
        let looked_for = match (&event.body, &mut self.recorded) {
            (Body::Exec(exec), Some(recorded)) => recorded.sets(exec.before).strong() != 0,
            _ => false,
        };
        if let Some(recorded) = &mut self.recorded {
            let _ = recorded.apply(event);
        }
        match &mut event.body {
            Body::Exec(exec) => {
                exec.fresh |= !looked_for;
                exec.program = self.number(exec.program);
                exec.script = self.number(exec.script);
                exec.line = self.line(exec);
            }
            Body::Script(script) => script.program = self.number(script.program),
            _ => {}
        }
    }

    fn number(&self, recorded: u16) -> u16 {
        usize::from(recorded).checked_sub(1).and_then(|n| self.numbers.get(n)).copied().unwrap_or(0)
    }

    /// The arguments are redacted: a line may be taken for one that is not known, which is the stricter way.
    fn line(&self, exec: &Exec) -> u16 {
        let (program, skip) = if exec.script == 0 { (exec.program, 1) } else { (exec.script, exec.skip as usize) };
        match exec.argv.get(skip..) {
            Some(arguments) if exec.argv_cut == 0 && program != 0 => self.policy.line(program, arguments),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::{HolderId, SCHEMA, Script},
        policy::ProgramDocument,
        recording::{POLICY, events, header},
    };
    use detector_common::command::line::QUIET;

    fn programs(names: &[&str]) -> Policy {
        let mut policy = Policy::parse(POLICY, "test").unwrap();
        names.iter().for_each(|name| _ = policy.declare(name, 0, &[]));
        policy
    }

    /// A header whose policy declares these programs.
    fn recorded(names: &[&str], schema: u32) -> Header {
        let mut header = header();
        header.schema = schema;
        let program = |name: &&str| ProgramDocument { name: (*name).to_owned(), ..ProgramDocument::default() };
        header.policy.document.programs = names.iter().map(program).collect();
        // Of programs that are not there any more.
        header.policy.document.classes.iter_mut().for_each(|class| class.readers.clear());
        header.policy.document.destinations.retain(|row| row.readers.is_empty());
        header
    }

    fn told(retold: &mut Retold, body: Body) -> Body {
        let mut event = Event { body, ..events().swap_remove(6) };
        retold.retell(&mut event);
        event.body
    }

    fn exec(exec: Exec) -> Body {
        Body::Exec(Exec { before: HolderId(1), ..exec })
    }

    #[test]
    fn programs_keep_their_names_and_not_their_numbers() {
        let declared = programs(&["first", "second"]);
        let mut retold = Retold::new(&recorded(&["second", "gone", "first"], SCHEMA), &declared);
        for (was, is) in [(0, 0), (1, 2), (2, 0), (3, 1), (4, 0), (u16::MAX, 0)] {
            let Body::Exec(exec) = told(&mut retold, exec(Exec { program: was, script: was, ..Exec::default() }))
            else {
                unreachable!()
            };
            assert_eq!((exec.program, exec.script), (is, is));
            let Body::Script(script) = told(&mut retold, Body::Script(Script { program: was })) else { unreachable!() };
            assert_eq!(script.program, is);
        }
    }

    #[test]
    fn a_line_is_not_taken_over() {
        let mut retold = Retold::new(&recorded(&["second"], SCHEMA), &programs(&["second"]));
        let quiet = Exec { program: 1, line: QUIET, argv: vec!["second".into(), "unknown".into()], ..Exec::default() };
        let Body::Exec(exec) = told(&mut retold, exec(quiet)) else { unreachable!() };
        assert_eq!(exec.line, 0);
    }

    #[test]
    fn what_was_not_looked_for_may_have_come_along() {
        let fresh = |schema, holds: bool| {
            let mut retold = Retold::new(&recorded(&[], schema), &programs(&[]));
            let read = events().into_iter().find(|event| matches!(event.body, Body::Open(_))).unwrap();
            let holder = read.actor.unwrap().holder;
            if holds {
                retold.retell(&mut read.clone());
            }
            let exec = Body::Exec(Exec { before: holder, ..Exec::default() });
            matches!(told(&mut retold, exec), Body::Exec(Exec { fresh: true, .. }))
        };
        assert!(fresh(SCHEMA, false), "nothing was held by the recorded policy");
        assert!(!fresh(SCHEMA, true), "it was looked for, and not found");
        assert!(fresh(1, true), "nobody looked then");
    }
}
