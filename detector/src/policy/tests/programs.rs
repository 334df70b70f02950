//! Declared programs: what their lines mean, and that the kernel's walk is the engine's.

use super::*;
use crate::secret::redact;
use detector_common::{
    command::{Argument, CommandKey, Next, line::*, walk},
    limits::COMMANDS,
    program::{InjectKey, trait_of},
};
use std::collections::{BTreeMap, HashMap, HashSet};

fn number(policy: &Policy, name: &str) -> u16 {
    policy
        .programs()
        .iter()
        .find(|program| program.name == name)
        .map_or_else(|| panic!("{name}"), |program| program.value.number)
}

/// Flags of a line written as in a shell without quotes.
fn flags(policy: &Policy, text: &str) -> u16 {
    let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
    let arguments: Vec<_> = rest.split_whitespace().map(str::to_owned).collect();
    policy.line(number(policy, name), &arguments)
}

/// The kernel's walk over the rows, with raw arguments.
struct Kernel(HashMap<CommandKey, Next>);

impl Kernel {
    fn new(policy: &Policy) -> Self {
        let rows = policy.tables(7).commands;
        let map: HashMap<_, _> = rows.iter().copied().collect();
        assert_eq!(map.len(), rows.len(), "a key stands twice");
        assert!(rows.len() <= COMMANDS as usize);
        Self(map)
    }

    fn flags(&self, program: u16, arguments: &[&str]) -> u16 {
        let arguments = arguments.iter().map(|argument| Argument::new(argument.as_bytes()));
        walk(arguments, |state, word| self.0.get(&CommandKey { policy: 7, program, state, word }).copied())
    }
}

