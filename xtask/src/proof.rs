//! `proof`: honest builds with real tools and thefts, measured on this machine; writes `docs/proof.md` and JSON.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::workspace::Workspace;
use crate::{apt, build, process, setup, tools};

#[derive(Args)]
pub(crate) struct Options {
    /// Run only these cases, and print the page in place of writing it; may be given again
    #[arg(long, value_name = "CASE")]
    only: Vec<String>,
    /// Another policy for all honest builds, to try it; the page is printed in place of being written
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Where the figures go as JSON [default: docs/proof.json, when the page is written]
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// False when a build is not silent or a theft not stopped.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    setup::build_tools()?;
    setup::demo_tools()?;
    apt::ensure(&packages())?;
    tools::uv(workspace)?;
    tools::semantic_release(workspace)?;
    let tools = tools::directory(workspace);
    let rust = process::read(Command::new("rustc").args(["--print", "sysroot"]))?;
    let built = build::detector(workspace)?;
    let proof = build::proof(workspace, &built.object)?;

    let environment = [
        (build::DETECTOR, built.detector.as_os_str()),
        ("PROOF_TOOLS", tools.as_os_str()),
        ("PROOF_RUST", OsStr::new(rust.trim_end())),
    ];
    let mut command = process::as_root(&proof, &environment)?;
    for case in &options.only {
        command.args(["--only", case]);
    }
    if let Some(policy) = &options.policy {
        command.arg("--policy").arg(policy);
    }
    let docs = workspace.root().join("docs");
    let whole = options.only.is_empty() && options.policy.is_none();
    if whole {
        command.arg("--markdown").arg(docs.join("proof.md"));
    }
    match &options.json {
        Some(file) => command.arg("--json").arg(file),
        None if whole => command.arg("--json").arg(docs.join("proof.json")),
        None => &mut command,
    };
    let shown = process::shown(&command);
    let status = command.status().with_context(|| format!("cannot run `{shown}`"))?;
    if whole {
        println!("written    {}", docs.join("proof.md").display());
    }
    Ok(status.success())
}

/// What the builds run, as Debian has it.
fn packages() -> Vec<apt::Need> {
    let programs = [
        ("git", "git"),
        ("make", "make"),
        ("cc", "gcc"),
        ("node", "nodejs"),
        ("npm", "npm"),
        ("twine", "twine"),
        ("go", "golang-go"),
        ("podman", "podman"),
        ("buildah", "buildah"),
        ("skopeo", "skopeo"),
        ("aws", "awscli"),
        ("kubectl", "kubernetes-client"),
        ("gpg", "gpg"),
        ("gpg-agent", "gpg-agent"),
        ("ssh", "openssh-client"),
        ("sshd", "openssh-server"),
    ];
    let modules = [("setuptools", "python3-setuptools"), ("wheel", "python3-wheel"), ("ensurepip", "python3-venv")];
    let wheels = [("setuptools", "python3-setuptools-whl"), ("wheel", "python3-wheel-whl")];
    let need = |found: fn(&str) -> Option<String>| {
        move |(name, package): (&str, &str)| apt::Need { name: name.into(), package: package.into(), found }
    };
    let programs = programs.into_iter().map(need(system_program));
    let modules = modules.into_iter().map(need(python_module));
    programs.chain(modules).chain(wheels.into_iter().map(need(wheel))).collect()
}

/// A program where the builds look for it: they have the PATH of a plain system.
fn system_program(name: &str) -> Option<String> {
    let places = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"];
    let found = places.iter().map(|place| Path::new(place).join(name)).find(|path| process::is_executable(path));
    found.map(|path| path.display().to_string())
}

/// A module of the system's Python.
fn python_module(name: &str) -> Option<String> {
    let script = format!("import {name}; print({name}.__file__)");
    process::read(Command::new("/usr/bin/python3").args(["-c", &script])).ok().map(|path| path.trim_end().to_owned())
}

/// A distribution that the builds' own index can hand out.
fn wheel(name: &str) -> Option<String> {
    let entries = fs::read_dir("/usr/share/python-wheels").ok()?;
    let mut names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.find(|file| file.starts_with(&format!("{name}-")))
}
