//! Tools that Debian does not have: from their own registries, through the clients as they are configured here, into a
//! directory below the target directory.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process;
use crate::workspace::Workspace;

const UV: &str = "uv==0.9.11";
/// The newest that runs on Node.js 20.
const RELEASE: &str = "semantic-release@24.2.9";

/// Where they are; its `bin` is a directory of programs.
pub(crate) fn directory(workspace: &Workspace) -> PathBuf {
    workspace.target().join("proof/tools")
}

/// Finds or installs uv.
pub(crate) fn uv(workspace: &Workspace) -> Result<()> {
    let tools = directory(workspace);
    let uv = tools.join("python/bin/uv");
    if uv.exists() {
        println!("found      uv ({})", uv.display());
    } else {
        println!("installing {UV} with pip");
        let mut pip = Command::new("pip3");
        pip.args(["install", "--quiet", "--disable-pip-version-check", "--no-deps", UV, "--target"]);
        process::run(pip.arg(tools.join("python")))?;
    }
    link(&tools, "uv", "../python/bin/uv")
}

/// Finds or installs semantic-release.
pub(crate) fn semantic_release(workspace: &Workspace) -> Result<()> {
    let tools = directory(workspace);
    let release = tools.join("node_modules/.bin/semantic-release");
    if release.exists() {
        println!("found      semantic-release ({})", release.display());
    } else {
        println!("installing {RELEASE} with npm");
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--silent", RELEASE, "--prefix"]).arg(&tools);
        process::run(&mut npm)?;
    }
    link(&tools, "semantic-release", "../node_modules/.bin/semantic-release")
}

/// `bin/NAME` is a link to `to`.
fn link(tools: &Path, name: &str, to: &str) -> Result<()> {
    let bin = tools.join("bin");
    fs::create_dir_all(&bin).with_context(|| format!("cannot create {}", bin.display()))?;
    let link = bin.join(name);
    if fs::symlink_metadata(&link).is_err() {
        symlink(to, &link).with_context(|| format!("cannot link {}", link.display()))?;
    }
    Ok(())
}
