//! Leak: what is carried to where it is not accepted.

use super::{
    Action, Destination, Did, Enforced, Engine, Finding, Link, Severity, Strength,
    carried::{Cause, Trace, links},
    enforcement::Reach,
    finding::{Key, Leak, Target},
};
use crate::{
    event::{Actor, Call, Drop, Event, JobId, Kernel, Network, Outcome, Process, Question},
    policy::{Matched, Rule},
    secret::ClassSet,
};
use detector_common::{
    dns,
    judge::{Judged, Sets, Spending, judge},
};
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

impl Engine {
    /// A reach for the network: marks the socket, and is a leak when the destination does not accept what both carry.
    pub(super) fn network(&mut self, event: &Event, actor: &Actor, network: &Network) -> Vec<Finding> {
        let sets = self.holders.sets(actor.holder);
        let socket = self.sockets.carried(network.socket).sets().strong();
        if sets.all() | socket == 0 {
            return Vec::new();
        }
        let image = self.processes.image(actor.process);
        let nowhere = Spending {
            accepted: 0,
            accepted_for_reader: 0,
            socket,
            hook: image.hook,
            release: image.releases(),
            forge: self.roles.forge.bits(),
            registry: self.roles.registry.bits(),
        };
        let to = self.destination(actor.job, network.address, network.port);
        // A send on a socket that is not connected: the datagram is judged where its address is seen.
        let unconnected = network.call == Call::Send && network.address.is_unspecified();
        let unbound = judge(&sets, &nowhere);
        let accepted_for_reader = self.accepted_for(actor.job, image.spender(), to.address, to.port).bits();
        let accepted = self.accepted(actor.job, to.address, to.port).bits();
        let spending = Spending { accepted, accepted_for_reader, ..nowhere };
        let judged = match network.call {
            Call::Packet => unbound,
            _ if unconnected => Judged { leak: 0, weak: 0, ..unbound },
            _ => judge(&sets, &spending),
        };
        let mark = match network.call {
            Call::Connect | Call::Ask | Call::Packet => 0,
            Call::Send => judged.mark,
            // The kernel side marks as the call begins, when the address is not known yet.
            Call::SendTo => unbound.mark,
        };
        self.mark(event, actor, network, ClassSet::from_bits(mark));
        self.decision = Kernel { bits: judged.carried, leak: judged.leak, weak: judged.weak, ..Kernel::default() };
        let Network { call, socket: cookie, outcome, .. } = *network;
        let reach = Reach { to, call, socket: cookie, outcome };
        let strong = sets.strong() | socket;
        let classes = [(judged.leak, Leak::Held), (judged.weak & strong, alert(&sets, &spending))];
        let mut found = Vec::new();
        for (classes, leak) in classes {
            found.extend(self.leak(event, actor, ClassSet::from_bits(classes), leak, &reach));
        }
        found.extend(self.inherited(event, actor, ClassSet::from_bits(judged.weak & !strong), &reach));
        found
    }

    /// A question to a name server, or to a service of the host: a send to the name that it asks for. What a declared reader read
    /// itself it does not spell.
    pub(super) fn question(&mut self, event: &Event, actor: &Actor, question: &Question) -> Vec<Finding> {
        let mut sets = self.holders.sets(actor.holder);
        let carried = self.sockets.carried(question.socket).sets().strong();
        let socket = carried & !(sets.own & !sets.held);
        sets.own = 0;
        let strong = sets.strong() | socket;
        if let Some(service) = question.service {
            self.observed.asked(service);
            self.decision = Kernel { bits: sets.strong(), ..Kernel::default() };
        }
        if strong == 0 {
            return Vec::new();
        }
        let image = self.processes.image(actor.process);
        let (anyone, own) = self.policy.host(&question.name).over_all_ports();
        let spending = Spending {
            accepted: anyone.bits(),
            accepted_for_reader: own.bits(),
            socket,
            hook: image.hook,
            release: image.releases(),
            forge: self.roles.forge.bits(),
            registry: self.roles.registry.bits(),
        };
        let judged = judge(&sets, &spending);
        let weak = judged.weak & strong;
        let Question { server, service, socket: cookie, outcome, .. } = *question;
        // Of what a service is asked for, the kernel side knows no name.
        if service.is_none() {
            self.decision = Kernel { bits: judged.carried, leak: judged.leak, weak, ..Kernel::default() };
        }
        let name = if question.name.is_empty() { None } else { Some(Arc::from(question.name.as_str())) };
        let server = server.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let to = Destination { name, service, ..Destination::new(server, dns::PORT) };
        let reach = Reach { to, call: Call::Ask, socket: cookie, outcome };
        let classes = [(judged.leak, Leak::Held), (weak, alert(&sets, &spending))];
        let found = classes.map(|(classes, leak)| self.leak(event, actor, ClassSet::from_bits(classes), leak, &reach));
        found.into_iter().flatten().collect()
    }

