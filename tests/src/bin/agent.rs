//! Stands in for the CI agent's worker: takes a canary on stdin, holds it on the heap as the real one holds a job's
//! secrets, says `ready`, and ends when stdin does.

use std::{
    hint::black_box,
    io::{self, BufRead as _, Write as _},
};

fn main() -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut canary = String::new();
    input.read_line(&mut canary)?;
    let held = format!(r#""CANARY_NAME":{{"value":"{}","isSecret":true}}"#, canary.trim_end());
    black_box(&held);
    io::stdout().write_all(b"ready\n")?;
    while input.read_line(&mut String::new())? > 0 {}
    black_box(held);
    Ok(())
}
