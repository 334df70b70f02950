//! `evasions`: every fixture of `tests/evasions`, measured on this machine; writes `docs/evasions.md`.

use anyhow::{Context as _, Result};
use clap::Args;

use crate::workspace::Workspace;
use crate::{build, process, setup};

#[derive(Args)]
pub(crate) struct Options {
    /// Run only this fixture, or those of this file, and write no page; may be given again
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
}

/// False when one did not come to what is expected.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    setup::build_tools()?;
    setup::test_tools()?;
    let built = build::detector(workspace)?;
    let evasions = build::evasions(workspace, &built.object)?;
    let mut command = process::as_root(&evasions, &[(build::DETECTOR, built.detector.as_os_str())])?;
    for name in &options.only {
        command.args(["--only", name]);
    }
    let page = workspace.root().join("docs/evasions.md");
    if options.only.is_empty() {
        command.arg("--markdown").arg(&page);
    }
    let shown = process::shown(&command);
    let status = command.status().with_context(|| format!("cannot run `{shown}`"))?;
    if options.only.is_empty() {
        println!("written    {}", page.display());
    }
    Ok(status.success())
}
