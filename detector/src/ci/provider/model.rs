//! The table of providers.

use super::{azure, bamboo, buildkite, circleci, drone, forgejo, github, gitlab, gocd, jenkins, teamcity, woodpecker};
use crate::ci::{Job, Named, Role, Started};

/// A provider of continuous integration whose agent runs steps as processes of this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provider {
    /// GitHub Actions.
    GitHub,
    /// Azure Pipelines.
    Azure,
    /// GitLab CI.
    GitLab,
    /// Jenkins.
    Jenkins,
    /// Buildkite.
    Buildkite,
    /// CircleCI.
    CircleCi,
    /// Drone.
    Drone,
    /// Woodpecker.
    Woodpecker,
    /// Forgejo Actions and Gitea Actions.
    Forgejo,
    /// TeamCity.
    TeamCity,
    /// Bamboo.
    Bamboo,
    /// GoCD.
    GoCd,
}

/// See [`Provider::workspace`].
type Workspace = for<'a> fn(&'a Begun<'_>) -> Option<&'a [u8]>;

/// How a worker had a step begin.
#[derive(Clone, Copy, Debug)]
pub struct Begun<'a> {
    /// The step's first program.
    pub child: Started<'a>,
    /// The directory that was current at its exec.
    pub workdir: &'a [u8],
    /// The worker's own current directory.
    pub at: &'a [u8],
}

/// What is known of a provider's agent.
pub(in crate::ci) struct Model {
    /// Names of its executables; none where it runs on Java.
    pub leaves: &'static [&'static str],
    /// What a process is.
    pub role: fn(&Started<'_>) -> Option<Role>,
    /// Whether the second can be the parent of a worker, the first.
    pub child_of: fn(&Started<'_>, &Started<'_>) -> bool,
    /// What the command line of a worker's child, as exec left it, says of the job and the step.
    pub named: fn(&Started<'_>) -> Option<Named>,
    /// The directory that is the job's own; none where that is not told by how its steps begin.
    pub workspace: Option<Workspace>,
    /// What the worker's own environment, as exec left it, says of its job.
    pub job: fn(&[u8]) -> Option<Job>,
}

impl Model {
    /// A service of the host that says nothing of its jobs.
    pub(super) const SERVICE: Self =
        Self { leaves: &[], role: |_| None, child_of: |_, _| true, named: |_| None, workspace: None, job: |_| None };
}

/// `path` as far as the first component that `is` says to be the one, given its name and that of the directory above.
pub(super) fn until(path: &[u8], is: impl Fn(&[u8], &[u8]) -> bool) -> Option<&[u8]> {
    let mut above = &b""[..];
    let mut end = 0;
    for name in path.split(|b| *b == b'/') {
        end += name.len();
        if is(above, name) {
            return Some(&path[..end]);
        }
        end += 1;
        above = name;
    }
    None
}

impl Provider {
    /// All of them. GoCD comes before Jenkins: both have an `agent.jar`.
    pub const ALL: [Self; 12] = [
        Self::GitHub,
        Self::Azure,
        Self::GitLab,
        Self::GoCd,
        Self::Jenkins,
        Self::Buildkite,
        Self::CircleCi,
        Self::Drone,
        Self::Woodpecker,
        Self::Forgejo,
        Self::TeamCity,
        Self::Bamboo,
    ];

    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::GitHub => "GitHub Actions",
            Self::Azure => "Azure Pipelines",
            Self::GitLab => "GitLab CI",
            Self::Jenkins => "Jenkins",
            Self::Buildkite => "Buildkite",
            Self::CircleCi => "CircleCI",
            Self::Drone => "Drone",
            Self::Woodpecker => "Woodpecker",
            Self::Forgejo => "Forgejo Actions",
            Self::TeamCity => "TeamCity",
            Self::Bamboo => "Bamboo",
            Self::GoCd => "GoCD",
        }
    }

    /// What the command line that the worker gave to `child`, a direct child, says of its job and step.
    ///
    /// It must be the command line of the child's first exec: the worker wrote that one, the step all later ones.
    pub fn named(self, child: &Started<'_>) -> Option<Named> {
        (self.model().named)(child)
    }

    /// The directory that is the job's own: jobs that one worker has at once are told apart by it. None where they are not.
    ///
    /// The first command line comes before the directory, where it has one: an agent that writes it itself does not follow links.
    pub fn workspace<'a>(self, begun: &'a Begun<'_>) -> Option<&'a [u8]> {
        self.model().workspace?(begun)
    }

    /// Whether jobs that a worker has at once are told apart by that.
    pub fn has_workspaces(self) -> bool {
        self.model().workspace.is_some()
    }

    /// What `environment`, the *worker's* (`NAME=VALUE`, each ended by NUL, as its exec left it), says of its job.
    /// Where this is not `None`, the agent made it for this one job before a step ran. Never to be asked with a step's.
    pub fn job(self, environment: &[u8]) -> Option<Job> {
        (self.model().job)(environment)
    }

    pub(in crate::ci) fn model(self) -> &'static Model {
        match self {
            Self::GitHub => &github::MODEL,
            Self::Azure => &azure::MODEL,
            Self::GitLab => &gitlab::MODEL,
            Self::Jenkins => &jenkins::MODEL,
            Self::Buildkite => &buildkite::MODEL,
            Self::CircleCi => &circleci::MODEL,
            Self::Drone => &drone::MODEL,
            Self::Woodpecker => &woodpecker::MODEL,
            Self::Forgejo => &forgejo::MODEL,
            Self::TeamCity => &teamcity::MODEL,
            Self::Bamboo => &bamboo::MODEL,
            Self::GoCd => &gocd::MODEL,
        }
    }
}
