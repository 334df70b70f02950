//! The policy that jobs to come are under, and those that still run jobs.

use super::{
    super::{
        LiveError, kept, known,
        programs::{Places, Programs},
        resolvers, services,
    },
    agents,
    config::Config,
};
use crate::{
    engine::Mode,
    event::Known,
    kernel::{KernelError, Sensor},
    policy::{BadPolicy, Policy, Tables},
};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    rc::Rc,
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
    /// Files that name places.
    pub(super) before: kept::Before,
    /// Credential files that were there when a job last began under it.
    pub(super) known: RefCell<Vec<Known>>,
}

/// Why a policy cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoPolicy {
    #[error(transparent)]
    Bad(#[from] BadPolicy),
    #[error(transparent)]
    Live(#[from] LiveError),
}

/// The policies that jobs to come are under.
pub(super) struct Policies {
    /// Of all runners that have none of their own.
    usual: Rc<Applied>,
    /// Of runners, by their directory.
    own: Vec<(PathBuf, Rc<Applied>)>,
    /// The last id; none is used twice.
    last: u32,
    /// Ids of those that the kernel side has.
    there: BTreeSet<u32>,
}

impl Policies {
    /// Reads those that `config` names and makes them the host's own, with ids behind `last`.
    pub(super) fn load(config: &Config, last: u32) -> Result<Self, BadPolicy> {
        let usual = Rc::new(applied(config, config.policy.as_deref(), config.home.as_deref(), last + 1)?);
        let mut own = Vec::new();
        for (id, runner) in (last + 2..).zip(&config.runners) {
            let (policy, home) = (runner.policy.as_ref(), runner.home.as_ref());
            let policy = policy.or(config.policy.as_ref()).map(PathBuf::as_path);
            let home = home.or(config.home.as_ref()).map(PathBuf::as_path);
            let at = runner.at.canonicalize().unwrap_or_else(|error| {
                tracing::warn!("no job is under the policy of the runner at {}: {error}", runner.at.display());
                runner.at.clone()
            });
            own.push((at, Rc::new(applied(config, policy, home, id)?)));
        }
        let last = own.last().map_or(last + 1, |(_, applied)| applied.id);
        Ok(Self { usual, own, last, there: BTreeSet::new() })
    }

    /// Writes them into the kernel's tables.
    pub(super) fn write(&mut self, sensor: &mut Sensor) -> Result<(), LiveError> {
        for applied in std::iter::once(&self.usual).chain(self.own.iter().map(|(_, applied)| applied)) {
            // What is there in part goes, too.
            self.there.insert(applied.id);
            applied.write(sensor)?;
        }
        Ok(())
    }

    /// Reads them anew, all or none. The mode stays.
    pub(super) fn reload(&mut self, sensor: &mut Sensor, config: &Config) -> Result<(), NoPolicy> {
        let mode = self.usual.mode;
        let mut read = Self::load(&Config { mode: Some(mode), ..config.clone() }, self.last)?;
        if let Some(wanted) = config.mode.or(read.usual.policy.mode()).filter(|wanted| *wanted != mode) {
            tracing::warn!("the mode stays {mode:?} and is not {wanted:?}: it changes with a new start of the daemon");
        }
        self.last = read.last;
        let written = read.write(sensor);
        self.there.append(&mut read.there);
        written?;
        (self.usual, self.own) = (read.usual, read.own);
        Ok(())
    }

    /// The one of runners that have none of their own.
    pub(super) fn usual(&self) -> &Rc<Applied> {
        &self.usual
    }

    /// The one of the runner at `root`.
    pub(super) fn of(&self, root: Option<&Path>) -> &Rc<Applied> {
        self.own.iter().find(|(at, _)| root == Some(at)).map_or(&self.usual, |(_, applied)| applied)
    }

    /// The kernel side has these, too.
    pub(super) fn note(&mut self, ids: impl Iterator<Item = u32>) {
        self.there.extend(ids);
    }

    /// Takes those away that no job is under, to come or `used`.
    pub(super) fn sweep(&mut self, sensor: &mut Sensor, used: &BTreeSet<u32>) -> Result<(), LiveError> {
        let own = self.own.iter().map(|(_, applied)| applied.id).chain([self.usual.id]).collect::<Vec<_>>();
        for id in self.there.iter().copied().filter(|id| !own.contains(id) && !used.contains(id)).collect::<Vec<_>>() {
            sensor.remove_policy(id)?;
            self.there.remove(&id);
        }
        Ok(())
    }
}

/// The policy in the file `policy`, made the host's own: with the places that credential files of `home` name now.
fn applied(config: &Config, policy: Option<&Path>, home: Option<&Path>, id: u32) -> Result<Applied, BadPolicy> {
    let policy = policy.map_or_else(|| Ok(Policy::builtin()), Policy::load)?;
    let mode = config.mode.or(policy.mode()).unwrap_or(Mode::Audit);
    let home = home.and_then(|home| {
        let found = home.canonicalize();
        found.inspect_err(|error| tracing::warn!("the home {} is not looked into: {error}", home.display())).ok()
    });
    let policy = policy.for_job(&environment(home.as_deref())).with_resolvers(&resolvers::configured());
    let uid = home.as_deref().and_then(|home| fs::metadata(home).ok()).map_or(0, |metadata| metadata.uid());
    let files = kept::Places::new(home, Vec::new(), uid);
    let (kept, read) = kept::found(&files);
    let listed = resolvers::listed();
    let policy = policy.with_kept(&kept).with_hosts(&listed);
    let policy = policy.with_search(&resolvers::searched()).with_local(&services::look(&listed));
    let tables = policy.tables(id);
    // What was in a workspace before a job, one before it left: of these only what the job itself has written counts.
    let places = Rc::new(kept::Places::new(files.home, workspaces(), uid));
    let before = kept::Before { places, read, listed: listed.into() };
    Ok(Applied { id, policy, tables, mode, before, known: RefCell::default() })
}

impl Applied {
    /// What looks after the files of `job`, which is under it.
    pub(super) fn keeper(&self, job: u32) -> kept::Keeper {
        kept::Keeper::new(job, self.id, &self.before)
    }

    /// Tells the kernel side of the credential files that are there now, and of those that are not any more: another file may get the
    /// number of one.
    pub(super) fn know(&self, sensor: &mut Sensor) -> Result<(), KernelError> {
        let kept::Places { home, uid, .. } = &*self.before.places;
        let places = kept::Places::new(home.clone(), workspaces(), *uid);
        let now = known::register(sensor, (self.id, &self.policy), &places)?;
        for before in self.known.replace(now.clone()) {
            if !now.iter().any(|known| known.file == before.file) {
                sensor.forget_known(self.id, before.file)?;
            }
        }
        Ok(())
    }

    /// Writes it into the kernel's tables.
    fn write(&self, sensor: &mut Sensor) -> Result<(), LiveError> {
        sensor.add_policy(self.id, &self.tables)?;
        kept::watch(sensor, self.id, &self.before.places)?;
        self.know(sensor)?;
        let kept::Places { home, uid, .. } = &*self.before.places;
        let variable = |name: &str| match name {
            "HOME" => home.as_ref().map(OsString::from),
            name => std::env::var_os(name),
        };
        Ok(Programs::search(self.policy.programs(), &Places::new(*uid, variable)).register(sensor, self.id)?)
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

/// The workspaces of the runners that are here.
fn workspaces() -> Vec<PathBuf> {
    agents::roots().iter().flat_map(|root| checkouts(&root.join("_work"))).collect()
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
