//! What a process needs to make the calls, all of it its own: nothing that one process writes is another's to read.

use super::kind::Kind;
use anyhow::{Context as _, bail};
use std::{
    fs::{self, File},
    io::{self, ErrorKind, PipeReader, PipeWriter, Read as _, Seek as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    ptr,
};

/// Bytes that a call moves. Of as many calls as a round makes, a pipe has room for all.
pub(super) const BYTES: usize = 1024;

pub(super) struct Room {
    path: PathBuf,
    missing: PathBuf,
    read: File,
    written: File,
    pipe: (PipeReader, PipeWriter),
    listener: TcpListener,
    listens: SocketAddr,
    /// A connection to itself.
    stream: (TcpStream, TcpStream),
    mapped: Vec<*mut libc::c_void>,
    buffer: [u8; BYTES],
}

impl Room {
    /// With files in this directory, which it makes.
    pub(super) fn new(directory: &Path) -> anyhow::Result<Self> {
        fs::create_dir(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let path = directory.join("read");
        fs::write(&path, vec![b'r'; BYTES * 20])?;
        let (read, written) = (File::open(&path)?, File::create(directory.join("written"))?);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let listens = listener.local_addr()?;
        let stream = (TcpStream::connect(listens)?, listener.accept()?.0);
        stream.0.set_nodelay(true)?;
        let (missing, pipe) = (directory.join("missing"), io::pipe()?);
        Ok(Self {
            path,
            missing,
            read,
            written,
            pipe,
            listener,
            listens,
            stream,
            mapped: Vec::new(),
            buffer: [b'w'; BYTES],
        })
    }

    /// Before the calls of a round, and not measured.
    pub(super) fn before(&mut self, kind: Kind) -> io::Result<()> {
        match kind {
            Kind::ReadFile | Kind::ReadFileMapped => self.read.rewind(),
            Kind::WriteFile => self.written.rewind(),
            _ => Ok(()),
        }
    }

    /// One call.
    pub(super) fn act(&mut self, kind: Kind) -> anyhow::Result<()> {
        let full = |n: usize| if n == BYTES { Ok(()) } else { bail!("{n} bytes") };
        match kind {
            Kind::Nothing => Ok(()),
            Kind::Getpid => {
                // SAFETY: it takes nothing.
                unsafe { libc::syscall(libc::SYS_getpid) };
                Ok(())
            }
            Kind::ReadFile | Kind::ReadFileMapped => full(self.read.read(&mut self.buffer)?),
            Kind::WriteFile => full(self.written.write(&self.buffer)?),
            Kind::WritePipe => full(self.pipe.1.write(&self.buffer)?),
            Kind::ReadPipe => full(self.pipe.0.read(&mut self.buffer)?),
            Kind::Open => {
                File::open(&self.path)?;
                Ok(())
            }
            Kind::OpenMissing => match File::open(&self.missing) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                other => bail!("{}: {other:?}", self.missing.display()),
            },
            Kind::Send => full(self.stream.0.write(&self.buffer)?),
            Kind::Connect => {
                TcpStream::connect(self.listens)?;
                Ok(())
            }
            Kind::Program => program(),
            Kind::Map => {
                self.mapped.push(map()?);
                Ok(())
            }
        }
    }

    /// After the calls, and not measured: what they left is taken away.
    pub(super) fn after(&mut self, kind: Kind) -> io::Result<()> {
        match kind {
            Kind::Send => {
                for _ in 0..kind.calls() {
                    self.stream.1.read_exact(&mut self.buffer)?;
                }
            }
            Kind::Connect => {
                for _ in 0..kind.calls() {
                    self.listener.accept()?;
                }
            }
            Kind::Map => {
                for at in self.mapped.drain(..) {
                    // SAFETY: mapped by `map`, with this length, and used by nobody.
                    unsafe { libc::munmap(at, BYTES) };
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn map() -> io::Result<*mut libc::c_void> {
    let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
    // SAFETY: new memory, wherever there is room.
    let at = unsafe { libc::mmap(ptr::null_mut(), BYTES, access, flags, -1, 0) };
    if at == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(at) }
}

/// As a shell starts one. Without an environment: what a loader looks for depends on it.
fn program() -> anyhow::Result<()> {
    let (path, mut status) = (c"/bin/true", 0);
    let (arguments, environment) = ([path.as_ptr(), ptr::null()], [ptr::null()]);
    // SAFETY: this process has one thread, and the child does nothing but start a program or end; the strings are constants.
    let ended = unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::execve(path.as_ptr(), arguments.as_ptr(), environment.as_ptr());
            libc::_exit(127);
        }
        child > 0 && libc::waitpid(child, &raw mut status, 0) == child
    };
    if ended && status == 0 { Ok(()) } else { bail!("/bin/true: {status:#x}, {}", io::Error::last_os_error()) }
}
