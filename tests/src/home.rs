//! A scratch home with made-up credentials, each with a canary of its own, and an ordinary workspace beside them.

use crate::canary::{self, Canary};
use anyhow::Context as _;
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// Credential files: the canary's name, the path under the home, the text around the canary.
const CREDENTIALS: [(&str, &str, &str); 10] = [
    ("aws", ".aws/credentials", "[default]\naws_access_key_id = AKIAMADEUPMADEUPMADE\naws_secret_access_key = {}\n"),
    ("npm", ".npmrc", "//packages.example/:_authToken=npm_{}\n"),
    ("pypi", ".pypirc", "[distutils]\nindex-servers = example\n[example]\nusername = __token__\npassword = pypi-{}\n"),
    ("ssh", ".ssh/id_ed25519", "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n"),
    ("docker", ".docker/config.json", "{\"auths\":{\"images.example\":{\"identitytoken\":\"{}\"}}}\n"),
    ("kube", ".kube/config", "apiVersion: v1\nkind: Config\nusers:\n- name: ci\n  user:\n    token: {}\n"),
    ("git-credentials", ".git-credentials", "https://x-access-token:{}@forge.example\n"),
    ("git", "work/project/.git/config", "[http \"https://forge.example/\"]\n\textraheader = AUTHORIZATION: basic {}\n"),
    ("gh", ".config/gh/hosts.yml", "forge.example:\n    user: ci\n    oauth_token: gho_{}\n"),
    ("netrc", ".netrc", "machine forge.example login ci password {}\n"),
];

/// Ordinary files: nothing here is worth stealing.
const ORDINARY: [(&str, &str); 4] = [
    (".ssh/id_ed25519.pub", "ssh-ed25519 made-up ci@example\n"),
    ("work/project/src/main.py", "print('hello')\n"),
    ("work/project/src/lib.py", "ANSWER = 42\n"),
    ("work/project/README.md", "# project\n"),
];

/// The home, its temporary directory and its workspace; removed on drop.
#[derive(Debug)]
pub struct Home {
    root: TempDir,
    canaries: Vec<Canary>,
    payload: Canary,
}

impl Home {
    /// A new one.
    pub fn new() -> anyhow::Result<Self> {
        let root = tempfile::Builder::new().prefix("detector-home-").tempdir()?;
        let (mut canaries, payload) = (Vec::new(), Canary::fresh("payload")?);
        for (name, path, text) in CREDENTIALS {
            let canary = Canary::fresh(name)?;
            write(&root.path().join("home").join(path), &text.replacen("{}", canary.value(), 1), 0o600)?;
            canaries.push(canary);
        }
        for (path, text) in ORDINARY {
            write(&root.path().join("home").join(path), text, 0o644)?;
        }
        fs::create_dir(root.path().join("tmp"))?;
        let home = Self { root, canaries, payload };
        write(&home.artifact(), &format!("an ordinary build artefact: {}\n", home.payload.value()), 0o644)?;
        Ok(home)
    }

    /// `$HOME`.
    pub fn path(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// `$TMPDIR`.
    pub fn tmp(&self) -> PathBuf {
        self.root.path().join("tmp")
    }

    /// The checked-out project.
    pub fn workspace(&self) -> PathBuf {
        self.path().join("work/project")
    }

    /// An ordinary file of the workspace, with [`Self::payload`] in it: what honest work may send.
    pub fn artifact(&self) -> PathBuf {
        self.workspace().join("build/artifact.txt")
    }

    /// The mark in [`Self::artifact`]; no secret.
    pub fn payload(&self) -> &Canary {
        &self.payload
    }

    /// The file that holds the canary of this name.
    ///
    /// # Panics
    /// When no credential has that name.
    #[track_caller]
    pub fn credential(&self, name: &str) -> PathBuf {
        let found = CREDENTIALS.iter().find(|(n, ..)| *n == name);
        self.path().join(found.unwrap_or_else(|| panic!("no credential is named {name:?}")).1)
    }

    /// The canary of this name.
    ///
    /// # Panics
    /// When no credential has that name.
    #[track_caller]
    pub fn canary(&self, name: &str) -> &Canary {
        self.canaries.iter().find(|c| c.name() == name).unwrap_or_else(|| panic!("no credential is named {name:?}"))
    }

    /// All of them.
    pub fn canaries(&self) -> &[Canary] {
        &self.canaries
    }

    /// Panics when any of them left a trace in `bytes`; see [`canary::assert_absent`].
    ///
    /// # Panics
    /// That is its purpose.
    #[track_caller]
    pub fn assert_absent_from(&self, what: &str, bytes: &[u8]) {
        canary::assert_absent(&self.canaries, what, bytes);
    }
}

fn write(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let directory = path.parent().context("a planted file has a directory")?;
    fs::create_dir_all(directory)?;
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(mode))?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn every_credential_has_its_own_canary() {
        let home = Home::new().unwrap();
        for (name, ..) in CREDENTIALS {
            let text = fs::read(home.credential(name)).unwrap();
            assert!(home.canary(name).is_in(&text), "{name}");
            let others: Vec<_> = home.canaries().iter().filter(|c| c.name() != name).cloned().collect();
            canary::assert_absent(&others, name, &text);
        }
        assert!(home.payload().is_in(&fs::read(home.artifact()).unwrap()));
        home.assert_absent_from("the artefact", &fs::read(home.artifact()).unwrap());
    }
}
