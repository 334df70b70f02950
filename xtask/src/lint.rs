//! `lint`: formatting, clippy and the house rules; everything is checked, then everything wrong is named.

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{ebpf, house, linker, process};

pub(crate) fn run(workspace: &Workspace) -> Result<bool> {
    let compiler = ebpf::Compiler::ensure()?;
    linker::ensure(compiler.llvm)?;
    let mut clean = true;
    let mut check = |name: &str, result: Result<()>| match result {
        Ok(()) => println!("clean      {name}"),
        Err(error) => {
            clean = false;
            println!("not clean  {name}: {error:#}");
        }
    };

    check("format", process::run(workspace.cargo("fmt").args(["--all", "--", "--check"])));
    check(
        "format of detector-ebpf",
        process::run(workspace.cargo("fmt").args(["--manifest-path", "detector-ebpf/Cargo.toml", "--", "--check"])),
    );
    check(
        "format of tests/fuzz",
        process::run(workspace.cargo("fmt").args(["--manifest-path", "tests/fuzz/Cargo.toml", "--", "--check"])),
    );
    check(
        "clippy",
        process::run(workspace.cargo("clippy").args(["--workspace", "--all-targets", "--", "-D", "warnings"])),
    );
    if compiler.is_toolchain() {
        let clippy = compiler.cargo(workspace, "clippy");
        check(
            "clippy of detector-ebpf",
            clippy.and_then(|mut command| process::run(command.args(["--", "-D", "warnings"]))),
        );
    } else {
        println!("not run    clippy of detector-ebpf: the toolchain's clippy cannot read what {compiler} compiles");
    }
    check("house rules", house::check(workspace));
    Ok(clean)
}
