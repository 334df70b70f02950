//! Which files name places, and which class of the builtin policy those are for.

use super::format::Format;

/// One row: files of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File {
    /// As the policy writes paths: behind `~/` and `**/` in any directory, a `*` for one directory or in the last name.
    pub path: &'static str,
    /// How they are written.
    pub format: Format,
    /// The builtin class whose secrets may be spent at the places. Some files are settings beside the class's own.
    pub class: &'static str,
}

const fn file(path: &'static str, format: Format, class: &'static str) -> File {
    File { path, format, class }
}

const FILES: &[File] = &[
    file("~/.netrc", Format::Netrc, "netrc"),
    file("~/_netrc", Format::Netrc, "netrc"),
    // Forges.
    file("**/.git/config", Format::GitConfig, "git"),
    file("**/.git/modules/*/config", Format::GitConfig, "git"),
    file("**/_temp/git-credentials-*.config", Format::GitConfig, "git"),
    file("**/runner_temp/git-credentials-*.config", Format::GitConfig, "git"),
    file("~/.gitconfig", Format::GitConfig, "git"),
    file("~/.config/git/config", Format::GitConfig, "git"),
    file("/etc/gitconfig", Format::GitConfig, "git"),
    file("~/.git-credentials", Format::GitCredentials, "git"),
    file("~/.config/git/credentials", Format::GitCredentials, "git"),
    file("~/.config/gh/hosts.yml", Format::Gh, "gh"),
    file("~/.config/hub", Format::Gh, "forge-other"),
    file("~/.config/glab-cli/config.yml", Format::Glab, "forge-other"),
    file("~/.config/tea/config.yml", Format::Tea, "forge-other"),
    // Registries.
    file("~/.npmrc", Format::Npmrc, "npm"),
    file("**/etc/npmrc", Format::Npmrc, "npm"),
    file("~/.config/pnpm/rc", Format::Npmrc, "npm"),
    file("~/.config/pnpm/auth.ini", Format::Npmrc, "npm"),
    file("~/.yarnrc", Format::Yarnrc, "npm"),
    file("~/.yarnrc.yml", Format::YarnrcYml, "npm"),
    file("~/.pypirc", Format::Pypirc, "pypi"),
    file("~/.pip/pip.conf", Format::Pip, "pypi"),
    file("~/.config/pip/pip.conf", Format::Pip, "pypi"),
    file("/etc/pip.conf", Format::Pip, "pypi"),
    file("~/.config/uv/uv.toml", Format::Uv, "pypi"),
    file("/etc/uv/uv.toml", Format::Uv, "pypi"),
    file("~/.local/share/uv/credentials/credentials.toml", Format::UvCredentials, "pypi"),
    file("~/.config/pypoetry/config.toml", Format::Poetry, "pypi"),
    file("~/.cargo/config.toml", Format::Cargo, "cargo"),
    file("~/.cargo/config", Format::Cargo, "cargo"),
    file("~/.gem/credentials", Format::GemCredentials, "ruby"),
    file("~/.local/share/gem/credentials", Format::GemCredentials, "ruby"),
    file("~/.gemrc", Format::Gemrc, "ruby"),
    file("~/.bundle/config", Format::Bundle, "ruby"),
    file("~/.m2/settings.xml", Format::Maven, "maven"),
    file("**/nuget.config", Format::Nuget, "nuget"),
    file("**/NuGet.config", Format::Nuget, "nuget"),
    file("**/NuGet.Config", Format::Nuget, "nuget"),
    file("~/.composer/auth.json", Format::Composer, "composer"),
    file("~/.config/composer/auth.json", Format::Composer, "composer"),
    file("~/.jfrog/jfrog-cli.conf*", Format::Jfrog, "registry-other"),
    // Containers and clusters.
    file("~/.docker/config.json", Format::Docker, "docker"),
    file("~/.docker/*/config.json", Format::Docker, "docker"),
    file("**/containers/auth.json", Format::Docker, "docker"),
    file("**/containers/*/auth.json", Format::Docker, "docker"),
    file("~/.dockercfg", Format::Dockercfg, "docker"),
    file("~/.config/helm/registry/config.json", Format::Docker, "helm"),
    file("~/.config/helm/repositories.yaml", Format::HelmRepositories, "helm"),
    file("~/.kube/config", Format::Kubeconfig, "kube"),
    file("~/.kube/config.d/*", Format::Kubeconfig, "kube"),
    file("/etc/kubernetes/*.conf", Format::Kubeconfig, "kube"),
    file("/etc/rancher/k3s/k3s.yaml", Format::Kubeconfig, "kube"),
    // Infrastructure.
    file("~/.terraform.d/credentials.tfrc.json", Format::Terraform, "terraform"),
    file("~/.pulumi/credentials.json", Format::Pulumi, "pulumi"),
    file("~/.ssh/config", Format::SshConfig, "ssh"),
    file("/etc/ssh/ssh_config", Format::SshConfig, "ssh"),
    file("~/.ssh/known_hosts", Format::KnownHosts, "ssh"),
    file("/etc/ssh/ssh_known_hosts", Format::KnownHosts, "ssh"),
    file("~/.pgpass", Format::Pgpass, "database"),
];

