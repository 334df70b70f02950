//! Opens what the emulated thefts pack: `payload.enc` (AES under a session key) and `session.key.enc` (that key under an RSA
//! key), in a `tpcp.tar.gz` or, from node, in JSON; and what they only encode: base64 in any number of rounds, gzip. The RSA
//! key is made here, for one test.

use crate::{http, sink::Sink};
use anyhow::{Context as _, bail};
use serde_json::Value;
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// Layers of packing that are opened; the thefts have fewer.
const ROUNDS: usize = 8;

/// A test's own RSA key pair; removed on drop.
#[derive(Debug)]
pub struct Keys {
    directory: TempDir,
}

impl Keys {
    /// A new pair.
    pub fn new() -> anyhow::Result<Self> {
        let keys = Self { directory: tempfile::Builder::new().prefix("detector-keys-").tempdir()? };
        let at = keys.directory.path();
        run(
            at,
            "openssl",
            &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "private.pem"],
        )?;
        run(at, "openssl", &["pkey", "-in", "private.pem", "-pubout", "-out", "public.pem"])?;
        Ok(keys)
    }

    /// The public half, for the fixture (`$PUBKEY`).
    pub fn public(&self) -> PathBuf {
        self.directory.path().join("public.pem")
    }

    /// What was packed in every upload that arrived whole, in order.
    pub fn open(&self, sink: &Sink) -> anyhow::Result<Vec<Vec<u8>>> {
        let connections = sink.connections();
        connections.iter().filter_map(|c| http::body(&c.bytes)).map(|body| self.unpack(body)).collect()
    }

    /// All that is known to who has the private key and read `bytes`: as they are, and in the clear.
    pub fn read(&self, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut known = bytes.to_vec();
        let mut inner = bytes.to_vec();
        for _ in 0..ROUNDS {
            let Some(next) = self.open_once(&inner)? else { break };
            known.push(b'\n');
            known.extend_from_slice(&next);
            inner = next;
        }
        Ok(known)
    }

    /// [`Self::read`] of all that arrived at `sink`: each connection, and the body of each request.
    pub fn read_sink(&self, sink: &Sink) -> anyhow::Result<Vec<u8>> {
        let mut known = Vec::new();
        for connection in sink.connections() {
            known.extend(self.read_connection(&connection.bytes)?);
        }
        Ok(known)
    }

    /// The same of one connection.
    pub fn read_connection(&self, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut known = bytes.to_vec();
        if let Some(body) = http::body(bytes) {
            known.extend(self.read(body)?);
        }
        Ok(known)
    }

    /// [`Self::read`] of each line of a job's log.
    pub fn read_log(&self, log: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut known = log.to_vec();
        for line in log.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            known.extend(self.read(line)?);
        }
        Ok(known)
    }

    /// What one layer of packing hides; `None` where there is none.
    fn open_once(&self, bytes: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
        let scratch = tempfile::tempdir_in(self.directory.path())?;
        if bytes.starts_with(b"\x1f\x8b") {
            let inner = filter("gzip", &["-dc"], bytes)?;
            // The mark of a tar archive's first header.
            return if inner.get(257..262) == Some(b"ustar") { self.unpack(bytes).map(Some) } else { Ok(Some(inner)) };
        }
        if let Ok(Value::Object(fields)) = serde_json::from_slice(bytes) {
            let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::as_bytes);
            return match (text("payload"), text("key"), text("content")) {
                (Some(payload), Some(key), _) => {
                    fs::write(scratch.path().join("payload.enc"), base64(payload)?)?;
                    fs::write(scratch.path().join("session.key.enc"), base64(key)?)?;
                    Self::decrypt(scratch.path()).map(Some)
                }
                (_, _, Some(content)) => Ok(Some(content.to_vec())),
                _ => Ok(None),
            };
        }
        let bytes = bytes.trim_ascii();
        let encoded = |b: &u8| b.is_ascii_alphanumeric() || b"+/=".contains(b);
        let is_base64 = bytes.len() >= 16 && bytes.len().is_multiple_of(4) && bytes.iter().all(encoded);
        if is_base64 { base64(bytes).map(Some) } else { Ok(None) }
    }

    fn unpack(&self, archive: &[u8]) -> anyhow::Result<Vec<u8>> {
        let scratch = tempfile::tempdir_in(self.directory.path())?;
        let at = scratch.path();
        fs::write(at.join("tpcp.tar.gz"), archive)?;
        run(at, "tar", &["-xzf", "tpcp.tar.gz", "payload.enc", "session.key.enc"])?;
        Self::decrypt(at)
    }

    /// Decrypts the two files in `at`, a directory beside the private key.
    fn decrypt(at: &Path) -> anyhow::Result<Vec<u8>> {
        let key = [
            "pkeyutl",
            "-decrypt",
            "-inkey",
            "../private.pem",
            "-pkeyopt",
            "rsa_padding_mode:oaep",
            "-in",
            "session.key.enc",
            "-out",
            "session.key",
        ];
        run(at, "openssl", &key)?;
        let payload = [
            "enc",
            "-d",
            "-aes-256-cbc",
            "-pbkdf2",
            "-pass",
            "file:session.key",
            "-in",
            "payload.enc",
            "-out",
            "payload",
        ];
        run(at, "openssl", &payload)?;
        fs::read(at.join("payload")).context("the upload held no payload")
    }
}

fn base64(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    filter("base64", &["-d"], bytes)
}

/// What `program` makes of `input`.
fn filter(program: &str, arguments: &[&str], input: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run `{program}`: install it"))?;
    let mut stdin = child.stdin.take().context("stdin is a pipe")?;
    let output = std::thread::scope(|scope| {
        // On a thread: the program may write before it has read everything. What it does not read is told by its status.
        scope.spawn(move || _ = stdin.write_all(input));
        child.wait_with_output()
    })?;
    if !output.status.success() {
        bail!("`{program} {}`: {}", arguments.join(" "), output.status);
    }
    Ok(output.stdout)
}

fn run(directory: &Path, program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new(program).args(arguments).current_dir(directory).output();
    let output = output.with_context(|| format!("cannot run `{program}`: install it"))?;
    if !output.status.success() {
        bail!("`{program} {}` failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
