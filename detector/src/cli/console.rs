//! The one place that writes to the console.

use super::exit::{Failure, INTERNAL};
use crate::engine::Finding;
use std::io::{self, Write};
use tracing_subscriber::EnvFilter;

/// Log lines go to standard error: warnings and what the daemon says of jobs, or what `DETECTOR_LOG` asks for. A bug ends with its own exit code.
pub(super) fn log() {
    let filter =
        EnvFilter::try_from_env("DETECTOR_LOG").unwrap_or_else(|_| EnvFilter::new("warn,detector::live::daemon=info"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .finish();
    // A second call in the same process finds the first one's.
    tracing::subscriber::set_global_default(subscriber).unwrap_or(());
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        report(info);
        #[expect(clippy::exit, reason = "a bug must not look like a command's own status")]
        std::process::exit(i32::from(INTERNAL));
    }));
}

/// Why it could not be carried out.
pub(super) fn error(failure: &Failure) {
    line(format_args!("detector: {failure}"));
}

/// A finding, as it is made.
pub(super) fn finding(finding: &Finding) {
    line(format_args!("detector: {}", finding.message));
}

/// Text on standard error.
pub(super) fn stderr(text: &str) -> Result<(), Failure> {
    read_enough(io::stderr().lock().write_all(text.as_bytes())).map_err(Failure::Console)
}

/// Text on standard output.
pub(super) fn stdout(text: &str) -> Result<(), Failure> {
    read_enough(io::stdout().lock().write_all(text.as_bytes())).map_err(Failure::Console)
}

/// What came of writing to the console. Who closes the pipe early has read enough.
pub(super) fn read_enough(written: io::Result<()>) -> io::Result<()> {
    written.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}

fn line(text: std::fmt::Arguments<'_>) {
    // Nothing is left to be told when standard error is gone.
    writeln!(io::stderr().lock(), "{text}").unwrap_or(());
}
