//! `detector replay`.

use super::{
    arguments::ReplayArguments,
    console,
    exit::{self, Failure},
    output::Reports,
};
use crate::{policy::Policy, replay};
use std::process::ExitCode;

/// Carries it out.
pub(super) fn replay(arguments: &ReplayArguments) -> Result<ExitCode, Failure> {
    let policy = arguments.policy.as_deref().map(Policy::load).transpose()?;
    let mut reports = Reports::open(&arguments.report)?;
    let mut worst = None;
    for recording in &arguments.recordings {
        let (conclusion, _) = replay::replay(recording, policy.clone())?;
        reports.write(&conclusion, console::stdout)?;
        let own = exit::of(conclusion.verdict, arguments.strict);
        // FAIL is worse than INCONCLUSIVE, and the lower number.
        worst = match (worst, own) {
            (Some(a), Some(b)) => Some(u8::min(a, b)),
            (a, b) => a.or(b),
        };
    }
    Ok(worst.map_or(ExitCode::SUCCESS, ExitCode::from))
}
