//! Where programs are.

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

/// Directories of programs that need not be in PATH. A component `*` is any directory, one that ends with it any that
/// starts so.
const STANDARD: [&str; 38] = [
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
    "/usr/lib/git-core",
    "/usr/libexec/git-core",
    "/usr/local/libexec/git-core",
    "/usr/lib/openssh",
    "/usr/libexec/openssh",
    "/usr/lib/gnupg",
    "/usr/lib/gnupg2",
    "/usr/libexec",
    "/usr/lib/systemd",
    "/lib/systemd",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
    "/usr/local/lib/docker/cli-plugins",
    "/usr/lib/jvm/*/bin",
    "/usr/lib/jvm/*/lib",
    "/opt/java/*/bin",
    "/opt/java/*/lib",
    "/usr/lib/postgresql/*/bin",
    "/usr/lib/google-cloud-sdk/bin",
    "/usr/lib/google-cloud-sdk/platform/*/bin",
    "/usr/lib/go-*/bin",
    "/usr/local/go/bin",
    "/usr/share/maven/bin",
    "/snap/google-cloud-cli/current/bin",
    "/opt/hostedtoolcache/*/*/*/bin",
    "/opt/pipx_bin",
    "/opt/pipx/venvs/*/bin",
    "/opt/*/bin",
    "/home/linuxbrew/.linuxbrew/bin",
    "/actions-runner/externals/*/bin",
    "/opt/actions-runner/externals/*/bin",
    "/home/runner/actions-runner/cached/externals/*/bin",
];

/// The same under a home.
const HOME: [&str; 23] = [
    ".local/bin",
    ".cargo/bin",
    ".rustup/toolchains/*/bin",
    ".pyenv/versions/*/bin",
    ".rbenv/versions/*/bin",
    ".nvm/versions/node/*/bin",
    ".volta/tools/image/*/*/bin",
    ".asdf/installs/*/*/bin",
    ".local/share/mise/installs/*/*/bin",
    ".local/share/pnpm",
    ".local/share/pipx/venvs/*/bin",
    ".local/pipx/venvs/*/bin",
    ".sdkman/candidates/*/current/bin",
    ".bun/bin",
    ".deno/bin",
    ".docker/cli-plugins",
    ".pulumi/bin",
    ".dotnet",
    ".poetry/bin",
    "go/bin",
    "google-cloud-sdk/bin",
    "google-cloud-sdk/platform/*/bin",
    "actions-runner/externals/*/bin",
];

/// The same under a cache of tools.
const TOOLS: &str = "*/*/*/bin";

/// Most directories that one pattern stands for.
const DIRECTORIES: usize = 256;

/// Where to look, and what cannot be trusted whatever is found there.
#[derive(Debug, Default)]
pub(in crate::live) struct Places {
    /// Directories of programs, resolved, each once, those of PATH first.
    pub(super) programs: Vec<PathBuf>,
    /// Directories of libraries in which scripts are, likewise.
    pub(super) libraries: Vec<PathBuf>,
    /// Directories of Python's modules, likewise.
    pub(super) modules: Vec<PathBuf>,
    /// What the build writes: its workspace and temporary files.
    pub(super) written: Vec<PathBuf>,
    /// Open to everybody where a host has one user: caches of tools, and what hosted images open.
    pub(super) open: Vec<PathBuf>,
    /// Who runs the command.
    pub(super) uid: u32,
}

