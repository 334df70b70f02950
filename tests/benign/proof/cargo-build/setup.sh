. "$RUNNER_TEMP/common.sh"
mirrored model.bin
mirrored library
repository acme/app
mkdir -p "$work/seed/src" "$work/seed/codegen/src"
cat >"$work/seed/Cargo.toml" <<'TOML'
[package]
name = "app"
version = "1.2.0"
edition = "2021"

[dependencies]
codegen = { path = "codegen" }
TOML
cat >"$work/seed/codegen/Cargo.toml" <<'TOML'
[package]
name = "codegen"
version = "1.0.0"
edition = "2021"
TOML
cat >"$work/seed/build.rs" <<'RS'
fn main() {
    let git = std::process::Command::new("git").args(["describe", "--tags", "--always"]).output().unwrap();
    println!("cargo:rustc-env=DESCRIBED={}", String::from_utf8(git.stdout).unwrap().trim());
    println!("cargo:rerun-if-changed=.git/HEAD");
}
RS
cat >"$work/seed/codegen/build.rs" <<'RS'
fn main() {
    let to = std::env::var("OUT_DIR").unwrap() + "/model.bin";
    let curl = std::process::Command::new("curl").args(["-sSf", "-o", &to, "http://mirror.test/model.bin"]).status();
    assert!(curl.unwrap().success());
    // As crates do that fetch a prebuilt library themselves.
    use std::io::{Read, Write};
    let mut mirror = std::net::TcpStream::connect("mirror.test:80").unwrap();
    mirror.write_all(b"GET /library HTTP/1.0\r\nHost: mirror.test\r\n\r\n").unwrap();
    assert!(mirror.read(&mut [0; 64]).unwrap() > 0);
}
RS
echo 'fn main() { println!("{} {}", env!("DESCRIBED"), codegen::MODEL.len()); }' >"$work/seed/src/main.rs"
echo 'pub const MODEL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/model.bin"));' >"$work/seed/codegen/src/lib.rs"
echo target >"$work/seed/.gitignore"
(cd "$work/seed" && cargo generate-lockfile --offline --quiet)
commit "$work/seed" crate
publish acme/app
checked_out acme/app