    /// The address with the name that it was learned by.
    fn destination(&self, job: JobId, address: IpAddr, port: u16) -> Destination {
        let name = self.names.of(job, address).last().cloned();
        Destination { name, ..Destination::new(address, port) }
    }

    /// A packet that egress refused. Where no reach on its socket explains it (a way to send that no hook sees), what
    /// the socket carries is judged by itself.
    pub(super) fn drop(&mut self, event: &Event, actor: &Actor, drop: &Drop) -> Vec<Finding> {
        let carried = ClassSet::from_bits(self.sockets.carried(drop.socket).sets().strong());
        let to = self.destination(actor.job, drop.address, drop.port);
        let leak = carried.minus(self.accepted(actor.job, to.address, to.port));
        self.decision = Kernel { bits: carried.bits(), leak: leak.bits(), ..Kernel::default() };
        if self.findings.dropped(actor.process, drop) {
            return Vec::new();
        }
        let outcome = if drop.dropped { Outcome::Quarantined } else { Outcome::Passed };
        let reach = Reach { to, call: Call::Send, socket: drop.socket, outcome };
        self.leak(event, actor, leak, Leak::Held, &reach).into_iter().collect()
    }

    fn mark(&mut self, event: &Event, actor: &Actor, network: &Network, mark: ClassSet) {
        let new = mark.minus(self.sockets.carried(network.socket).set(Strength::Held));
        if !new.is_empty() {
            let to = self.destination(actor.job, network.address, network.port);
            let from = self.holders.carried(actor.holder).strongest(new);
            let cause = Cause::new(self.moment(event, actor), send(network.call, &to), Strength::Held, from);
            self.sockets.join(network.socket, new, &cause);
        }
    }

    /// A leak of `classes` that the process, or its socket, has.
    fn leak(&mut self, event: &Event, actor: &Actor, classes: ClassSet, leak: Leak, reach: &Reach) -> Option<Finding> {
        let Actor { job, step, process, .. } = *actor;
        // A release is one act of a step, whichever of its processes sends.
        let whose = if leak == Leak::Pair { Process::default() } else { process };
        let key = Key { job, step, process: whose, classes, to: Target::of(&reach.to), leak };
        if classes.is_empty() || !self.makes_leak(actor, classes, leak.rule(), reach) || self.findings.fold(&key, reach)
        {
            return None;
        }
        let settings = self.policy.rule(leak.rule());
        let policy = self.policy.action(classes);
        let (action, worst) = match leak {
            Leak::Held => (policy, Severity::Critical),
            // Many programs that nobody knows ask for the role of their machine, and spend it at one cloud among others.
            Leak::Sdk if classes.is_subset(self.policy.metadata()) => (policy.min(Action::Alert), Severity::Low),
            Leak::Sdk => (policy.min(Action::Alert), Severity::Medium),
            Leak::Pair => (policy.min(Action::Alert), Severity::Low),
        };
        let enforced = Some(Enforced { outcome: reach.outcome, killed: self.holders.is_killed(process) });
        let finding = Finding {
            severity: settings.severity(severity(action).min(worst)),
            action: settings.action(action),
            enforced,
            ..self.finding(event, actor, classes, leak.rule(), reach)
        };
        self.findings.leak(key, reach, finding)
    }

