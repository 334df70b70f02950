. "$RUNNER_TEMP/common.sh"
mirrored model.bin
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
}
RS
echo 'fn main() { println!("{} {}", env!("DESCRIBED"), codegen::MODEL.len()); }' >"$work/seed/src/main.rs"
echo 'pub const MODEL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/model.bin"));' >"$work/seed/codegen/src/lib.rs"
echo target >"$work/seed/.gitignore"
(cd "$work/seed" && cargo generate-lockfile --offline --quiet)
commit "$work/seed" crate
publish acme/app
checked_out acme/app
