//! Where the fixtures are.

use anyhow::bail;
use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

/// The entry script of an attack.
pub fn attack(name: &str) -> PathBuf {
    part("attacks").join(name).join("run.sh")
}

/// The entry script of honest work.
pub fn benign(name: &str) -> PathBuf {
    part("benign").join(name).join("run.sh")
}

/// A file of this package.
pub fn part(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A command line of the `fixture` program: one small act.
pub fn act(arguments: &[&str]) -> anyhow::Result<Vec<OsString>> {
    Ok(std::iter::once(binary("fixture")?.into_os_string()).chain(arguments.iter().map(OsString::from)).collect())
}

/// A command line that does several acts at once, each in a process of its own, and waits for all of them.
pub fn at_once(acts: &[Vec<String>]) -> anyhow::Result<Vec<OsString>> {
    // The shell itself reads nothing and inherits nothing: each act is a lineage of its own.
    let one =
        |act: &Vec<String>| act.iter().map(|word| format!("'{}' ", word.replace('\'', r"'\''"))).collect::<String>();
    let script: String =
        acts.iter().map(|act| format!("\"$0\" {}&\n", one(act))).chain(["wait\n".to_owned()]).collect();
    Ok(vec!["bash".into(), "-c".into(), script.into(), binary("fixture")?.into()])
}

/// A program of this package, which cargo builds before the tests run.
pub fn binary(name: &str) -> anyhow::Result<PathBuf> {
    // Test programs lie in `deps`, beside which the package's own programs are; the demo is one of those itself.
    let own = env::current_exe()?;
    let beside = own.ancestors().skip(1).take(2).map(|directory| directory.join(name));
    let named = env::var_os(format!("CARGO_BIN_EXE_{name}")).map(PathBuf::from);
    let path = named.into_iter().chain(beside).find(|path| path.is_file());
    let Some(path) = path else { bail!("program {name:?} is not built: run `cargo build -p detector-tests --bins`") };
    Ok(path)
}
