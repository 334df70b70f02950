//! What the kernel matrix runs on each kernel: every program loaded with all flags off and all on, then a smoke of
//! the algebra. Prints `ok NAME` or `not ok NAME: why` a case; exits 1 when any failed.
//!
//! One static binary is the detector, the thief and the honest worker too: a guest has little else.

mod act;
mod case;

use std::{env, ffi::OsString, io::Write as _, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().collect();
    let verb = arguments.get(1).and_then(|verb| verb.to_str()).unwrap_or_default();
    match verb {
        "" => cases(),
        "send" | "old" | "share" => act::act(verb, &arguments[2..]),
        _ => detector::cli::main(arguments),
    }
}

fn cases() -> ExitCode {
    let mut failed = false;
    let mut out = std::io::stdout().lock();
    for (name, case) in case::CASES {
        let line = match case() {
            Ok(()) => format!("ok {name}\n"),
            Err(error) => {
                failed = true;
                format!("not ok {name}: {error:#}\n")
            }
        };
        if out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::from(u8::from(failed))
}
