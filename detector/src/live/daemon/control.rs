//! The control socket. Anyone on the host may ask how the daemon is, and have recordings written out; nobody can ask for anything else
//! there, since a step is anyone.

use super::super::LiveError;
use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::{UnixListener, UnixStream as Stream},
    sync::{Semaphore, mpsc, oneshot},
    time::timeout,
};

/// How long who connects may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many may be connected at once.
const AT_ONCE: usize = 16;
/// Bytes of a question.
const QUESTION: usize = 16;

/// What the daemon can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// How it is, and which jobs run.
    Status,
    /// To write recordings out so far.
    Flush,
}

impl Ask {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Flush => "flush",
        }
    }

    fn of(text: &[u8]) -> Option<Self> {
        [Self::Status, Self::Flush].into_iter().find(|ask| ask.word().as_bytes() == text.trim_ascii())
    }
}

/// Where an answer goes.
pub(super) type Reply = oneshot::Sender<String>;

/// A question, and where its answer goes.
pub(super) type Asked = (Ask, Reply);

/// The socket; its file goes when it is dropped.
pub(super) struct Control {
    path: PathBuf,
    asked: mpsc::Receiver<Asked>,
}

impl Control {
    /// Listens at `path`.
    pub(super) fn listen(path: &Path) -> Result<Self, LiveError> {
        let failed = |source| LiveError::Output { path: path.to_owned(), source };
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(failed)?;
        }
        if UnixStream::connect(path).is_ok() {
            return Err(LiveError::Daemon(path.to_owned()));
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o666)).map_err(failed)?;
        let (sender, asked) = mpsc::channel(AT_ONCE);
        tokio::spawn(serve(listener, sender));
        Ok(Self { path: path.to_owned(), asked })
    }

    /// The next question.
    pub(super) async fn next(&mut self) -> Option<Asked> {
        self.asked.recv().await
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // Nothing is lost with it.
        let _ = fs::remove_file(&self.path);
    }
}

async fn serve(listener: UnixListener, sender: mpsc::Sender<Asked>) {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, most likely.
            tokio::time::sleep(PATIENCE).await;
            continue;
        };
        let sender = sender.clone();
        tokio::spawn(async move {
            let _ = timeout(PATIENCE, answer(stream, sender)).await;
            drop(permit);
        });
    }
}

async fn answer(stream: Stream, sender: mpsc::Sender<Asked>) -> io::Result<()> {
    let mut question = Vec::new();
    while !question.ends_with(b"\n") && question.len() < QUESTION {
        stream.readable().await?;
        let mut byte = [0; QUESTION];
        match stream.try_read(&mut byte) {
            Ok(0) => break,
            Ok(n) => question.extend_from_slice(&byte[..n]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    let reply = match Ask::of(&question) {
        None => "{\"error\":\"ask for status or flush\"}".to_owned(),
        Some(ask) => {
            let (reply, answered) = oneshot::channel();
            if sender.send((ask, reply)).await.is_err() {
                return Ok(());
            }
            answered.await.unwrap_or_default()
        }
    };
    let reply = reply + "\n";
    let mut rest = reply.as_bytes();
    while !rest.is_empty() {
        stream.writable().await?;
        match stream.try_write(rest) {
            Ok(n) => rest = &rest[n..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Asks the daemon that listens at `path`.
///
/// # Errors
/// When none answers there.
pub fn ask(path: &Path, ask: Ask) -> io::Result<String> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(2 * PATIENCE))?;
    stream.write_all(format!("{}\n", ask.word()).as_bytes())?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    Ok(reply)
}
