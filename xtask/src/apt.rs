//! Debian packages: installed only when something is missing.

use std::ffi::OsStr;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::process;

/// Something that the build or the tests need, and the package that brings it.
pub(crate) struct Need {
    pub(crate) name: String,
    pub(crate) package: String,
    /// Where it was found, if it is there.
    pub(crate) found: fn(&str) -> Option<String>,
}

/// A program looked up in PATH.
pub(crate) fn program(name: &str, package: &str) -> Need {
    Need {
        name: name.into(),
        package: package.into(),
        found: |name| process::find(name).map(|path| path.display().to_string()),
    }
}

/// Finds or installs every need, one line each.
pub(crate) fn ensure(needs: &[Need]) -> Result<()> {
    let mut missing = Vec::new();
    for need in needs {
        match (need.found)(&need.name) {
            Some(place) => println!("found      {} ({place})", need.name),
            None => missing.push(need),
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<_> = missing.iter().map(|need| need.package.as_str()).collect();
    install(&packages)?;
    for need in missing {
        let place = (need.found)(&need.name)
            .with_context(|| format!("package {} is installed, yet {} is not to be found", need.package, need.name))?;
        println!("installed  {} ({place})", need.name);
    }
    Ok(())
}

/// Installs `packages`, after refreshing the package lists.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    if process::find("apt-get").is_none() {
        bail!(
            "missing: {names} (Debian's names): install them with this system's package manager, there is no apt-get here"
        );
    }
    if process::root_prefix()?.is_none() {
        bail!("missing: {names}: run as root: apt-get update && apt-get install --no-install-recommends {names}");
    }
    println!("installing {names}");
    // One broken third-party source fails the update; what we need may be there all the same.
    if let Err(error) = update() {
        println!("warning    {error:#}");
    }
    let mut command = apt_get()?;
    command.args(["-qq", "-y", "--no-install-recommends", "install"]).args(packages);
    process::run(command.stdout(std::process::Stdio::null()))
        .with_context(|| format!("cannot install {names}: run as root: apt-get install {names}"))
}

/// Refreshes the system's package lists.
pub(crate) fn update() -> Result<()> {
    process::run(apt_get()?.args(["-qq", "update"]))
}

fn apt_get() -> Result<std::process::Command> {
    process::as_root(Path::new("apt-get"), &[("DEBIAN_FRONTEND", OsStr::new("noninteractive"))])
}
