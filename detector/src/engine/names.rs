//! Names of addresses, as name servers answered processes of the job.

use super::Engine;
use crate::{
    event::{Actor, JobId, Kept, Kernel, Name},
    policy::{Host, SelfKept},
    secret::ClassSet,
};
use rustc_hash::FxHashMap;
use std::{net::IpAddr, sync::Arc};

/// Addresses of which only a name for reports is kept.
const UNKNOWN: usize = 65_536;
/// Names of one address that are told apart; the kernel's tables bound what they accept.
const NAMES: usize = 8;

/// What is known of addresses, by job.
#[derive(Debug, Default)]
pub(super) struct Names {
    addresses: FxHashMap<(JobId, IpAddr), Known>,
}

/// What is known of an address.
#[derive(Debug, Default)]
struct Known {
    /// What its names accept.
    host: Host,
    /// Its names, in the order in which they were learned.
    names: Vec<Arc<str>>,
}

impl Names {
    fn learn(&mut self, job: JobId, address: IpAddr, name: &Arc<str>, host: &Host) {
        let full = self.addresses.len() >= UNKNOWN;
        let known = match self.addresses.get_mut(&(job, address)) {
            Some(known) => known,
            None if full && host.is_unknown() => return,
            None => self.addresses.entry((job, address)).or_default(),
        };
        known.host.join(host);
        if known.names.len() < NAMES && !known.names.contains(name) {
            known.names.push(Arc::clone(name));
        }
    }

    /// The names of `address`, in the order in which they were learned.
    pub(super) fn of(&self, job: JobId, address: IpAddr) -> &[Arc<str>] {
        self.addresses.get(&(job, address)).map_or(&[], |known| &known.names)
    }

    fn host(&self, job: JobId, address: IpAddr) -> Option<&Host> {
        self.addresses.get(&(job, address)).map(|known| &known.host)
    }
}

impl Engine {
    /// From now on the addresses are those of the name.
    pub(super) fn name(&mut self, actor: &Actor, name: &Name) {
        let host = self.policy.host(&name.name);
        let (anyone, own) = host.over_all_ports();
        self.decision = Kernel { bits: anyone.bits(), own: own.bits(), ..Kernel::default() };
        let text: Arc<str> = Arc::from(name.name.as_str());
        for address in &name.addresses {
            self.names.learn(actor.job, *address, &text, &host);
        }
    }

    /// From now on what the file is of may be spent at the place that it names.
    pub(super) fn keep(&mut self, kept: &Kept) {
        let Kept { job, class, host, port, file, addresses } = kept.clone();
        let text: Arc<str> = Arc::from(host.as_str());
        self.policy.keep(&SelfKept { class, host, port, file });
        let host = self.policy.host(&text);
        for address in addresses {
            self.names.learn(job, address, &text, &host);
        }
    }

    /// What anyone may spend at `address` and `port`, by address or by a name that it has.
    pub(super) fn accepted(&self, job: JobId, address: IpAddr, port: u16) -> ClassSet {
        let named = self.names.host(job, address).map(|host| host.accepted(port));
        self.policy.accepted(address, port).union(named.unwrap_or_default())
    }

    /// What the declared program `number` (0 for none) may spend there, beyond that, of what it read itself.
    pub(super) fn accepted_for(&self, job: JobId, number: u16, address: IpAddr, port: u16) -> ClassSet {
        let named = self.names.host(job, address).map(|host| host.accepted_for(number, port));
        self.policy.accepted_for(number, address, port).union(named.unwrap_or_default())
    }
}
