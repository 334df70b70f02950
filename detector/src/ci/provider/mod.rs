//! The providers, a file each: how the worker is known, how jobs are told apart, and what the worker's own view says.

mod azure;
mod bamboo;
mod buildkite;
mod circleci;
mod dotnet;
mod drone;
mod forgejo;
mod github;
mod gitlab;
mod gocd;
mod java;
mod jenkins;
mod model;
mod teamcity;
mod woodpecker;

pub(super) use java::JAVA;
pub use model::{Begun, Provider};
