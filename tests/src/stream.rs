//! A process's output, collected while it runs.

use anyhow::Context as _;
use std::{
    io::Read,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Bytes kept of each output stream.
pub(crate) const MAX_OUTPUT: usize = 8 << 20;

/// Collects an output stream on a thread of its own.
pub(crate) struct Stream {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Stream {
    pub(crate) fn collect(source: Option<impl Read + Send + 'static>) -> anyhow::Result<Self> {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&bytes);
        let collect = move |mut source: Box<dyn Read + Send>| {
            let mut buffer = vec![0; 1 << 16];
            // Read to the end even when full: the writer must not block on us.
            while let Ok(n @ 1..) = source.read(&mut buffer) {
                let mut into = into.lock().unwrap_or_else(PoisonError::into_inner);
                let room = MAX_OUTPUT.saturating_sub(into.len());
                into.extend_from_slice(&buffer[..n.min(room)]);
            }
        };
        let source = source.context("the stream is a pipe")?;
        let thread = thread::Builder::new().name("output".to_owned()).spawn(move || collect(Box::new(source)))?;
        Ok(Self { bytes, thread: Some(thread) })
    }

    /// What came so far.
    pub(crate) fn so_far(&self) -> Vec<u8> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What came. A process left behind may keep the pipe open: it is not waited for longer than a second.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let deadline = Instant::now() + Duration::from_secs(1);
        while self.thread.as_ref().is_some_and(|t| !t.is_finished()) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
        // Its panic, if any, has been printed already.
        _ = self.thread.take().filter(JoinHandle::is_finished).map(JoinHandle::join);
        std::mem::take(&mut self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
