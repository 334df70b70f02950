//! Puts the eBPF object where the library embeds it: `$OUT_DIR/detector-ebpf`, empty when there is none.
//!
//! The object is built for another target by `cargo xtask build`, which names it in `DETECTOR_EBPF_OBJECT`. Checks and
//! library tests do without; a binary with an empty object must say so at run time.

use std::path::{Path, PathBuf};
use std::{env, error, fs, io};

const VARIABLE: &str = "DETECTOR_EBPF_OBJECT";
/// Where `cargo xtask build` leaves the object, seen from this package.
const DEFAULT: &str = "../target/ebpf/bpfel-unknown-none/release/detector-ebpf";

fn main() -> Result<(), Box<dyn error::Error>> {
    let named = env::var_os(VARIABLE).map(PathBuf::from);
    let object = named.clone().unwrap_or_else(|| DEFAULT.into());
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    // While there is no such file cargo runs this script each time, so an object that appears is not missed.
    println!("cargo::rerun-if-changed={}", object.display());

    let bytes = match fs::read(&object) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => Vec::new(),
        Err(error) => return Err(format!("cannot read the eBPF object {}: {error}", object.display()).into()),
    };
    let place = Path::new(&env::var("OUT_DIR")?).join("detector-ebpf");
    Ok(fs::write(place, bytes)?)
}