impl Places {
    /// For a command that runs as `uid`, with the variables that `variable` knows.
    pub(in crate::live) fn new(uid: u32, variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Self {
        let path = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let mut homes: Vec<_> = path("HOME").into_iter().chain(home(uid)).collect();
        homes.dedup();
        let tools: Vec<_> = ["RUNNER_TOOL_CACHE", "AGENT_TOOLSDIRECTORY"].into_iter().filter_map(path).collect();
        let mut directories = Vec::new();
        // An empty entry of PATH is the current directory, which is nobody's place of programs.
        let named = variable("PATH").unwrap_or_default();
        directories.extend(std::env::split_paths(&named).filter(|directory| directory.is_absolute()));
        directories.extend(STANDARD.iter().flat_map(|pattern| expand(Path::new("/"), pattern)));
        for home in &homes {
            directories.extend(default_python(home));
            directories.extend(HOME.iter().flat_map(|pattern| expand(home, pattern)));
        }
        directories.extend(tools.iter().flat_map(|tools| expand(tools, TOOLS)));
        let programs = resolved(directories);

        let mut libraries: Vec<_> = ["/usr/share", "/usr/share/nodejs", "/usr/lib", "/opt"].map(PathBuf::from).into();
        libraries.extend(homes.iter().cloned());
        let mut modules = Vec::new();
        for prefix in programs.iter().filter(|directory| directory.ends_with("bin")).filter_map(|bin| bin.parent()) {
            libraries.push(prefix.join("lib/node_modules"));
            modules.extend(python_modules(&prefix.join("lib")));
            modules.extend(python_modules(&prefix.join("local/lib")));
        }
        modules.extend(homes.iter().flat_map(|home| python_modules(&home.join(".local/lib"))));
        let modules = resolved(modules);
        libraries.extend(modules.iter().cloned());
        // Actions stand beside the workspaces of the runner.
        libraries.extend(path("RUNNER_WORKSPACE").and_then(|workspace| workspace.parent().map(Path::to_owned)));

        let mut written: Vec<_> = ["/tmp", "/var/tmp", "/dev/shm", "/run/shm"].map(PathBuf::from).into();
        let workspaces =
            ["GITHUB_WORKSPACE", "CI_PROJECT_DIR", "BUILD_SOURCESDIRECTORY", "WORKSPACE", "CIRCLE_WORKING_DIRECTORY"];
        written.extend(workspaces.into_iter().chain(["TMPDIR", "RUNNER_TEMP", "AGENT_TEMPDIRECTORY"]).filter_map(path));
        // A command that is started at home builds there, and has its tools there, too.
        let here = std::env::current_dir().ok();
        written.extend(here.filter(|here| !homes.iter().any(|home| home.starts_with(here))));
        let mut open: Vec<_> = ["/opt", "/usr/share"].map(PathBuf::from).into();
        open.extend(tools);
        let written = written.iter().filter_map(|path| fs::canonicalize(path).ok()).collect();
        Self { programs, libraries: resolved(libraries), modules, written, open, uid }
    }
}

/// The home of `uid` (passwd(5)).
fn home(uid: u32) -> Option<PathBuf> {
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    let mut entries = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let entry = entries.find(|fields| fields.len() > 5 && fields[2].parse() == Ok(uid))?;
    Some(PathBuf::from(entry[5]))
}

/// The version of Python that pyenv's shims run: the first one, so that its compiled modules are known for certain.
fn default_python(home: &Path) -> Option<PathBuf> {
    let version = fs::read_to_string(home.join(".pyenv/version")).ok()?;
    let name = version.split_whitespace().next().filter(|name| !name.contains('/'))?;
    Some(home.join(".pyenv/versions").join(name).join("bin"))
}

/// `lib/python3.11`, which has Python's own modules, and `lib/python3.11/site-packages` and its like.
fn python_modules(lib: &Path) -> Vec<PathBuf> {
    let of = |name: &str| expand(lib, &format!("python*/{name}"));
    let mut all = expand(lib, "python*");
    all.extend(of("site-packages"));
    all.extend(of("dist-packages"));
    all
}

/// The paths under `root` that `pattern` stands for; nothing is said of what they are.
pub(in crate::live) fn expand(root: &Path, pattern: &str) -> Vec<PathBuf> {
    let mut paths = vec![root.to_owned()];
    for name in pattern.split('/').filter(|name| !name.is_empty()) {
        paths = match name.strip_suffix('*') {
            None => paths.into_iter().map(|path| path.join(name)).collect(),
            Some(start) => {
                let mut found: Vec<_> = paths.iter().flat_map(|path| children(path, start)).collect();
                found.sort();
                found.truncate(DIRECTORIES);
                found
            }
        };
        if paths.is_empty() {
            break;
        }
    }
    paths
}

fn children(directory: &Path, start: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    let starts = |name: &OsStr| name.as_encoded_bytes().starts_with(start.as_bytes());
    entries.filter(|entry| starts(&entry.file_name())).map(|entry| entry.path()).collect()
}

/// The directories that there are, each once, without links.
fn resolved(directories: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut known = HashSet::new();
    let real = directories.iter().filter_map(|directory| fs::canonicalize(directory).ok());
    real.filter(|directory| directory.is_dir() && known.insert(directory.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn patterns_stand_for_directories() {
        let root = tempfile::tempdir().unwrap();
        for path in ["a/1/x/bin", "a/2/x/bin", "b1/bin", "b2", "python3.11/site-packages"] {
            fs::create_dir_all(root.path().join(path)).unwrap();
        }
        let found = |pattern| -> Vec<_> {
            let all = resolved(expand(root.path(), pattern));
            all.iter()
                .map(|path| path.strip_prefix(root.path().canonicalize().unwrap()).unwrap().display().to_string())
                .collect()
        };
        assert_eq!(found("a/*/x/bin"), ["a/1/x/bin", "a/2/x/bin"]);
        assert_eq!(found("b*/bin"), ["b1/bin"]);
        assert_eq!(found("none/*/bin"), [""; 0]);
        assert_eq!(python_modules(root.path()).iter().filter(|path| path.is_dir()).count(), 2);
    }

    #[test]
    fn path_comes_first_and_links_are_followed() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        fs::create_dir_all(at("tools/node/20/x64/bin")).unwrap();
        fs::create_dir_all(at("own")).unwrap();
        fs::create_dir_all(at(".cargo/bin")).unwrap();
        std::os::unix::fs::symlink(at("own"), at("link")).unwrap();
        let path = std::env::join_paths([at("link"), PathBuf::new(), PathBuf::from("relative"), at("own")]).unwrap();
        let variables: HashMap<_, _> =
            [("PATH", path), ("HOME", home.path().into()), ("RUNNER_TOOL_CACHE", at("tools").into())].into();
        let places = Places::new(0, |name| variables.get(name).cloned());
        let real = |name: &str| at(name).canonicalize().unwrap();
        assert_eq!(places.programs.first(), Some(&real("own")));
        for name in [".cargo/bin", "tools/node/20/x64/bin", "own"] {
            assert_eq!(places.programs.iter().filter(|place| **place == real(name)).count(), 1, "{name}");
        }
        assert!(places.open.contains(&at("tools")));
        assert!(places.programs.iter().all(|place| place.is_absolute()));
    }
}