/// Every row.
pub fn formats() -> &'static [File] {
    FILES
}

/// The format of the file at `path`, and the builtin class that its places are for. A file that was moved by a variable
/// has another name, and is not known here.
pub fn format_of(path: &str) -> Option<(Format, &'static str)> {
    FILES.iter().find(|file| file.is_at(path)).map(|file| (file.format, file.class))
}

impl File {
    /// The class whose secrets are read beside those of the file, where they go to the same places: what clones with a password of
    /// `.netrc` reads the settings that the clone wrote, those of submodules too.
    pub fn beside(&self) -> Option<&'static str> {
        (self.format == Format::Netrc).then_some("git")
    }

    /// Whether a file of this row is at `path`.
    pub fn is_at(&self, path: &str) -> bool {
        let anywhere = self.path.strip_prefix("~/").or_else(|| self.path.strip_prefix("**/"));
        let mut names = path.split('/').rev();
        for wanted in anywhere.unwrap_or(self.path).rsplit('/') {
            let is_wanted = |name: &&str| match wanted.split_once('*') {
                None => *name == wanted,
                Some((start, end)) => {
                    !name.is_empty() && name.strip_prefix(start).is_some_and(|rest| rest.ends_with(end))
                }
            };
            if names.next().filter(is_wanted).is_none() {
                return false;
            }
        }
        // Of `/etc/x` nothing may be left, and of `~/x` the root at least.
        names.next().is_some() == anywhere.is_some() && path.starts_with('/')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_path() {
        for (path, expected) in [
            ("/root/.netrc", Some((Format::Netrc, "netrc"))),
            ("/.netrc", Some((Format::Netrc, "netrc"))),
            ("/home/x/work/a/.git/config", Some((Format::GitConfig, "git"))),
            ("/home/x/work/_temp/git-credentials-1.config", Some((Format::GitConfig, "git"))),
            ("/home/x/.docker/a/config.json", Some((Format::Docker, "docker"))),
            ("/home/x/.config/helm/registry/config.json", Some((Format::Docker, "helm"))),
            ("/etc/kubernetes/admin.conf", Some((Format::Kubeconfig, "kube"))),
            ("/home/x/.jfrog/jfrog-cli.conf.v6", Some((Format::Jfrog, "registry-other"))),
            ("/srv/etc/kubernetes/admin.conf", None),
            ("/etc/kubernetes/pki/admin.conf", None),
            ("/home/x/.netrc.bak", None),
            ("/home/x/.netrc/", None),
            (".netrc", None),
            ("", None),
            ("/", None),
            ("/home/x/.docker/a/b/config.json", None),
        ] {
            assert_eq!(format_of(path), expected, "{path}");
        }
    }

    #[test]
    fn every_row_is_of_a_builtin_class_and_is_found() {
        let policy = crate::policy::Policy::builtin();
        for file in formats() {
            assert!(policy.classes().iter().any(|class| &*class.name == file.class), "{}", file.class);
            let path = file.path.replace("~/", "/home/x/").replace("**/", "/w/").replace('*', "any");
            assert_eq!(format_of(&path), Some((file.format, file.class)), "{path}");
        }
    }
}
