//! The policy that jobs to come are under, and those that still run jobs.

use super::{
    super::{
        LiveError, kept,
        programs::{Places, Programs},
        resolvers, services,
    },
    agents,
    config::Config,
};
use crate::{
    engine::Mode,
    kernel::Sensor,
    policy::{BadPolicy, Policy, Tables},
};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// Workspaces of a runner that are told apart.
const WORKSPACES: usize = 8;

/// A policy as the kernel has it.
pub(super) struct Applied {
    /// Its id there.
    pub(super) id: u32,
    /// What it says.
    pub(super) policy: Policy,
    /// Rows for the kernel.
    pub(super) tables: Tables,
    /// How it is carried out.
    pub(super) mode: Mode,
}

/// Why a policy cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoPolicy {
    #[error(transparent)]
    Bad(#[from] BadPolicy),
    #[error(transparent)]
    Live(#[from] LiveError),
}

/// Reads the policy that `config` names and makes it the host's own: under `id`, with the places that credential files of the home
/// name now.
pub(super) fn load(config: &Config, id: u32) -> Result<Applied, BadPolicy> {
    let policy = config.policy.as_deref().map_or_else(|| Ok(Policy::builtin()), Policy::load)?;
    let mode = config.mode.or(policy.mode()).unwrap_or(Mode::Audit);
    let home = config.home.as_deref().and_then(|home| home.canonicalize().ok());
    let policy = policy.for_job(&environment(home.as_deref())).with_resolvers(&resolvers::configured());
    let uid = home.as_deref().and_then(|home| fs::metadata(home).ok()).map_or(0, |metadata| metadata.uid());
    let places = kept::Places { home: home.as_deref(), workspace: None, uid };
    let policy = policy.with_kept(&kept::found(&places));
    let listed = resolvers::listed();
    let policy = policy.with_hosts(&listed).with_search(&resolvers::searched()).with_local(&services::look(&listed));
    let tables = policy.tables(id);
    Ok(Applied { id, policy, tables, mode })
}

impl Applied {
    /// Writes it into the kernel's tables.
    pub(super) fn write(&self, sensor: &mut Sensor, home: Option<&Path>) -> Result<(), LiveError> {
        sensor.add_policy(self.id, &self.tables)?;
        let uid = home.and_then(|home| fs::metadata(home).ok()).map_or(0, |metadata| metadata.uid());
        let variable = |name: &str| match name {
            "HOME" => home.map(OsString::from),
            name => std::env::var_os(name),
        };
        Ok(Programs::search(self.policy.programs(), &Places::new(uid, variable)).register(sensor, self.id)?)
    }
}

/// What is known of where files of jobs are, before any begins: the home, and the directories of the runners that are here.
fn environment(home: Option<&Path>) -> BTreeMap<String, String> {
    let (mut temporary, mut workspaces) = (Vec::new(), Vec::new());
    for root in agents::roots() {
        let work = root.join("_work");
        temporary.push(work.join("_temp"));
        workspaces.extend(checkouts(&work));
    }
    let list = |paths: Vec<PathBuf>| {
        let texts = paths.iter().filter_map(|path| path.to_str().filter(|text| !text.contains(':')));
        texts.collect::<Vec<_>>().join(":")
    };
    let home = home.map(|home| list(vec![home.to_owned()]));
    let known = [("HOME", home), ("RUNNER_TEMP", Some(list(temporary))), ("GITHUB_WORKSPACE", Some(list(workspaces)))];
    known
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value.filter(|value| !value.is_empty())?)))
        .collect()
}

/// The workspaces of a runner (`_work/REPOSITORY/REPOSITORY`), those used last first.
fn checkouts(work: &Path) -> Vec<PathBuf> {
    let directories = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let hidden = |path: &PathBuf| path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('_'));
    let mut found: Vec<_> = directories(work)
        .filter(|path| !hidden(path))
        .flat_map(|path| directories(&path))
        .filter_map(|path| {
            Some((fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_dir)?.modified().ok()?, path))
        })
        .collect();
    found.sort();
    found.into_iter().rev().take(WORKSPACES).map(|(_, path)| path).collect()
}
