//! Holders and the processes that are one.

use super::carried::{Carried, Cause};
use crate::{
    event::{HolderId, Process},
    secret::ClassSet,
};
use detector_common::judge::Sets;
use rustc_hash::FxHashMap;
use std::sync::Arc;

static NOTHING: Carried = Carried::NONE;

/// The holders that live. One goes with the last process that is part of it.
#[derive(Debug, Default)]
pub(super) struct Holders {
    holders: FxHashMap<HolderId, Holder>,
    members: FxHashMap<Process, Member>,
}

#[derive(Debug, Default)]
struct Holder {
    members: usize,
    carried: Carried,
}

#[derive(Debug)]
struct Member {
    holder: HolderId,
    killed: bool,
}

impl Holders {
    /// What `holder` holds.
    pub(super) fn carried(&self, holder: HolderId) -> &Carried {
        self.holders.get(&holder).map_or(&NOTHING, |holder| &holder.carried)
    }

    /// The classes `holder` holds.
    pub(super) fn sets(&self, holder: HolderId) -> Sets {
        self.carried(holder).sets()
    }

    /// The holder that `process` is part of; the worker's, which holds nothing, where that is not known.
    pub(super) fn of(&self, process: Process) -> HolderId {
        self.members.get(&process).map_or(HolderId(0), |member| member.holder)
    }

    /// `holder` joins `classes`.
    pub(super) fn join(&mut self, holder: HolderId, classes: ClassSet, cause: &Arc<Cause>) {
        self.holders.entry(holder).or_default().carried.join(classes, cause);
    }

    /// `process` is part of `holder` from now on, and of no other.
    pub(super) fn enter(&mut self, process: Process, holder: HolderId) {
        // In before out: what it leaves may be what it enters.
        self.holders.entry(holder).or_default().members += 1;
        let killed = self.members.get(&process).is_some_and(|member| member.killed);
        self.leave(process);
        self.members.insert(process, Member { holder, killed });
    }

    /// `process` acts as part of `holder`. False when it was known as part of another, whose classes then come
    /// along: an exec that was not seen must not wash them off.
    pub(super) fn settle(&mut self, process: Process, holder: HolderId) -> bool {
        let before = match self.members.get(&process) {
            Some(member) if member.holder == holder => return true,
            Some(member) => Some(self.carried(member.holder).clone()),
            None => None,
        };
        self.enter(process, holder);
        if let Some(before) = &before {
            self.holders.entry(holder).or_default().carried.absorb(before);
        }
        before.is_none()
    }

    /// `process` ended.
    pub(super) fn leave(&mut self, process: Process) {
        let Some(Member { holder: id, .. }) = self.members.remove(&process) else { return };
        let Some(holder) = self.holders.get_mut(&id) else { return };
        holder.members = holder.members.saturating_sub(1);
        if holder.members == 0 {
            self.holders.remove(&id);
        }
    }

    /// The sensor killed `process`.
    pub(super) fn kill(&mut self, process: Process) {
        if let Some(member) = self.members.get_mut(&process) {
            member.killed = true;
        }
    }

    /// Whether `process` lives on after the sensor killed it: its other threads may still act.
    pub(super) fn is_killed(&self, process: Process) -> bool {
        self.members.get(&process).is_some_and(|member| member.killed)
    }

    /// Holders that live.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.holders.len()
    }
}
