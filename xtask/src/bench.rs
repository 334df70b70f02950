//! `bench`: what something costs on this machine, in figures that anyone can have again.

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::workspace::Workspace;
use crate::{build, process, setup};

#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    of: Of,
}

#[derive(Subcommand)]
enum Of {
    /// Policies of many names and networks, in the kernel and in user space
    Names {
        /// How often each size has its turn
        #[arg(long, value_name = "N", default_value_t = 7)]
        runs: usize,
        /// Rounds of calls in each
        #[arg(long, value_name = "N", default_value_t = 300)]
        rounds: usize,
    },
    /// What a system call pays for being watched, before and after a secret is read
    Calls {
        /// How often all of it is measured
        #[arg(long, value_name = "N", default_value_t = 7)]
        runs: usize,
        /// Rounds of calls of each kind in each
        #[arg(long, value_name = "N", default_value_t = 300)]
        rounds: usize,
    },
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    setup::build_tools()?;
    setup::demo_tools()?;
    let built = build::detector(workspace)?;
    let cost = build::cost(workspace, &built.object)?;
    let (of, page, runs, rounds) = match options.of {
        Of::Names { runs, rounds } => ("names", "docs/cost.md", runs, rounds),
        Of::Calls { runs, rounds } => ("calls", "docs/calls.md", runs, rounds),
    };
    let mut command = process::as_root(&cost, &[(build::DETECTOR, built.detector.as_os_str())])?;
    command.args([of, "--runs", &runs.to_string(), "--rounds", &rounds.to_string()]);
    process::run(command.arg("--markdown").arg(workspace.root().join(page)))
}
