//! `demo`: a theft, seen and stopped, on this machine.

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{build, process, setup};

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    setup::build_tools()?;
    setup::demo_tools()?;
    let built = build::detector(workspace)?;
    let demo = build::demo(workspace, &built.object)?;
    process::run(&mut process::as_root(&demo, &[(build::DETECTOR, built.detector.as_os_str())])?)
}