    /// `classes` were upstream of what reaches for a destination that does not accept them: of each class one finding a
    /// step, however often and wherever to.
    fn inherited(&mut self, event: &Event, actor: &Actor, classes: ClassSet, reach: &Reach) -> Option<Finding> {
        const RULE: Rule = Rule::LeakInherited;
        let alone = classes.iter().map(|class| ClassSet::EMPTY.with(class));
        let made = alone.filter(|class| self.makes_leak(actor, *class, RULE, reach));
        let classes = made.fold(ClassSet::EMPTY, ClassSet::union);
        let new = self.findings.fold_inherited(actor.job, actor.step, classes, reach);
        if new.is_empty() {
            return None;
        }
        let settings = self.policy.rule(RULE);
        let finding = self.finding(event, actor, new, RULE, reach);
        let (severity, action) = (settings.severity(finding.severity), settings.action(finding.action));
        let finding = Finding { severity, action, ..finding };
        self.findings.inherited(new, reach, finding)
    }

    /// Whether a finding of `rule` about `classes` is to be made.
    fn makes_leak(&mut self, actor: &Actor, classes: ClassSet, rule: Rule, reach: &Reach) -> bool {
        let program = Arc::clone(self.processes.program(actor.process));
        let names = match reach.call {
            Call::Ask => reach.to.name.as_slice(),
            _ => self.names.of(actor.job, reach.to.address),
        };
        let names = names.to_vec();
        let matched = Matched {
            classes,
            program: &program.path,
            number: self.processes.image(actor.process).spender(),
            // Of each class the chain tells one file, and there may be more.
            paths: &[],
            destination: Some((reach.to.address, reach.to.port)),
            names: &names,
            step: actor.step,
        };
        self.makes(rule, &matched)
    }

    /// A finding of `rule`, as weak as findings of leaks are.
    fn finding(&self, event: &Event, actor: &Actor, classes: ClassSet, rule: Rule, reach: &Reach) -> Finding {
        Finding {
            id: String::new(),
            rule: rule.id().to_owned(),
            technique: None,
            severity: Severity::Low,
            action: Action::Alert,
            enforced: None,
            secret: self.policy.names(classes),
            destination: Some(reach.to.clone()),
            job: actor.job,
            step: actor.step,
            process: Some(self.processes.name(actor.process)),
            chain: self.chain(event, actor, classes, reach),
            count: 1,
            message: String::new(),
        }
    }

    /// From where each of `classes` was joined to the reach that leaks them.
    fn chain(&self, event: &Event, actor: &Actor, classes: ClassSet, reach: &Reach) -> Vec<Link> {
        let mut trace = Trace::new();
        let (holder, socket) = (self.holders.carried(actor.holder), self.sockets.carried(reach.socket));
        let strong = ClassSet::from_bits(holder.sets().strong());
        // What the socket carries is stronger than what was only inherited.
        let by_socket = classes.minus(strong).intersection(socket.set(Strength::Held));
        holder.trace(classes.minus(by_socket), &mut trace);
        socket.trace(by_socket, &mut trace);
        let of_holder = holder.strength(classes.minus(by_socket));
        let strength = if by_socket.is_empty() { of_holder.unwrap_or_default() } else { Strength::Held };
        let mut chain = links(&trace, &self.policy);
        let did = send(reach.call, &reach.to);
        chain.push(self.moment(event, actor).link(did, strength, self.policy.names(classes)));
        chain
    }
}

/// Which of the two that are reported and not refused it is, where it is one: the class of an SDK stands alone.
fn alert(sets: &Sets, spending: &Spending) -> Leak {
    let other = sets.held | sets.own & !spending.accepted_for_reader | spending.socket;
    if other == 0 && sets.soft.is_power_of_two() { Leak::Sdk } else { Leak::Pair }
}

fn send(call: Call, to: &Destination) -> Did {
    // Of a question the name server says nothing.
    let to = to.name.as_ref().filter(|_| call == Call::Ask).map_or_else(|| to.to_string(), |name| name.to_string());
    Did::Send { call, to }
}

fn severity(action: Action) -> Severity {
    match action {
        Action::Kill => Severity::Critical,
        Action::Deny => Severity::High,
        Action::Alert => Severity::Medium,
        Action::Observe => Severity::Info,
    }
}
