//! `detector policy`.

use super::{
    arguments::{CheckArguments, PolicyVerb, ShowArguments},
    console,
    exit::Failure,
};
use crate::policy::{Checked, SCHEMA};
use std::process::ExitCode;

/// Carries it out.
pub(super) fn policy(verb: &PolicyVerb) -> Result<ExitCode, Failure> {
    match verb {
        PolicyVerb::Check(arguments) => check(arguments),
        PolicyVerb::Show(arguments) => show(arguments),
        PolicyVerb::Schema => console::stdout(SCHEMA).map(|()| ExitCode::SUCCESS),
    }
}

/// Every file is checked; the first that is bad decides the exit code.
fn check(arguments: &CheckArguments) -> Result<ExitCode, Failure> {
    let mut failure: Option<Failure> = None;
    for path in &arguments.files {
        match Checked::load(path) {
            Ok(checked) => {
                for warning in &checked.warnings {
                    console::stderr(&format!("{}\n", checked.shown(warning)))?;
                }
                console::stdout(&format!("{}\n", good(&checked)))?;
            }
            Err(bad) => {
                let bad = bad.into();
                console::error(&bad);
                failure = failure.or(Some(bad));
            }
        }
    }
    Ok(failure.map_or(ExitCode::SUCCESS, |failure| failure.code()))
}

fn good(checked: &Checked) -> String {
    let document = checked.policy.document();
    let counts = [
        (document.classes.len(), "class", "classes"),
        (document.destinations.len(), "destination", "destinations"),
        (document.programs.len(), "program", "programs"),
        (document.rules.len(), "rule changed", "rules changed"),
        (document.exceptions.len(), "exception", "exceptions"),
        (checked.warnings.len(), "warning", "warnings"),
    ];
    let counts = counts.map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }));
    format!("{}: good: {}", checked.name, counts.join(", "))
}

fn show(arguments: &ShowArguments) -> Result<ExitCode, Failure> {
    let checked = match &arguments.file {
        Some(path) => Checked::load(path)?,
        None => Checked::builtin()?,
    };
    let format = arguments.format.into();
    let text = if arguments.resolved { checked.resolved(format) } else { checked.written(format) };
    console::stdout(&text).map(|()| ExitCode::SUCCESS)
}
