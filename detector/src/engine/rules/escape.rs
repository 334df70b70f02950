//! `escape`, files: what is written there is run outside the job, after it, or as somebody else.

use super::{
    apply::Installing,
    emit::{Direct, who},
};
use crate::{
    engine::{Did, Engine, Finding, Severity},
    event::{Actor, Event, Open},
};

/// Its exec shapes are in `command`.
pub(super) const ESCAPE: &str = "escape";

/// Techniques by what stands in the path, the first that fits; the last for what fits none.
const TECHNIQUES: [(&str, &str); 13] = [
    // Scheduled Task/Job: Cron, At.
    ("/cron", "T1053.003"),
    ("/anacron", "T1053.003"),
    ("/at/", "T1053.002"),
    // Create or Modify System Process: Systemd Service.
    ("/systemd/", "T1543.002"),
    ("/init.d/", "T1543.002"),
    ("/autostart/", "T1547.013"),
    // Hijack Execution Flow: Dynamic Linker Hijacking.
    ("/ld.so.", "T1574.006"),
    // Abuse Elevation Control Mechanism: Sudo and Sudo Caching.
    ("/sudoers", "T1548.003"),
    // Modify Authentication Process: Pluggable Authentication Modules.
    ("/pam.d/", "T1556.003"),
    // Event Triggered Execution: Unix Shell Configuration Modification, Udev Rules.
    ("/profile", "T1546.004"),
    ("/udev/", "T1546.017"),
    ("/authorized_keys", "T1098.004"),
    // Escape to Host: core_pattern, release_agent, uevent_helper.
    ("", ESCAPE_TO_HOST),
];
/// Escape to Host.
pub(super) const ESCAPE_TO_HOST: &str = "T1611";

impl Engine {
    pub(super) fn written(&mut self, event: &Event, actor: &Actor, open: &Open) -> Option<Finding> {
        let kinds = &self.rules.kinds;
        if !open.write || kinds.escape.is_empty() {
            return None;
        }
        let classes = self.policy.classes_opened(&open.path, true).intersection(kinds.escape);
        if classes.is_empty() {
            return None;
        }
        let severity = match self.installs(actor.process) {
            Installing::Itself => return None,
            // Of a class that is written, the declared readers are who writes it.
            _ if classes.is_subset(self.reads(actor.process)) => return None,
            // The scripts of a package, started by its installer.
            Installing::Below => Severity::Low,
            Installing::No if !classes.intersection(kinds.certain).is_empty() => Severity::High,
            Installing::No => Severity::Medium,
        };
        let technique =
            TECHNIQUES.iter().find(|(part, _)| open.path.contains(part)).map_or(ESCAPE_TO_HOST, |(_, id)| id);
        let did = Did::Write { path: open.path.clone() };
        let direct = Direct { classes, ..Direct::new(ESCAPE, technique, severity, did) };
        let path = open.path.clone();
        self.emit(event, actor, direct, |finding| {
            format!("{} wrote {path}, which is run outside the job, after it or as another user", who(finding))
        })
    }
}
