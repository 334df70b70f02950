//! What the eBPF side logs, in debug builds: passed on to our own log.

use super::KernelError;
use aya::Ebpf;
use aya_log::EbpfLogger;
use log::{Level, Log, Metadata, Record};

/// Our log, as aya-log wants it.
struct Forward;

impl Log for Forward {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        match record.level() {
            Level::Error => tracing::error!("kernel side: {}", record.args()),
            Level::Warn => tracing::warn!("kernel side: {}", record.args()),
            Level::Info => tracing::info!("kernel side: {}", record.args()),
            Level::Debug => tracing::debug!("kernel side: {}", record.args()),
            Level::Trace => tracing::trace!("kernel side: {}", record.args()),
        }
    }

    fn flush(&self) {}
}

/// Lines that wait to be passed on.
pub(super) struct Lines(Option<EbpfLogger<Forward>>);

impl Lines {
    /// Of an object that was built with the feature `log`.
    pub(super) fn of(ebpf: &mut Ebpf) -> Result<Self, KernelError> {
        EbpfLogger::init_with_logger(ebpf, Forward)
            .map(|logger| Self(Some(logger)))
            .map_err(|error| super::sensor::map("AYA_LOGS", "open", &error))
    }

    /// None: the object was loaded by another process.
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Passes them on.
    pub(super) fn pass_on(&mut self) {
        if let Some(logger) = &mut self.0 {
            logger.flush();
        }
    }
}
