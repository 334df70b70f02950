//! The compiler of the eBPF object: a stable one with the sources of `core`, allowed unstable options for that one child.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::workspace::{Workspace, cargo, cargo_home};
use crate::{apt, linker, process};

/// The target that the kernel of a little-endian machine loads.
pub(crate) const TARGET: &str = "bpfel-unknown-none";
const PACKAGE: &str = "detector-ebpf";
/// Debian's own compiler, for machines where rustup cannot bring the sources.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];

/// A compiler that can build `core` for [`TARGET`].
#[derive(Debug)]
pub(crate) struct Compiler {
    /// `None`: the toolchain in use.
    rustc: Option<PathBuf>,
    sysroot: PathBuf,
    release: String,
    /// Major version of the LLVM inside; the linker's must be the same.
    pub(crate) llvm: u32,
}

impl Compiler {
    /// The toolchain in use if it has the sources of `core`, else Debian's.
    pub(crate) fn find() -> Result<Self> {
        Self::present().context("no compiler with the sources of `core`: run `cargo xtask setup`")
    }

    fn present() -> Option<Self> {
        [None, Some(PathBuf::from(DEBIAN_RUSTC))].into_iter().find_map(|rustc| {
            let compiler = Self::ask(rustc).ok()?;
            compiler.is_able().then_some(compiler)
        })
    }

    /// Finds or installs the compiler, and says which.
    pub(crate) fn ensure() -> Result<Self> {
        if let Some(compiler) = Self::present() {
            println!("found      {compiler}");
            return Ok(compiler);
        }
        if let Err(error) = process::run(Command::new("rustup").args(["component", "add", "rust-src"])) {
            println!("warning    no rust-src from rustup ({error:#}): trying Debian's compiler");
            apt::install(&DEBIAN_PACKAGES)?;
        }
        let compiler = Self::present()
            .context("still no compiler with the sources of `core`: run `rustup component add rust-src`")?;
        println!("installed  {compiler}");
        Ok(compiler)
    }

    fn ask(rustc: Option<PathBuf>) -> Result<Self> {
        let program = rustc.clone().unwrap_or_else(|| "rustc".into());
        let version = process::read(Command::new(&program).arg("-vV"))?;
        let sysroot = process::read(Command::new(&program).args(["--print", "sysroot"]))?;
        let (release, llvm) = parse_version(&version).context("cannot read the output of `rustc -vV`")?;
        Ok(Self { rustc, sysroot: sysroot.trim_end().into(), release, llvm })
    }

    fn sources(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib/src/rust/library")
    }

    fn is_able(&self) -> bool {
        // A distribution's own compiler may be older than what this workspace is written in.
        let minor = |text: &str| text.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
        minor(&self.release) >= minor(env!("CARGO_PKG_RUST_VERSION"))
            && self.sources().join("core/src/lib.rs").is_file()
    }

    /// Whether it is the toolchain that runs clippy, too.
    pub(crate) fn is_toolchain(&self) -> bool {
        self.rustc.is_none()
    }

    /// `cargo SUBCOMMAND` on the eBPF crate, with the flags that make an object of it.
    pub(crate) fn cargo(&self, workspace: &Workspace, subcommand: &str) -> Result<Command> {
        let linker = linker::find(self.llvm).context("no bpf-linker: run `cargo xtask setup`")?;
        let mut command = Command::new(cargo());
        command
            .current_dir(workspace.root().join(PACKAGE))
            .arg(subcommand)
            .args(["--release", "-Z", "build-std=core", "--target", TARGET])
            .arg("--target-dir")
            .arg(target_directory(workspace))
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_ENCODED_RUSTFLAGS", self.flags(workspace, &linker)?);
        // A wrapper or another compiler of the environment is meant for the host.
        for name in ["RUSTC", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET"] {
            command.env_remove(name);
        }
        if let Some(rustc) = &self.rustc {
            command.env("RUSTC", rustc);
        }
        Ok(command)
    }

    fn flags(&self, workspace: &Workspace, linker: &Path) -> Result<String> {
        let mut flags = vec![
            "--cfg".into(),
            format!("bpf_target_arch=\"{}\"", env::consts::ARCH),
            "-Cdebuginfo=2".into(),
            "-Clink-arg=--btf".into(),
            format!("-Clinker={}", utf8(linker)?),
        ];
        // BTF keeps source lines: without this the object would name this machine's directories.
        for (from, to) in [(workspace.root(), "."), (&*cargo_home()?, "cargo"), (&*self.sources(), "library")] {
            flags.push(format!("--remap-path-prefix={}={to}", utf8(from)?));
        }
        Ok(flags.join("\x1f"))
    }
}

impl std::fmt::Display for Compiler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rustc, release, llvm, .. } = self;
        let name = if rustc.is_some() { "Debian's rustc" } else { "rustc" };
        write!(f, "{name} {release} with rust-src (LLVM {llvm})")
    }
}

/// Whether the programs write a log, which only their debugging needs.
#[derive(Clone, Copy)]
pub(crate) enum Sensor {
    Silent,
    Logging,
}

/// Builds the object and returns its path.
pub(crate) fn build(workspace: &Workspace, sensor: Sensor) -> Result<PathBuf> {
    let mut command = Compiler::find()?.cargo(workspace, "build")?;
    if let Sensor::Logging = sensor {
        command.args(["--features", "log"]);
    }
    process::run(&mut command)?;
    let object = target_directory(workspace).join(TARGET).join("release").join(PACKAGE);
    ensure!(object.is_file(), "the build left no {}", object.display());
    Ok(object)
}

fn target_directory(workspace: &Workspace) -> PathBuf {
    workspace.target().join("ebpf")
}

fn utf8(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))
}

/// The release and LLVM's major version in the output of `rustc -vV`.
fn parse_version(text: &str) -> Option<(String, u32)> {
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let llvm = value("LLVM version")?.split('.').next()?.parse().ok()?;
    Some((value("release")?.into(), llvm))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_llvm_is_read() {
        let text = "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\nrelease: 1.95.0\nLLVM version: 22.1.2\n";
        assert_eq!(parse_version(text), Some(("1.95.0".into(), 22)));
        assert_eq!(parse_version("rustc 1.95.0\nrelease: 1.95.0\n"), None);
    }
}
