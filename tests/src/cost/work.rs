//! The job's side: a process that holds a secret and does what it is told, line by line.

use crate::name_server::{
    Name,
    message::{IN, Message, Query, RD, kind},
};
use anyhow::{Context as _, bail};
use std::{
    fs,
    io::{self, BufRead as _, ErrorKind, Write as _},
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::Duration,
};

/// Where it connects to.
pub(super) const PORT: u16 = 8000;

/// Reads the key, then does what comes: `accepted ADDR N`, `refused ADDR N` (connect so often), `send ADDR N` (so many datagrams), `ask
/// SERVER NAME N`. After each, and at first, it says `done`.
pub fn work(key: &str) -> anyhow::Result<()> {
    let key = fs::read(key).with_context(|| format!("cannot read {key}"))?;
    let mut out = io::stdout().lock();
    writeln!(out, "done")?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["accepted", to, n] => connect(to.parse()?, n.parse()?, true)?,
            ["refused", to, n] => connect(to.parse()?, n.parse()?, false)?,
            ["send", to, n] => send(to.parse()?, n.parse()?, &key)?,
            ["ask", server, name, n] => ask(server.parse()?, name, n.parse()?)?,
            _ => bail!("{line:?}"),
        }
        writeln!(out, "done")?;
    }
    Ok(())
}

/// Datagram sockets: nothing but the connect itself happens.
fn connect(to: SocketAddr, n: u32, accepted: bool) -> anyhow::Result<()> {
    for _ in 0..n {
        match socket()?.connect(to) {
            Ok(()) if accepted => {}
            Err(error) if !accepted && error.kind() == ErrorKind::PermissionDenied => {}
            other => bail!("connect to {to}: {other:?}"),
        }
    }
    Ok(())
}

fn send(to: SocketAddr, n: u32, bytes: &[u8]) -> anyhow::Result<()> {
    let socket = socket()?;
    socket.connect(to)?;
    for _ in 0..n {
        socket.send(bytes)?;
    }
    Ok(())
}

fn ask(server: SocketAddr, name: &str, n: u16) -> anyhow::Result<()> {
    let socket = socket()?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(Duration::from_secs(3)))?;
    let mut question = Message {
        id: 0,
        flags: RD,
        questions: vec![Query { name: Name::from(name), kind: kind::A, class: IN }],
        answers: Vec::new(),
        authority: Vec::new(),
        additional: Vec::new(),
        counts: None,
        compressed: true,
        tail: Vec::new(),
    };
    let mut answer = [0; 512];
    for id in 0..n {
        question.id = id;
        socket.send(&question.write())?;
        socket.recv(&mut answer).context("no answer")?;
    }
    Ok(())
}

fn socket() -> io::Result<UdpSocket> {
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
}
