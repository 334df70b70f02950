//! `detector catalogue`.

use super::{
    arguments::{CatalogueArguments, Format},
    console,
    exit::Failure,
};
use crate::{policy::Policy, report};
use std::process::ExitCode;

/// Carries it out.
pub(super) fn catalogue(arguments: &CatalogueArguments) -> Result<ExitCode, Failure> {
    let policy = match &arguments.policy {
        Some(path) => Policy::load(path)?,
        None => Policy::builtin(),
    };
    let class = arguments.class.as_deref().map(|name| policy.class(name)).transpose()?;
    let text = match (arguments.format, class) {
        (Format::Json, _) => report::catalogue_json(&policy, class),
        (Format::Text, None) => report::catalogue_text(&policy),
        (Format::Text, Some(class)) => report::class_text(&policy, class),
    };
    console::stdout(&text)?;
    Ok(ExitCode::SUCCESS)
}
