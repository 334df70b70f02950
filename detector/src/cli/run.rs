//! `detector run`.

use super::{
    arguments::RunArguments,
    console,
    exit::{self, Failure},
    output::{self, Outputs, Reports},
};
use crate::{
    engine::{Mode, Verdict},
    kernel::LayoutSource,
    live::{self, Command, Options, User},
    policy::Policy,
};
use std::process::ExitCode;

/// Carries it out.
pub(super) fn run(arguments: RunArguments) -> Result<ExitCode, Failure> {
    let policy = match &arguments.policy {
        Some(path) => Policy::load(path)?,
        None => Policy::builtin(),
    };
    let mode = arguments.mode.map(Mode::from).or(policy.mode()).unwrap_or(Mode::Audit);
    let mut outputs = Outputs::default();
    let mut reports = Reports::open(&arguments.report, &mut outputs)?;
    let record = arguments.record.as_deref().map(|path| outputs.create(path)).transpose()?;
    let mut verdict = match arguments.verdict {
        Some(path) => Some((outputs.create(&path)?, path)),
        None => None,
    };
    let options = Options {
        command: Command { argv: arguments.command, user: User::choose(arguments.user.as_deref())? },
        policy,
        mode,
        layout: LayoutSource::new(arguments.btf.as_deref()),
        record,
        daemon: arguments.socket,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Runtime)?;
    let ended = runtime.block_on(live::run(options, console::finding))?;
    let mut failures = reports.write("", &ended.conclusion, console::stderr);
    if let Some((file, path)) = &mut verdict {
        failures.extend(output::write(path, file, word(ended.conclusion.verdict)).err());
    }
    // Said, and no more: the command has run, and its status or the verdict's is what the caller goes by.
    failures.iter().for_each(console::error);
    let own = if mode == Mode::Enforce { exit::of(ended.conclusion.verdict, arguments.strict) } else { None };
    Ok(ExitCode::from(own.unwrap_or(ended.code)))
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS\n",
        Verdict::Fail => "FAIL\n",
        Verdict::Inconclusive => "INCONCLUSIVE\n",
    }
}
