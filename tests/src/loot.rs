//! Opens what the emulated thefts pack: `tpcp.tar.gz` of `payload.enc` (AES under a session key) and `session.key.enc`
//! (that key under an RSA key). The RSA key is made here, for one test.

use crate::{http, sink::Sink};
use anyhow::{Context as _, bail};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

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

    fn unpack(&self, archive: &[u8]) -> anyhow::Result<Vec<u8>> {
        let scratch = tempfile::tempdir_in(self.directory.path())?;
        let at = scratch.path();
        fs::write(at.join("tpcp.tar.gz"), archive)?;
        run(at, "tar", &["-xzf", "tpcp.tar.gz", "payload.enc", "session.key.enc"])?;
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

fn run(directory: &Path, program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new(program).args(arguments).current_dir(directory).output();
    let output = output.with_context(|| format!("cannot run `{program}`: install it"))?;
    if !output.status.success() {
        bail!("`{program} {}` failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
