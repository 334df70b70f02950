//! What the rules keep, and what they know of the policy's classes.

use super::{emit::Said, lineage::Lineages, sweep::Sweeps};
use crate::{
    engine::Action,
    event::{JobId, Process, StepId},
    policy::{Access, Policy, Sureness},
    secret::{ClassId, ClassSet},
};
use rustc_hash::{FxHashMap, FxHashSet};

/// Lineages whose reads of environments are counted each by itself.
const SCANNERS: usize = 4_096;

/// State of the direct findings. It grows with the processes that live, and with what was found, up to a bound each.
#[derive(Debug)]
pub(in crate::engine) struct Rules {
    pub(super) kinds: Kinds,
    pub(super) lineages: Lineages,
    pub(super) sweeps: Sweeps,
    pub(super) said: Said,
    /// Whose environments a lineage has read: a few are enough to know that it goes through all.
    pub(super) environs: FxHashMap<(JobId, StepId, Process), FxHashSet<Process>>,
    /// Nothing is said: for tests of what is beside the rules.
    #[cfg(test)]
    pub(super) off: bool,
}

impl Rules {
    /// The rules under `policy`, which have seen nothing.
    pub(in crate::engine) fn new(policy: &Policy) -> Self {
        Self {
            kinds: Kinds::new(policy),
            lineages: Lineages::default(),
            sweeps: Sweeps::default(),
            said: Said::default(),
            environs: FxHashMap::default(),
            #[cfg(test)]
            off: false,
        }
    }

    /// Says nothing from now on.
    #[cfg(test)]
    pub(in crate::engine) fn off(&mut self) {
        self.off = true;
    }

    /// The lineage whose root is `root` read the environment of `target`: how many it has read by now, up to `enough`.
    pub(super) fn scanned(&mut self, root: (JobId, StepId, Process), target: Process, enough: usize) -> usize {
        if self.environs.len() >= SCANNERS && !self.environs.contains_key(&root) {
            return 0;
        }
        let targets = self.environs.entry(root).or_default();
        if targets.len() < enough {
            targets.insert(target);
        }
        targets.len()
    }
}

/// The classes of a policy, by what they are to a rule.
#[derive(Debug, Default)]
pub(super) struct Kinds {
    /// Touched by nobody.
    pub(super) decoy: ClassSet,
    /// Written by installers only.
    pub(super) escape: ClassSet,
    /// About opens for writing: no credentials.
    pub(super) written: ClassSet,
    /// Likely or certain to be a secret, and worth more than a note.
    pub(super) strong: ClassSet,
    /// Of these, those whose leak kills.
    pub(super) grave: ClassSet,
    /// Certain to be what they are about.
    pub(super) certain: ClassSet,
    /// Private keys.
    pub(super) keys: ClassSet,
    /// Of each class by its bit, the first class of its group.
    groups: Vec<(ClassId, ClassId)>,
}

impl Kinds {
    fn new(policy: &Policy) -> Self {
        let those = |are: &dyn Fn(&crate::policy::Class) -> bool| {
            policy.classes().iter().filter(|class| are(class)).map(|class| class.id).collect::<ClassSet>()
        };
        let observed = policy.observed();
        let strong = those(&|class| class.sureness != Sureness::Weak && !observed.contains(class.id));
        let first = |group: &str| policy.classes().iter().find(|class| class.group == group).map(|class| class.id);
        Self {
            decoy: those(&|class| class.group == "decoy" || class.name == "decoy"),
            escape: those(&|class| class.group == "escape"),
            written: those(&|class| class.access == Access::Write),
            strong,
            grave: those(&|class| class.action == Action::Kill && class.sureness == Sureness::Certain),
            certain: those(&|class| class.sureness == Sureness::Certain),
            keys: those(&|class| matches!(class.group.as_str(), "ssh" | "gpg" | "tls" | "signing" | "keys")),
            groups: policy.classes().iter().filter_map(|class| Some((class.id, first(&class.group)?))).collect(),
        }
    }

    /// The groups of `classes`, each as its first class.
    pub(super) fn groups(&self, classes: ClassSet) -> ClassSet {
        self.groups.iter().filter(|(class, _)| classes.contains(*class)).map(|(_, group)| *group).collect()
    }
}