#[test]
fn the_builtin_lines() {
    let policy = Policy::builtin();
    for quiet in [
        "git status",
        "git -C /w/r status -sb --porcelain=v2",
        "git describe --tags --always --dirty=-modified",
        "git rev-parse --short=12 HEAD",
        "git -c protocol.version=2 fetch --no-tags --prune --no-recurse-submodules --depth=1 origin +0123456789abcdef0123456789abcdef01234567:refs/remotes/origin/main",
        "git fetch -q --depth 1 origin main",
        "git log -1 --format=%H",
        "git log -- a -b --anything",
        "git diff HEAD",
        "git diff HEAD -- src/a",
        "git diff --name-only main HEAD",
        "git config user.email ci@example.test",
        "git config --get user.name",
        "git config --global --add safe.directory /w/r",
        "git config --local --unset-all http.https://git.test/.extraheader",
        "git remote",
        "git remote show origin",
        "git push -u origin HEAD:refs/heads/b",
        "git clone --depth=1 https://git.test/a/b c",
        "git remote-https origin https://git.test/a",
        "git fetch-pack --stateless-rpc --stdin --lock-pack --thin https://git.test/a",
        "npm ci",
        "npm --loglevel silly install --ignore-scripts",
        "npm install left-pad --registry http://npm.test/",
        "npm config ls -l",
        "npm config get registry",
        "npm exec --yes -- true --whatever",
        "pip install -r requirements.txt -vvv",
        "pip --disable-pip-version-check install --target t qdep==1.0",
        "pip download -d tmp --no-deps qdep",
        "twine upload -r loc --verbose dist/a.whl",
        "cargo build --release --locked -vv",
        "cargo test -- --nocapture",
        "cargo publish --dry-run --allow-dirty --registry loc",
        "cargo yank --version 0.1.0 mine",
        "docker pull registry.test/img:l",
        "docker -D push registry.test/img:l",
        "skopeo list-tags --tls-verify=false docker://registry.test/img",
        "skopeo login --get-login registry.test",
        "aws --region eu-west-1 sts get-caller-identity --output json",
        "aws s3 cp a s3://b/c --only-show-errors",
        "aws configure set region x",
        "kubectl get pods -n x -o yaml -v=10",
        "kubectl config view --minify",
        "gh api -i user",
        "gh pr list -R o/r",
        "ssh -v -o BatchMode=yes git@git.test git-upload-pack 'a/b.git'",
        "ssh-keygen -l -f /root/.ssh/id_ed25519",
        "ssh-keygen -Y sign -f k -n file repo/f",
        "gpg --status-fd=2 -bsau 0123456789ABCDEF",
        "gpg --batch -b f",
        "curl -fsSL --proto =https --tlsv1.2 -n https://a.test/x",
        "wget -q -O o https://a.test/x",
        "checksum a b c",
        "wc -l",
        "test -f /root/.netrc -a x",
        "cmp -s a b",
    ] {
        assert_eq!(flags(&policy, quiet) & QUIET, QUIET, "{quiet}");
    }
    for loud in [
        "git",
        "git config -l",
        "git config --list --name-only",
        "git config --get http.https://git.test/.extraheader",
        "git config get http.https://git.test/.extraheader",
        "git config --get-regexp ^http",
        "git config list",
        "git config --file /root/.netrc user.name",
        "git -c alias.st=!env st",
        "git -c core.fsmonitor=/x status",
        "git --exec-path=/x status",
        "git --config-env=a=b status",
        "git remote -v",
        "git remote get-url origin",
        "git remote show -n origin",
        "git ls-remote --get-url origin",
        "git diff --no-index /dev/null f",
        "git diff /dev/null /root/.netrc",
        "git diff --quiet -p a /root/.netrc",
        "git credential fill",
        "git credential-store get",
        "git blame --contents f g",
        "git diagnose --mode=all",
        "git var -l",
        "git commit -F /root/.netrc",
        "git hash-object -w f",
        "git submodule foreach true",
        "git fetch --upload-pack=x origin",
        "git status --unknown",
        "npm logout",
        "npm config get //npm.test/:_authToken",
        "npm config list --userconfig /root/.netrc x",
        "npm --node-options=x ci",
        "pip config list",
        "pip config debug",
        "pip install --config-settings=x y",
        "twine upload -u __token__ -p x f",
        "cargo --config x build",
        "cargo run",
        "aws --debug sts get-caller-identity",
        "aws configure get aws_secret_access_key",
        "aws configure export-credentials",
        "aws s3 presign s3://b/f",
        "kubectl config view --raw",
        "kubectl config view --minify --flatten",
        "gh auth token",
        "gh auth status --show-token",
        "gh config get oauth_token",
        "gh api --input f user",
        "docker login -u x --password y h",
        "curl -v -n https://a.test/x",
        "curl -s file:///root/.netrc",
        "curl -sn https://a.test/x",
        "curl --proto =https -T f https://a.test/",
        "curl --proto =file -s file:///root/.netrc",
        "wget -i /root/.netrc",
        "wget --post-file=/root/.netrc https://a.test/",
        "ssh -F /root/.netrc h",
        "ssh -o ProxyCommand=x h",
        "gpg --batch --export-secret-keys",
        "gpg -s f",
        "checksum -c f",
        "wc --files0-from=f",
        "cmp -l a b",
        "python -c x",
        "shell -c x",
        "env",
    ] {
        assert_eq!(flags(&policy, loud) & QUIET, 0, "{loud}");
    }
    for (text, flag) in [
        ("npm ci", INSTALLS),
        ("npm --loglevel=warn install --whatever x", INSTALLS),
        ("npm publish", 0),
        ("pip install x", INSTALLS),
        ("pip -v install --config-settings=x y", INSTALLS),
        ("pip list", 0),
        ("cargo build", INSTALLS),
        ("cargo fetch", 0),
        ("yarn", INSTALLS),
        ("bundle", INSTALLS),
        ("env", DUMPS),
        ("env -0", DUMPS),
        ("env A=b", 0),
        ("env cargo build", 0),
        ("printenv", DUMPS),
        ("printenv HOME", 0),
    ] {
        assert_eq!(flags(&policy, text) & (INSTALLS | DUMPS), flag, "{text}");
    }
    for (text, flag) in [
        ("git remote get-url origin", SEARCHED),
        ("git -C x remote -v", SEARCHED),
        ("git config --get remote.origin.url", SEARCHED),
        ("git config --get http.x.extraheader", 0),
        ("git config --get-regexp remote", 0),
        ("git remote", QUIET),
    ] {
        assert_eq!(flags(&policy, text), flag, "{text}");
    }
    assert_eq!(policy.line(0, &[]), 0);
    assert_eq!(policy.line(u16::MAX, &[]), 0);
}

