//! Commands and exit codes. Holds no logic.

mod arguments;
mod catalogue;
mod console;
mod daemon;
mod exit;
mod output;
mod policy;
mod replay;
mod run;

use crate::live::Ask;
use arguments::{Arguments, Verb};
use clap::Parser;
use std::{ffi::OsString, process::ExitCode};

/// Runs the command line `arguments`, the program's name first.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    console::log();
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return exit::usage(&error),
    };
    let result = match arguments.verb {
        Verb::Run(arguments) => run::run(*arguments),
        Verb::Daemon(arguments) => daemon::daemon(&arguments),
        Verb::Status(arguments) => daemon::ask(&arguments, Ask::Status),
        Verb::Flush(arguments) => daemon::ask(&arguments, Ask::Flush),
        Verb::Replay(arguments) => replay::replay(&arguments),
        Verb::Catalogue(arguments) => catalogue::catalogue(&arguments),
        Verb::Policy(arguments) => policy::policy(&arguments.verb),
        Verb::RelayTheRest { mask } => {
            crate::live::relay_the_rest(mask).map(|()| ExitCode::SUCCESS).map_err(exit::Failure::from)
        }
        Verb::ProveInChild { directory, sink } => return crate::live::prove_in_child(&directory, sink),
    };
    result.unwrap_or_else(|failure| {
        console::error(&failure);
        failure.code()
    })
}
