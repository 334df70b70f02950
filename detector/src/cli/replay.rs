//! `detector replay`.

use super::{
    arguments::ReplayArguments,
    console,
    exit::{self, Failure},
    output::{Outputs, Reports},
};
use crate::{policy::Policy, replay};
use std::process::ExitCode;

/// Carries it out.
pub(super) fn replay(arguments: &ReplayArguments) -> Result<ExitCode, Failure> {
    let policy = arguments.policy.as_deref().map(Policy::load).transpose()?;
    let mut reports = Reports::open(&arguments.report, &mut Outputs::default())?;
    let (mut worst, mut failure) = (None, None);
    for recording in &arguments.recordings {
        let (conclusion, _) = match replay::replay(recording, policy.clone()) {
            Ok(judged) => judged,
            Err(error) => {
                failure = tell(failure, error.into());
                continue;
            }
        };
        let title = if arguments.recordings.len() > 1 { format!("{}:\n", recording.display()) } else { String::new() };
        failure = reports.write(&title, &conclusion, console::stdout).into_iter().fold(failure, tell);
        let own = exit::of(conclusion.verdict, arguments.strict);
        // FAIL is worse than INCONCLUSIVE, and the lower number.
        worst = match (worst, own) {
            (Some(a), Some(b)) => Some(u8::min(a, b)),
            (a, b) => a.or(b),
        };
    }
    match failure {
        Some(failure) => Ok(failure.code()),
        None => Ok(worst.map_or(ExitCode::SUCCESS, ExitCode::from)),
    }
}

/// Says what went wrong with one recording, so that the others are judged; the first decides the exit code.
fn tell(first: Option<Failure>, failure: Failure) -> Option<Failure> {
    console::error(&failure);
    first.or(Some(failure))
}
