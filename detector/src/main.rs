//! The `detector` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    detector::cli::main(std::env::args_os())
}