#[test]
fn the_builtin_programs_are_what_they_are_trusted_as() {
    let policy = Policy::builtin();
    let with = |flag| -> Vec<_> {
        let has = |program: &&crate::policy::Program| program.value.traits & flag != 0;
        policy.programs().iter().filter(has).map(|program| program.name.as_str()).collect()
    };
    assert_eq!(with(trait_of::SHELL), ["shell", "fish"]);
    assert_eq!(with(trait_of::INSTALLER), ["dpkg", "rpm", "installers"]);
    assert_eq!(with(trait_of::LOSSY), ["checksum", "cksum", "wc", "cmp", "du", "stat", "test"]);
    assert!(with(trait_of::INTERPRETER).contains(&"python") && with(trait_of::MANAGER).contains(&"npm"));
    // One file is one program.
    let mut names = BTreeMap::new();
    for program in policy.programs() {
        assert!(!program.files.is_empty() || !program.scripts.is_empty(), "{}", program.name);
        for name in program.files.iter().map(ToString::to_string).chain(program.scripts.iter().map(ToString::to_string))
        {
            if let Some(other) = names.insert(name.clone(), &program.name) {
                panic!("{name} is of {other} and {}", program.name);
            }
        }
    }
    let rows = policy.tables(1).commands.len();
    assert!(rows < 10_000, "{rows} rows: each is a system call at start");
}

/// Every argument of up to `depth` that some line of the builtin policy has, and strangers.
#[test]
fn kernel_and_engine_walk_alike_whatever_is_redacted() {
    let policy = Policy::builtin();
    let kernel = Kernel::new(&policy);
    let strangers = [
        "x",
        "-",
        "--",
        "-x",
        "--depth=1",
        "--what=ever",
        "a=b",
        "-p",
        "-u",
        "a:b",
        "login",
        "--password",
        "-Dabcdefgh01234567",
        "0123456789abcdef0123456789abcdef01234567",
        "https://u:p@git.test/a",
        "--token=abc",
        "a\\b",
    ];
    let (mut tried, mut known) = (0_u32, 0_u32);
    // A small generator of its own: the same walk at every run.
    let mut seed = 1_u64;
    let mut below = |n: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % n
    };
    for (program, document) in policy.programs().iter().zip(policy.document().programs) {
        let lists = [&document.quiet, &document.installs, &document.dumps, &document.options];
        let lines: Vec<_> = lists.iter().flat_map(|list| list.iter()).collect();
        if lines.is_empty() {
            continue;
        }
        for round in 0..400 {
            // Words of one line in their order, some left out, some strangers among them.
            let line = lines[round % lines.len()];
            let mut arguments: Vec<String> = Vec::new();
            for word in line.split(|c: char| c.is_whitespace() || "[],".contains(c)).filter(|word| !word.is_empty()) {
                if below(3) == 0 {
                    continue;
                }
                let choices: Vec<_> = word.trim_start_matches("*!").split('|').collect();
                let choice = choices[below(choices.len())];
                arguments.push(match choice {
                    "*" | "..." | "**" | "options" => strangers[below(strangers.len())].to_owned(),
                    _ => choice.replace('*', "v"),
                });
                if arguments.len() > 6 && below(2) == 0 {
                    break;
                }
            }
            let raw: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let there = kernel.flags(program.value.number, &raw);
            for strict in [false, true] {
                let bytes: Vec<u8> = std::iter::once("program")
                    .chain(raw.iter().copied())
                    .flat_map(|argument| argument.bytes().chain([0]))
                    .collect();
                let redacted = redact::argv(&bytes, strict);
                let here = policy.line(program.value.number, &redacted[1..]);
                assert_eq!(here, there, "{} {raw:?} {redacted:?}", program.name);
            }
            tried += 1;
            known += u32::from(there != 0);
        }
    }
    assert!(tried > 10_000 && known > 300, "{tried} {known}");
}

