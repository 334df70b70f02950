//! The formats, and the one way in.

use super::{
    bundle, cargo, composer, docker, gem, gh, git_config, git_credentials, glab, helm, jfrog, known_hosts, kubeconfig,
    maven, netrc, npmrc, nuget, pgpass, pip,
    place::{Kept, Places},
    poetry, pulumi, ssh_config, tea, terraform, uv, yarnrc,
};

/// Bytes of a file. Of a longer one nothing is said: its end may change what its start means.
const BYTES: usize = 1 << 20;

/// A format of credential files, or of the settings beside them, that name places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Settings of Bundler (bundle-config(1)).
    Bundle,
    /// Settings of cargo (The Cargo Book, "Configuration"): its credentials name registries, and these say where they are.
    Cargo,
    /// Logins of Composer (its `auth.json`).
    Composer,
    /// Logins to container registries (Docker's `config.json`, containers-auth.json(5), Helm's registries).
    Docker,
    /// The same before Docker 1.7: hosts at the top.
    Dockercfg,
    /// Keys of RubyGems (its guides, "Command Reference", `gem push`).
    GemCredentials,
    /// Settings of RubyGems.
    Gemrc,
    /// Logins of GitHub CLI and of hub, by host.
    Gh,
    /// Settings of git (git-config(1)).
    GitConfig,
    /// Logins of git (git-credential-store(1)).
    GitCredentials,
    /// Settings of the GitLab CLI.
    Glab,
    /// Helm's repositories of charts.
    HelmRepositories,
    /// Servers of the JFrog CLI.
    Jfrog,
    /// Hosts whose keys ssh knows (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").
    KnownHosts,
    /// Clusters of kubectl.
    Kubeconfig,
    /// Settings of Maven ("Settings Reference").
    Maven,
    /// Logins by machine (netrc(5)).
    Netrc,
    /// Settings of npm and pnpm (npmrc(5)).
    Npmrc,
    /// Settings of NuGet ("nuget.config reference").
    Nuget,
    /// Passwords of PostgreSQL (its manual, "The Password File").
    Pgpass,
    /// Settings of pip ("Configuration").
    Pip,
    /// Settings of Poetry: its `auth.toml` names repositories, and these say where they are.
    Poetry,
    /// Logins of Pulumi.
    Pulumi,
    /// Indexes of Python to upload to (Python Packaging User Guide, "The .pypirc file").
    Pypirc,
    /// Settings of ssh (ssh_config(5)).
    SshConfig,
    /// Logins of the Gitea CLI.
    Tea,
    /// Logins of Terraform ("CLI configuration", `credentials.tfrc.json`).
    Terraform,
    /// Settings of uv ("Settings").
    Uv,
    /// Logins of uv.
    UvCredentials,
    /// Settings of Yarn 1.
    Yarnrc,
    /// Settings of Yarn from 2 on.
    YarnrcYml,
}

/// The places that `bytes`, a file of this format, names, each once: at most 64. What is malformed names what was
/// certain before it, or nothing. A file that is not UTF-8, has a NUL or more than 1 MiB (TOML: 256 KiB) names nothing.
pub fn places(format: Format, bytes: &[u8]) -> Vec<Kept> {
    let mut places = Places::default();
    if let Some(text) = text(bytes) {
        reader(format)(text, &mut places);
    }
    places.into_vec()
}

/// Readers disagree about a NUL and about what is no UTF-8.
fn text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= BYTES && !text.contains('\0'))?;
    Some(text.strip_prefix('\u{feff}').unwrap_or(text))
}

fn reader(format: Format) -> fn(&str, &mut Places) {
    match format {
        Format::Bundle => bundle::read,
        Format::Cargo => cargo::read,
        Format::Composer => composer::read,
        Format::Docker => docker::read,
        Format::Dockercfg => docker::read_old,
        Format::GemCredentials => gem::read_credentials,
        Format::Gemrc => gem::read_settings,
        Format::Gh => gh::read,
        Format::GitConfig => git_config::read,
        Format::GitCredentials => git_credentials::read,
        Format::Glab => glab::read,
        Format::HelmRepositories => helm::read,
        Format::Jfrog => jfrog::read,
        Format::KnownHosts => known_hosts::read,
        Format::Kubeconfig => kubeconfig::read,
        Format::Maven => maven::read,
        Format::Netrc => netrc::read,
        Format::Npmrc => npmrc::read,
        Format::Nuget => nuget::read,
        Format::Pgpass => pgpass::read,
        Format::Pip => pip::read,
        Format::Poetry => poetry::read,
        Format::Pulumi => pulumi::read,
        Format::Pypirc => pip::read_uploads,
        Format::SshConfig => ssh_config::read,
        Format::Tea => tea::read,
        Format::Terraform => terraform::read,
        Format::Uv => uv::read,
        Format::UvCredentials => uv::read_credentials,
        Format::Yarnrc => yarnrc::read,
        Format::YarnrcYml => yarnrc::read_yml,
    }
}
