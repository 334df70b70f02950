//! What the clients find: a repository, a package index, and a place for whatever they send.

use anyhow::{Context as _, ensure};
use detector_tests::{
    console::{Running, plain},
    http::Pages,
    namespace::Namespace,
};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// What is served as it is.
pub(super) fn pages() -> anyhow::Result<Pages> {
    let files = repository()?;
    let mut pages = Pages::from([
        ("/demo".to_owned(), PACKAGE.as_bytes().to_vec()),
        ("/simple/demo/".to_owned(), b"<a href=\"../../demo-1.0.tar.gz\">demo-1.0.tar.gz</a>\n".to_vec()),
    ]);
    add(&mut pages, files.path(), &files.path().join("repo.git"))?;
    let references = pages.get("/repo.git/info/refs").context("no references")?.clone();
    // A server that only has files does not look at what is asked of it.
    pages.insert("/repo.git/info/refs?service=git-upload-pack".to_owned(), references);
    Ok(pages)
}

const PACKAGE: &str = r#"{"name":"demo","dist-tags":{"latest":"1.0.0"},"versions":{"1.0.0":{"name":"demo","version":"1.0.0","dist":{"tarball":"http://v4.good.test/demo.tgz"}}}}"#;

/// A directory with the bare repository `repo.git` in it.
fn repository() -> anyhow::Result<TempDir> {
    let directory = tempfile::Builder::new().prefix("detector-repo-").tempdir()?;
    let script = "git init -q -b main work && cd work && echo hello > README && git add README &&
        git -c user.name=ci -c user.email=ci@good.test commit -q -m first && cd .. &&
        git clone -q --bare work repo.git && git -C repo.git update-server-info && rm -rf work";
    let status =
        plain("sh").args(["-ec", script]).current_dir(directory.path()).env("HOME", directory.path()).status()?;
    ensure!(status.success(), "cannot make a repository");
    Ok(directory)
}

fn add(pages: &mut Pages, root: &Path, directory: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            add(pages, root, &path)?;
        } else {
            let name = path.strip_prefix(root)?.display().to_string();
            pages.insert(format!("/{name}"), fs::read(&path)?);
        }
    }
    Ok(())
}

/// A running server that speaks git's own protocol.
pub(super) struct Backend {
    _server: Running,
    _files: TempDir,
}

impl Backend {
    /// Serves the repository on every address of `namespace` below [`Self::PATH`].
    pub(super) fn start(namespace: &Namespace, port: u16) -> anyhow::Result<Self> {
        let files = repository()?;
        let script = files.path().join("cgi-bin/git");
        fs::create_dir(files.path().join("cgi-bin"))?;
        fs::write(&script, "#!/bin/sh\nexec git http-backend\n")?;
        // The server gives up being root before it runs the script.
        let open = fs::Permissions::from_mode(0o755);
        for path in [files.path().to_owned(), script] {
            fs::set_permissions(path, open.clone())?;
        }
        let mut server = plain("python3");
        server.args(["-u", "-m", "http.server", "--cgi", "--bind", "::", "--directory"]).arg(files.path());
        server.arg(port.to_string()).env("GIT_PROJECT_ROOT", files.path()).env("GIT_HTTP_EXPORT_ALL", "1");
        let setting = [("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "safe.directory"), ("GIT_CONFIG_VALUE_0", "*")];
        let server = Running::start(namespace.enter(server.envs(setting)))?;
        server.says("Serving HTTP")?;
        Ok(Self { _server: server, _files: files })
    }

    pub(super) const PATH: &'static str = "/cgi-bin/git";
}

/// Builds the program of `main.go`.
pub(super) fn go(directory: &Path) -> anyhow::Result<PathBuf> {
    let (program, source) = (directory.join("go-client"), detector_tests::fixture::part("cases/clients/main.go"));
    let mut build = plain("go");
    // With the C library in it, so that it can ask either way; no module, so that nothing is looked for elsewhere.
    build.args(["build", "-o"]).arg(&program).arg(source).env("HOME", directory).env("GO111MODULE", "off");
    let status = build.env("CGO_ENABLED", "1").status().context("cannot run `go`: run `cargo xtask setup`")?;
    ensure!(status.success(), "cannot build the Go client: run `cargo xtask setup`");
    Ok(program)
}

/// Says which program is not there.
pub(super) fn needs(tool: &str) -> anyhow::Result<()> {
    let found = plain("sh").args(["-c", &format!("command -v {tool} > /dev/null")]).status()?.success();
    ensure!(found, "this test needs `{tool}`: run `cargo xtask setup`");
    Ok(())
}
