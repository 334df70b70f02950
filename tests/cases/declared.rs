//! Declared programs on a real host: known by their files, by their scripts, and by nothing else.

use detector::event::{Body, Exec};
use detector_common::command::line;
use detector_tests::{scene::Scene, watched::Watched};
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

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