#[test]
fn harmless_variables_inject_into_nobody() {
    let policy = Policy::builtin();
    let rows: HashSet<InjectKey> = policy.tables(7).injections.into_iter().collect();
    let start = |text: &str| {
        // As the kernel side makes it of a variable's string.
        let end = text.find('=').map_or(text.len(), |at| at + 1).min(8);
        let mut bytes = [0; 8];
        bytes[..end].copy_from_slice(&text.as_bytes()[..end]);
        u64::from_le_bytes(bytes)
    };
    let injects = |program: &str, variable: &str| {
        let start = start(&format!("{variable}=value"));
        let own = InjectKey { start, policy: 7, program: number(&policy, program).into() };
        rows.contains(&own) || rows.contains(&InjectKey { program: 0, ..own })
    };
    for (program, variable) in [
        ("wc", "LD_PRELOAD"),
        ("git", "LD_AUDIT"),
        ("git", "GIT_CONFIG_COUNT"),
        ("git", "GIT_CONFIG_GLOBAL"),
        ("git", "GIT_CONFIG"),
        ("git", "GIT_SSH"),
        ("git", "GIT_SSH_COMMAND"),
        ("git", "GIT_TRACE2_EVENT"),
        ("git", "GIT_CURL_VERBOSE"),
        ("git-remote-http", "GIT_TRACE_CURL"),
        ("node", "NODE_OPTIONS"),
        ("npm", "NODE_DEBUG"),
        ("python", "PYTHONPATH"),
        ("pip", "PYTHONSTARTUP"),
        ("python", "PYTHONINSPECT"),
        ("shell", "BASH_ENV"),
        ("shell", "ENV"),
        ("shell", "BASH_FUNC_ls%%"),
        ("ssh", "SSH_ASKPASS_REQUIRE"),
        ("ruby", "RUBYOPT"),
        ("java", "JAVA_TOOL_OPTIONS"),
    ] {
        assert!(injects(program, variable), "{variable} into {program}");
    }
    let harmless = [
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "PWD",
        "OLDPWD",
        "TERM",
        "LANG",
        "LANGUAGE",
        "LC_ALL",
        "TMPDIR",
        "TZ",
        "CI",
        "EDITOR",
        "PAGER",
        "LESS",
        "DISPLAY",
        "DEBUG",
        "VERBOSE",
        "HOSTNAME",
        "SHLVL",
        "_",
        "COLORTERM",
        "FORCE_COLOR",
        "NO_COLOR",
        "MAKEFLAGS",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "GITHUB_TOKEN",
        "GITHUB_ACTIONS",
        "GITHUB_ENV",
        "GITHUB_WORKSPACE",
        "RUNNER_TEMP",
        "RUNNER_OS",
        "ACTIONS_CACHE_URL",
        "GIT_TERMINAL_PROMPT",
        "GIT_AUTHOR_NAME",
        "GIT_AUTHOR_EMAIL",
        "GIT_AUTHOR_DATE",
        "GIT_COMMITTER_NAME",
        "GIT_COMMITTER_EMAIL",
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_EDITOR",
        "GIT_LFS_SKIP_SMUDGE",
        "GIT_HTTP_USER_AGENT",
        "GIT_COMMIT",
        "GIT_BRANCH",
        "GIT_DEPTH",
        "GIT_STRATEGY",
        "GIT_CLONE_PATH",
        "GIT_SSL_CAINFO",
        "GIT_DISCOVERY_ACROSS_FILESYSTEM",
        "GIT_PROTOCOL",
        "GIT_PREFIX",
        "GIT_REFLOG_ACTION",
        "GIT_OPTIONAL_LOCKS",
        "GIT_OBJECT_DIRECTORY",
        "NODE_ENV",
        "NODE_AUTH_TOKEN",
        "NODE_EXTRA_CA_CERTS",
        "NODE_NO_WARNINGS",
        "NODE_VERSION",
        "NODE_TLS_REJECT_UNAUTHORIZED",
        "NODE_COMPILE_CACHE",
        "NODE_CHANNEL_FD",
        "NPM_TOKEN",
        "NPM_CONFIG_CACHE",
        "npm_config_cache",
        "npm_lifecycle_event",
        "npm_execpath",
        "PYTHONUNBUFFERED",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONIOENCODING",
        "PYTHONHASHSEED",
        "PYTHONUTF8",
        "PYTHONNOUSERSITE",
        "PYTHONWARNINGS",
        "PYTHONFAULTHANDLER",
        "PYTHONOPTIMIZE",
        "PYTHONDEVMODE",
        "PYTHON_VERSION",
        "PYTHON",
        "pythonLocation",
        "PIP_INDEX_URL",
        "PIP_NO_CACHE_DIR",
        "PIP_DISABLE_PIP_VERSION_CHECK",
        "TWINE_USERNAME",
        "TWINE_PASSWORD",
        "VIRTUAL_ENV",
        "CARGO_HOME",
        "CARGO_TERM_COLOR",
        "CARGO_INCREMENTAL",
        "CARGO_TARGET_DIR",
        "RUSTFLAGS",
        "RUST_BACKTRACE",
        "RUSTUP_HOME",
        "JAVA_HOME",
        "JAVA_OPTS",
        "MAVEN_OPTS",
        "MAVEN_HOME",
        "GRADLE_OPTS",
        "GRADLE_USER_HOME",
        "SSH_AUTH_SOCK",
        "SSH_AGENT_PID",
        "SSH_CONNECTION",
        "SSH_CLIENT",
        "SSH_TTY",
        "GNUPGHOME",
        "GPG_TTY",
        "AWS_REGION",
        "AWS_PROFILE",
        "AWS_SECRET_ACCESS_KEY",
        "DOCKER_CONFIG",
        "DOCKER_HOST",
        "DOCKER_BUILDKIT",
        "KUBECONFIG",
        "BASH_VERSION",
        "BASH_VERSINFO",
        "PS1",
        "PERL_MM_USE_DEFAULT",
        "PERL5_CPAN_IS_RUNNING",
        "RUBY_VERSION",
        "BUNDLE_PATH",
        "GEM_HOME",
        "PHP_INI_DIR",
        "PHP_VERSION",
        "COMPOSER_AUTH",
        "LD_RUN_PATH",
        // Rustup sets it for every cargo.
        "LD_LIBRARY_PATH",
        "OPENSSL_DIR",
        "OPENSSL_STATIC",
        "DOTNET_ROOT",
        "DOTNET_CLI_HOME",
        "DOTNET_NOLOGO",
        "GOPATH",
        "GOFLAGS",
        "CGO_ENABLED",
        "PGPASSWORD",
        "PGHOST",
    ];
    for program in policy.programs() {
        for variable in harmless {
            assert!(!injects(&program.name, variable), "{variable} into {}", program.name);
        }
    }
}

