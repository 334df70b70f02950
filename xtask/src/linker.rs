//! bpf-linker: found or built against the LLVM of the compiler.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::apt::{self, Need};
use crate::process;
use crate::workspace::{cargo, cargo_home};

const VERSION: &str = "0.13.0";

/// A bpf-linker of [`VERSION`] that runs and does not use another LLVM.
pub(crate) fn find(llvm: u32) -> Option<PathBuf> {
    let installed = cargo_home().ok().map(|home| home.join("bin/bpf-linker"));
    [installed, process::find("bpf-linker")].into_iter().flatten().find(|path| fits(path, llvm))
}

fn fits(path: &Path, llvm: u32) -> bool {
    let version = process::read(Command::new(path).arg("--version"));
    let uses = fs::read(path).ok().and_then(|bytes| linked_llvm(&bytes));
    // One that is linked statically does not tell its LLVM.
    version.is_ok_and(|text| text.split_whitespace().last() == Some(VERSION)) && uses.is_none_or(|major| major == llvm)
}

/// The major version of the shared LLVM that the program needs.
fn linked_llvm(program: &[u8]) -> Option<u32> {
    const NAME: &[u8] = b"libLLVM.so.";
    let start = program.windows(NAME.len()).position(|window| window == NAME)? + NAME.len();
    let digits = program.get(start..)?.iter().take_while(|byte| byte.is_ascii_digit());
    digits.map(|&digit| char::from(digit)).collect::<String>().parse().ok()
}

/// Finds or installs the linker for a compiler with this LLVM, and says which.
pub(crate) fn ensure(llvm: u32) -> Result<()> {
    if let Some(path) = find(llvm) {
        println!("found      bpf-linker {VERSION} ({})", path.display());
        return Ok(());
    }
    // The linker needs LLVM's shared library and its link name; a C compiler is there, since this program was linked.
    let library = Need {
        name: format!("{}/lib/libLLVM.so", prefix(llvm).to_string_lossy()),
        package: format!("llvm-{llvm}-dev"),
        found: |path| Path::new(path).exists().then(|| "LLVM".into()),
    };
    apt::ensure(&[library])?;
    println!("installing bpf-linker {VERSION} (about a minute)");
    let features = format!("llvm-{llvm}");
    let mut command = Command::new(cargo());
    command
        .args(["install", "bpf-linker", "--version", VERSION, "--quiet", "--locked", "--force"])
        .args(["--no-default-features", "--features", &features])
        .env("LLVM_PREFIX", prefix(llvm))
        .env_remove("CARGO_TARGET_DIR");
    process::run(&mut command)?;
    let path = find(llvm).with_context(|| format!("bpf-linker {VERSION} was installed, yet it does not run"))?;
    println!("installed  bpf-linker {VERSION} ({})", path.display());
    Ok(())
}

/// Where this LLVM is: the environment's word, else Debian's place.
fn prefix(llvm: u32) -> OsString {
    env::var_os("LLVM_PREFIX").unwrap_or_else(|| format!("/usr/lib/llvm-{llvm}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_needed_llvm_is_read_from_the_program() {
        assert_eq!(linked_llvm(b"\0libc.so.6\0libLLVM.so.22.1\0"), Some(22));
        assert_eq!(linked_llvm(b"\0libc.so.6\0"), None);
        assert_eq!(linked_llvm(b"\0libLLVM.so."), None);
    }
}
