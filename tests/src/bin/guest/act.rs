//! Small acts of a thief, or of honest work, by the file they touch.

use std::{
    ffi::OsString,
    fs,
    io::{self, Read as _, Write as _},
    net::TcpStream,
    process::{Command, ExitCode, Stdio},
};

/// Carries `verb` out; fails when something was refused.
pub(super) fn act(verb: &str, arguments: &[OsString]) -> ExitCode {
    let argument = |n: usize| arguments.get(n).and_then(|argument| argument.to_str()).unwrap_or_default();
    let result = match verb {
        "send" => send(argument(0)),
        "old" => old(argument(0), argument(1)),
        _ => share(argument(0), argument(1)),
    };
    if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Standard input to `to`.
fn send(to: &str) -> io::Result<()> {
    let mut data = Vec::new();
    io::stdin().read_to_end(&mut data)?;
    TcpStream::connect(to)?.write_all(&data)
}

/// Connects before it reads.
fn old(to: &str, file: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(to)?;
    stream.write_all(&fs::read(file)?)
}

/// A child that inherits the connection sends what the parent read, through a pipe.
fn share(to: &str, file: &str) -> io::Result<()> {
    let stream = TcpStream::connect(to)?;
    let mut child = Command::new("/bin/cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::from(std::os::fd::OwnedFd::from(stream)))
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(&fs::read(file)?)?;
    }
    if child.wait()?.success() { Ok(()) } else { Err(io::Error::other("the child was stopped")) }
}