#[test]
fn a_file_declares_programs_of_its_own() {
    let policy = policy(
        "classes:\n  k: { paths: [/srv/key], action: kill, reason: r, readers: [signer] }\n\
         programs:\n  signer:\n    files: [signer, 'sign-*']\n    traits: [manager]\n    options: [-C *]\n    \
         quiet: ['sign [-v] ...', '']\n    installs: [plug **]\n    injected-by: [SIGNER_PLUGIN]\n",
    )
    .unwrap();
    let [signer] = policy.programs() else { panic!("one program") };
    assert_eq!(
        (signer.value.number, signer.value.traits, policy.names(signer.reads())),
        (1, trait_of::MANAGER, vec!["k".to_owned()])
    );
    assert!(signer.files[1].matches("sign-all"));
    for (text, flag) in [
        ("signer", QUIET),
        ("signer -C x", QUIET),
        ("signer sign a -v b", QUIET),
        ("signer -C sign sign -- -x", QUIET),
        ("signer sign -x", 0),
        ("signer -C", 0),
        ("signer plug -x", INSTALLS),
    ] {
        assert_eq!(flags(&policy, text), flag, "{text}");
    }
    let again = Policy::from_document(policy.document()).unwrap();
    assert_eq!((again.tables(3).commands, again.digest()), (policy.tables(3).commands, policy.digest()));
    let changed = super::policy("extends: builtin\nprograms:\n  git: { quiet: [status] }\n").unwrap();
    assert_eq!((flags(&changed, "git status"), flags(&changed, "git fetch")), (QUIET, 0));
    assert_eq!(number(&changed, "git"), number(&Policy::builtin(), "git"));
}

#[test]
fn bad_programs_are_refused_with_their_place() {
    for (text, parts) in [
        ("x: { traits: [shel] }", &["ci.yaml:3:17", "unknown trait `shel`", "did you mean `shell`?"][..]),
        ("'x y': { files: [x] }", &["ci.yaml:3:3", "no name of a program"]),
        ("x: { files: [a/b] }", &["ci.yaml:3:16", "bad name `a/b`"]),
        ("x: { scripts: [a] }", &["ci.yaml:3:18", "bad name `a`", "-m MODULE"]),
        ("x: { quiet: ['a [b'] }", &["ci.yaml:3:16", "bad command line `a [b`", "`[` without `]`"]),
        ("x: { options: ['a *'] }", &["ci.yaml:3:18", "bad command line `a *`", "no option"]),
        ("x: { injected-by: ['A*'] }", &["ci.yaml:3:22", "bad variable `A*`"]),
        ("x: { quite: [a] }", &["did you mean `quiet`?"]),
    ] {
        let message = policy(&format!("programs:\n  {text}\n")).unwrap_err().to_string();
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
    let reader = "programs:\n  signer: { files: [x] }\nclasses:\n  k: { paths: [/k], action: kill, reason: r, readers: [sinner] }\n";
    let message = policy(reader).unwrap_err().to_string();
    assert!(
        message.contains("ci.yaml:5:") && message.contains("unknown program `sinner`; did you mean `signer`?"),
        "{message}"
    );
}
