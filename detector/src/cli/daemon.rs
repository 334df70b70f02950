//! `detector daemon`, `detector status`, `detector flush`.

use super::{
    arguments::{ControlArguments, DaemonArguments},
    console,
    exit::Failure,
};
use crate::{
    kernel::LayoutSource,
    live::{self, Ask, Config, LiveError},
};
use std::process::ExitCode;

/// Carries out `daemon`.
pub(super) fn daemon(arguments: &DaemonArguments) -> Result<ExitCode, Failure> {
    let config = match &arguments.config {
        Some(path) => Config::load(path).map_err(LiveError::from)?,
        None => Config::default(),
    };
    let layout = LayoutSource::new(arguments.btf.as_deref());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Runtime)?;
    runtime.block_on(live::daemon(config, layout, console::finding))?;
    Ok(ExitCode::SUCCESS)
}

/// Carries out what asks the daemon something.
pub(super) fn ask(arguments: &ControlArguments, ask: Ask) -> Result<ExitCode, Failure> {
    let reply = live::ask(&arguments.socket, ask)
        .map_err(|source| Failure::NoDaemon { path: arguments.socket.clone(), source })?;
    console::stdout(&reply)?;
    Ok(ExitCode::SUCCESS)
}
