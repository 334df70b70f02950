//! Set-up, build, demo and tests of this workspace: `cargo xtask --help`.
#![expect(clippy::print_stdout, reason = "what these commands say is their output")]

mod apt;
mod bench;
mod build;
mod debian;
mod demo;
mod ebpf;
mod evasions;
mod fuzz;
mod house;
mod initramfs;
mod kernels;
mod linker;
mod lint;
mod process;
mod proof;
mod qemu;
mod setup;
mod tally;
mod test;
mod tools;
mod workspace;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Set-up, build, demo and tests of this workspace.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Find or install what the build and the tests need.
    Setup,
    /// Build the sensor and target/release/detector.
    Build(build::Options),
    /// Build, then show a theft being seen and stopped (needs root).
    Demo,
    /// Run unit tests, fuzz targets, live tests (need root) and the kernel matrix.
    Test(test::Options),
    /// Run honest builds with real tools and thefts, and write docs/proof.md (needs root).
    Proof(proof::Options),
    /// Run every known way past such tools, and write docs/evasions.md (needs root).
    Evasions(evasions::Options),
    /// Measure what something costs on this machine, and write docs/cost.md or docs/calls.md (needs root).
    Bench(bench::Options),
    /// Run every parser of untrusted bytes on inputs that nobody wrote, for longer than the tests do.
    Fuzz(fuzz::Options),
    /// Check formatting, clippy and the house rules.
    Lint,
    /// Boot Debian's kernels in QEMU and run the guest checks in each.
    Kernels(kernels::Options),
}

fn main() -> ExitCode {
    match run(&Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Nothing is left to do when standard error is closed.
            let _ = writeln!(std::io::stderr(), "xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// False when the command ran and found something wrong.
fn run(command: &Command) -> Result<bool> {
    let workspace = Workspace::locate()?;
    match command {
        Command::Setup => setup::run().map(|()| true),
        Command::Build(options) => build::run(&workspace, options).map(|()| true),
        Command::Demo => demo::run(&workspace).map(|()| true),
        Command::Test(options) => test::run(&workspace, options),
        Command::Proof(options) => proof::run(&workspace, options),
        Command::Evasions(options) => evasions::run(&workspace, options),
        Command::Bench(options) => bench::run(&workspace, options).map(|()| true),
        Command::Fuzz(options) => fuzz::run(&workspace, options),
        Command::Lint => lint::run(&workspace),
        Command::Kernels(options) => kernels::run(&workspace, options),
    }
}
