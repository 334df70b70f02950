//! `setup`: what the build and the tests need, found or installed.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::{apt, build, ebpf, initramfs, linker, process};

pub(crate) fn run() -> Result<()> {
    build_tools()?;
    test_tools()
}

/// What it takes to build the detector: a compiler with the sources of `core`, and bpf-linker.
pub(crate) fn build_tools() -> Result<()> {
    let compiler = ebpf::Compiler::ensure()?;
    linker::ensure(compiler.llvm)
}

/// What the acts of the demo and of the live tests are made of.
pub(crate) fn demo_tools() -> Result<()> {
    apt::ensure(&[
        apt::program("ip", "iproute2"),
        apt::program("python3", "python3"),
        apt::program("openssl", "openssl"),
        apt::program("curl", "curl"),
    ])
}

/// What libFuzzer is compiled with.
pub(crate) fn fuzz_tools() -> Result<()> {
    apt::ensure(&[apt::program("c++", "g++")])
}

/// What the live tests and the kernel matrix need besides.
pub(crate) fn test_tools() -> Result<()> {
    demo_tools()?;
    fuzz_tools()?;
    apt::ensure(&[
        apt::program("qemu-system-x86_64", "qemu-system-x86"),
        apt::program("git", "git"),
        apt::program("gdb", "gdb"),
        apt::program("ps", "procps"),
        apt::program("make", "make"),
        apt::program("node", "nodejs"),
        apt::program("npm", "npm"),
        apt::program("strace", "strace"),
        apt::program("wget", "wget"),
        apt::program("perl", "perl"),
        apt::program("gcc", "gcc"),
        apt::program("go", "golang-go"),
        apt::program("dnsmasq", "dnsmasq-base"),
        apt::program("pip3", "python3-pip"),
        apt::program("twine", "twine"),
        apt::Need { name: "busybox".into(), package: "busybox-static".into(), found: static_program },
    ])?;
    guest_target()
}

/// The guest has no shared objects: a busybox that needs some is none.
fn static_program(name: &str) -> Option<String> {
    let path = process::find(name)?;
    initramfs::is_static(&std::fs::read(&path).ok()?).then(|| path.display().to_string())
}

/// The standard library for the static binary that runs in the guest.
fn guest_target() -> Result<()> {
    let target = build::GUEST_TARGET;
    if has_target(target) {
        println!("found      target {target}");
        return Ok(());
    }
    process::run(Command::new("rustup").args(["target", "add", target]))
        .with_context(|| format!("missing: the standard library for {target}: run `rustup target add {target}`"))?;
    println!("installed  target {target}");
    Ok(())
}

fn has_target(target: &str) -> bool {
    let directory = process::read(Command::new("rustc").args(["--print", "target-libdir", "--target", target]));
    directory.is_ok_and(|path| Path::new(path.trim_end()).is_dir())
}
