cargo build --locked
cargo test --locked --quiet
target/debug/app
