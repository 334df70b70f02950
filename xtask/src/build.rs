//! `build`: the eBPF object, then the detector with the object inside.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::ebpf::Sensor;
use crate::workspace::Workspace;
use crate::{ebpf, process, setup};

/// detector/build.rs embeds the object at this path.
pub(crate) const OBJECT: &str = "DETECTOR_EBPF_OBJECT";
/// Where live tests and the demo find the detector.
pub(crate) const DETECTOR: &str = "DETECTOR_BIN";
/// The guest runs a static binary.
pub(crate) const GUEST_TARGET: &str = "x86_64-unknown-linux-musl";

#[derive(Args)]
pub(crate) struct Options {
    /// Let the sensor write its log, for debugging it
    #[arg(long)]
    kernel_log: bool,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    setup::build_tools()?;
    let built = with_sensor(workspace, if options.kernel_log { Sensor::Logging } else { Sensor::Silent })?;
    println!("built      {}", built.detector.display());
    Ok(())
}

/// The two files of a build.
pub(crate) struct Built {
    pub(crate) object: PathBuf,
    pub(crate) detector: PathBuf,
}

/// Builds the object and target/release/detector.
pub(crate) fn detector(workspace: &Workspace) -> Result<Built> {
    with_sensor(workspace, Sensor::Silent)
}

fn with_sensor(workspace: &Workspace, sensor: Sensor) -> Result<Built> {
    let object = ebpf::build(workspace, sensor)?;
    let mut command = release(workspace, &object, "detector", &["detector"]);
    if let Sensor::Logging = sensor {
        command.args(["--features", "kernel-log"]);
    }
    process::run(&mut command)?;
    Ok(Built { object, detector: workspace.target().join("release/detector") })
}

/// Builds the demo, and the agent whose secrets it steals, for this machine.
pub(crate) fn demo(workspace: &Workspace, object: &Path) -> Result<PathBuf> {
    process::run(&mut release(workspace, object, "detector-tests", &["demo", "agent"]))?;
    Ok(workspace.target().join("release/demo"))
}

/// Builds the bench of costs, and the agent that its scene has, for this machine.
pub(crate) fn cost(workspace: &Workspace, object: &Path) -> Result<PathBuf> {
    process::run(&mut release(workspace, object, "detector-tests", &["cost", "agent"]))?;
    Ok(workspace.target().join("release/cost"))
}

/// Builds the proof, and the agent whose secrets its thefts steal, for this machine. Not a release: there a panic of the
/// harness in one case would end all.
pub(crate) fn proof(workspace: &Workspace, object: &Path) -> Result<PathBuf> {
    let mut command = workspace.cargo("build");
    command.args(["-p", "detector-tests", "--bin", "proof", "--bin", "agent"]).env(OBJECT, object);
    process::run(&mut command)?;
    Ok(workspace.target().join("debug/proof"))
}

/// Builds what measures the evasions, and the agent that its scenes have, for this machine.
pub(crate) fn evasions(workspace: &Workspace, object: &Path) -> Result<PathBuf> {
    process::run(&mut release(workspace, object, "detector-tests", &["evasions", "agent"]))?;
    Ok(workspace.target().join("release/evasions"))
}

/// Builds the static binary that runs in the guests.
pub(crate) fn guest(workspace: &Workspace, object: &Path) -> Result<PathBuf> {
    process::run(release(workspace, object, "detector-tests", &["guest"]).args(["--target", GUEST_TARGET]))?;
    Ok(workspace.target().join(GUEST_TARGET).join("release/guest"))
}

fn release(workspace: &Workspace, object: &Path, package: &str, binaries: &[&str]) -> Command {
    let mut command = workspace.cargo("build");
    command.args(["--release", "-p", package]).env(OBJECT, object);
    for binary in binaries {
        command.args(["--bin", binary]);
    }
    command
}
