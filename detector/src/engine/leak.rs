//! Leak: what is carried to where it is not accepted.

use super::{
    Action, Destination, Did, Enforced, Engine, Finding, Link, Severity,
    carried::{Cause, Trace, links},
    enforcement::Reach,
    finding::{Key, LEAK},
};
use crate::{
    event::{Actor, Call, Drop, Event, Kernel, Network, Outcome},
    secret::ClassSet,
};
use std::net::SocketAddr;

impl Engine {
    /// A reach for the network: marks the socket, and is a leak when the destination does not accept what both carry.
    pub(super) fn network(&mut self, event: &Event, actor: &Actor, network: &Network) -> Option<Finding> {
        let carried = self.holders.held(actor.holder).union(self.sockets.carried(network.socket).set());
        if carried.is_empty() {
            return None;
        }
        if network.call != Call::Connect {
            self.mark(event, actor, network);
        }
        let to = Destination { address: network.address, port: network.port };
        let Network { call, socket, outcome, .. } = *network;
        self.leak(event, actor, carried, Reach { to, call, socket, outcome })
    }

    /// A packet that egress refused. Where no reach on its socket explains it (a way to send that no hook sees), what
    /// the socket carries is judged by itself.
    pub(super) fn drop(&mut self, event: &Event, actor: &Actor, drop: &Drop) -> Option<Finding> {
        let carried = self.sockets.carried(drop.socket).set();
        let to = Destination { address: drop.address, port: drop.port };
        if self.findings.dropped(actor.process, drop) {
            self.decision = self.spent_at(carried, to);
            return None;
        }
        let outcome = if drop.dropped { Outcome::Quarantined } else { Outcome::Passed };
        self.leak(event, actor, carried, Reach { to, call: Call::Send, socket: drop.socket, outcome })
    }

    fn mark(&mut self, event: &Event, actor: &Actor, network: &Network) {
        let from = self.holders.carried(actor.holder);
        let new = from.set().minus(self.sockets.carried(network.socket).set());
        if !new.is_empty() {
            let to = Destination { address: network.address, port: network.port };
            let cause = Cause::new(self.moment(event, actor), send(network.call, to), from.only(new));
            self.sockets.join(network.socket, new, &cause);
        }
    }

    fn leak(&mut self, event: &Event, actor: &Actor, carried: ClassSet, reach: Reach) -> Option<Finding> {
        self.decision = self.spent_at(carried, reach.to);
        let classes = ClassSet::from_bits(self.decision.leak);
        if classes.is_empty() {
            return None;
        }
        let Actor { job, step, process, .. } = *actor;
        let key = Key { job, step, process, classes, to: reach.to };
        if self.findings.fold(&key, &reach) {
            return None;
        }
        let chain = self.chain(event, actor, classes, &reach);
        let action = self.policy.action(classes);
        let enforced = Some(Enforced { outcome: reach.outcome, killed: self.holders.is_killed(process) });
        let finding = Finding {
            id: String::new(),
            rule: LEAK.to_owned(),
            technique: None,
            severity: severity(action),
            action,
            enforced,
            secret: self.policy.names(classes),
            destination: Some(reach.to),
            job,
            step,
            process: Some(self.processes.name(process)),
            chain,
            count: 1,
            message: String::new(),
        };
        self.findings.leak(key, &reach, finding)
    }

    fn spent_at(&self, carried: ClassSet, to: Destination) -> Kernel {
        let leak = carried.minus(self.policy.accepted(to.address, to.port));
        Kernel { bits: carried.bits(), leak: leak.bits(), ..Kernel::default() }
    }

    /// From where each of `classes` was joined to the reach that leaks them.
    fn chain(&self, event: &Event, actor: &Actor, classes: ClassSet, reach: &Reach) -> Vec<Link> {
        let mut trace = Trace::new();
        let holder = self.holders.carried(actor.holder);
        holder.trace(classes, &mut trace);
        self.sockets.carried(reach.socket).trace(classes.minus(holder.set()), &mut trace);
        let mut chain = links(&trace, &self.policy);
        chain.push(self.moment(event, actor).link(send(reach.call, reach.to), self.policy.names(classes)));
        chain
    }
}

fn send(call: Call, to: Destination) -> Did {
    Did::Send { call, to: SocketAddr::new(to.address, to.port).to_string() }
}

fn severity(action: Action) -> Severity {
    match action {
        Action::Kill => Severity::Critical,
        Action::Deny => Severity::High,
        Action::Alert => Severity::Medium,
        Action::Observe => Severity::Info,
    }
}
