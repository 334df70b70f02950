//! Every path of the builtin catalogue, as a file that is really opened: by a program that nobody declared, and by a
//! declared reader. The cases are made of the data: a path that is added is a case.
//!
//! The files lie under a root of their own, so that those of `/etc` and `/var` are in no other's way.

use detector::{
    engine::{Action, Severity},
    policy::{Access, Class, Policy, Sureness},
    secret::redact,
};
use detector_tests::{
    console::{self, plain},
    fixture::binary,
    judged, run,
    scene::Scene,
    watched::Watched,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

type Result = anyhow::Result<()>;

/// The home of the files that may be in any.
const HOME: &str = "/home/u";

/// One file that is opened.
struct Case {
    /// Its class, and the pattern that it is made of; none for a neighbour, which is of no class.
    of: Option<(String, String)>,
    path: String,
    write: bool,
}

/// A value for every variable that moves a file.
fn environment(policy: &Policy) -> BTreeMap<String, String> {
    let names = policy.variables().into_iter().filter(|name| name != "PWD");
    names.map(|name| (name.clone(), format!("/moved/{name}"))).collect()
}

/// The files of `class`, and beside each a neighbour that nobody watches.
fn cases_of(policy: &Policy, class: &Class) -> Vec<Case> {
    let write = class.access == Access::Write;
    let mut cases = Vec::new();
    for pattern in &class.paths {
        for path in pattern.examples(HOME) {
            let (directory, leaf) = path.rsplit_once('/').unwrap_or_default();
            let near = format!("{directory}-x/x{leaf}x");
            if policy.classes_opened(&near, write).is_empty() && policy.sdk_of(&near).is_empty() {
                cases.push(Case { of: None, path: near, write });
            }
            cases.push(Case { of: Some((class.name.clone(), pattern.to_string())), path, write });
        }
    }
    cases
}

/// The resolved policy and all its files.
fn cases() -> (Policy, Vec<Case>) {
    let policy = Policy::builtin();
    let environment = environment(&policy);
    let policy = policy.for_job(&environment);
    let cases = policy.classes().iter().flat_map(|class| cases_of(&policy, class)).collect();
    (policy, cases)
}

/// Makes the files, and lets `program`, which is the fixture, open them all in one job under `policy`.
fn open_all(scene: &Scene, cases: &[Case], program: &Path, policy: &str) -> anyhow::Result<Watched> {
    let (root, list) = (scene.home.tmp().join("root"), scene.home.tmp().join("list"));
    let mut lines = String::new();
    for case in cases {
        let path = root.join(case.path.trim_start_matches('/'));
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(&path, "nothing\n")?;
        lines += &format!("{} {}\n", if case.write { "w" } else { "r" }, case.path);
    }
    fs::write(&list, lines)?;
    let command = [program, Path::new("open-all"), &root, &list];
    let mut job = scene.job(command).policy(policy);
    for (name, value) in environment(&Policy::builtin()) {
        job = job.env(name, value);
    }
    let run = Watched::run(scene, &job)?;
    assert_eq!(run.outcome.code(), Some(0), "{}", String::from_utf8_lossy(&run.outcome.stderr));
    Ok(run)
}

/// Every file of a class was told of, as one of it; no neighbour was. (That kernel side and engine agree on each event,
/// and replay on all, `Watched` has seen to.)
fn assert_told(run: &Watched, cases: &[Case]) -> Result {
    let policy = Policy::from_document(run.recording.header.policy.document.clone())?;
    let mut told: BTreeMap<(&str, bool), u64> = BTreeMap::new();
    for (event, open) in run.recording.opens() {
        *told.entry((&open.path, open.write)).or_default() |= event.kernel.unwrap_or_default().bits;
    }
    let mut missed = Vec::new();
    for case in cases {
        let bits = told.get(&(&*redact::path(case.path.as_bytes()), case.write)).copied();
        let as_expected = match &case.of {
            None => bits.is_none(),
            Some((class, _)) => {
                let id = policy.class(class)?.id;
                bits.is_some_and(|bits| bits & (1 << id.index()) != 0)
                    && bits == Some(policy.classes_opened(&case.path, case.write).bits())
            }
        };
        if !as_expected {
            missed.push(format!("{:?} {}: {bits:?}", case.of, case.path));
        }
    }
    assert!(missed.is_empty(), "{} of {}:\n{}", missed.len(), cases.len(), missed.join("\n"));
    Ok(())
}

#[test]
fn every_path_opened_by_a_program_that_nobody_declared() -> Result {
    let (_, cases) = cases();
    let paths: BTreeSet<_> = cases.iter().filter(|case| case.of.is_some()).map(|case| &case.path).collect();
    let neighbours = cases.iter().filter(|case| case.of.is_none()).count();
    assert!(paths.len() > 600 && neighbours > 400, "{} paths, {neighbours} neighbours", paths.len());
    let scene = Scene::new()?;
    let run = open_all(&scene, &cases, &binary("fixture")?, "version: 1\nextends: builtin\n")?;
    assert_eq!(run.recording.programs(), [""]);
    assert_told(&run, &cases)?;
    judged::assert_folded(&run, judged::of_stranger)?;
    let mut document = run.recording.header.policy.document.clone();
    let severities =
        judged::assert_each(&run.recording, &Policy::from_document(document.clone())?, judged::of_stranger);
    // Of every severity that the catalogue gives reason to: none of them is just how bad anything is.
    for (rule, all) in [
        ("undeclared-reader", &[Severity::Info, Severity::Low, Severity::Medium][..]),
        ("decoy", &[Severity::High]),
        ("escape", &[Severity::High]),
    ] {
        assert!(severities[rule].iter().eq(all), "{rule}: {severities:?}");
    }
    // And if the policy said something else of the classes, each time: it is what it says that counts.
    let actions = [Action::Observe, Action::Alert, Action::Deny, Action::Kill];
    for (n, class) in document.classes.iter_mut().enumerate() {
        class.action = actions[n % actions.len()];
        class.sureness = [Sureness::Weak, Sureness::Likely, Sureness::Certain][n % 3];
    }
    judged::assert_each(&run.recording, &Policy::from_document(document)?, judged::of_stranger);
    // It went through all groups of what it read; nothing was missing, and nothing was sent.
    let policy = Policy::builtin();
    let of = |rule: &str| run.conclusion.findings.iter().filter(|finding| finding.rule == rule).collect::<Vec<_>>();
    let groups = |secret: &[String]| {
        secret.iter().map(|name| Ok(policy.class(name)?.group.clone())).collect::<anyhow::Result<BTreeSet<_>>>()
    };
    let ([sweep], [read]) = (&of("sweep")[..], &of("undeclared-reader")[..]) else { panic!("not one each") };
    let read = groups(&read.secret)?;
    assert_eq!((groups(&sweep.secret)?, sweep.severity), (read.clone(), Severity::Medium));
    assert!(sweep.message.contains(&format!("of {} unrelated kinds", read.len())), "{}", sweep.message);
    Ok(())
}

#[test]
fn every_path_opened_by_a_declared_reader() -> Result {
    let (policy, cases) = cases();
    let scene = Scene::new()?;
    // A declared program lies in no directory of temporary files, and the checkout may.
    let directory = tempfile::Builder::new().prefix("detector-stand-in-").tempdir_in("/var/lib")?;
    let program = directory.path().join("fixture");
    // By cp: a copy of our own could be busy while another test forks.
    console::run(plain("cp").arg(binary("fixture")?).arg(&program))?.assert_ended(0, &[]);
    let mut text = format!(
        "version: 1\nextends: builtin\nprograms:\n  stand-in: {{ files: ['{}'] }}\nclasses:\n",
        program.display()
    );
    for class in policy.classes() {
        text += &format!("  {}: {{ readers: [stand-in] }}\n", class.name);
    }
    let run = open_all(&scene, &cases, &program, &text)?;
    assert_eq!(run.recording.programs(), ["stand-in"]);
    assert_told(&run, &cases)?;
    judged::assert_folded(&run, judged::of_reader)?;
    let policy = Policy::from_document(run.recording.header.policy.document.clone())?;
    judged::assert_each(&run.recording, &policy, judged::of_reader);
    assert_eq!(run.worst("sweep"), None, "what a declared reader reads counts for none");
    Ok(())
}

/// Runs `script` in a mount namespace of its own.
fn mounted(scene: &Scene, script: &str) -> anyhow::Result<Watched> {
    let run = Watched::run(scene, &scene.job(["unshare", "-m", "bash", "-ec", script]))?;
    assert_eq!(run.outcome.code(), Some(0), "{}", String::from_utf8_lossy(&run.outcome.stderr));
    Ok(run)
}

fn read(run: &Watched, path: &Path) -> bool {
    let shown = redact::path(path.as_os_str().as_encoded_bytes());
    run.recording.opens().any(|(_, open)| open.read && open.path == shown)
}

#[test]
fn a_volume_on_a_directory_of_secrets_hides_none() -> Result {
    let scene = Scene::new()?;
    let script = "cd \"$HOME\"; mkdir -p secrets/tokens .ssh/keys plain; for at in secrets/tokens .ssh/keys plain; do \
        mount -t tmpfs none $at; mkdir $at/..data; echo made-up > $at/..data/one; echo made-up > $at/two; \
        cat $at/..data/one $at/two > /dev/null; done";
    let run = mounted(&scene, script)?;
    for (directory, watched) in [("secrets/tokens", true), (".ssh/keys", true), ("plain", false)] {
        for file in ["..data/one", "two"] {
            assert_eq!(read(&run, &scene.home.path().join(directory).join(file)), watched, "{directory}/{file}");
        }
    }
    Ok(())
}

/// And a credential that was there before goes by any.
#[test]
fn a_file_mounted_on_another_goes_by_that_name() -> Result {
    let scene = Scene::new()?;
    let script = "cd \"$HOME\"; echo made-up > one; echo made-up > two; touch .npmrc plain; mkdir -p .ssh; touch .ssh/id_x; \
        mount --bind one .npmrc; mount --bind two .ssh/id_x; mount --bind .docker/config.json plain; \
        echo made-up > other; touch by-it; mount --bind other by-it; cat .npmrc .ssh/id_x plain by-it > /dev/null";
    let run = mounted(&scene, script)?;
    for (file, watched) in [(".npmrc", true), (".ssh/id_x", true), ("plain", true), ("by-it", false)] {
        assert_eq!(read(&run, &scene.home.path().join(file)), watched, "{file}");
    }
    Ok(())
}

/// `detector catalogue` with these arguments: its exit status, standard output and error.
fn printed(arguments: &[&str]) -> anyhow::Result<(Option<i32>, String, String)> {
    let output = Command::new(run::detector()?).arg("catalogue").args(arguments).output()?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status.code(), text(&output.stdout), text(&output.stderr)))
}

#[test]
fn the_command_prints_it() -> Result {
    let policy = Policy::builtin();
    let (status, table, _) = printed(&[])?;
    assert_eq!(status, Some(0));
    for class in policy.classes() {
        assert!(table.lines().any(|line| line.starts_with(&format!("{} ", class.name))), "{}", class.name);
    }
    let (status, one, _) = printed(&["ssh"])?;
    assert_eq!(status, Some(0));
    assert!(one.contains("~/.ssh/id_*") && one.contains("*.pub") && one.contains("kill"), "{one}");
    let (status, json, _) = printed(&["ssh", "--format", "json"])?;
    let json: serde_json::Value = serde_json::from_str(&json)?;
    assert_eq!((status, &json["classes"][0]["name"]), (Some(0), &"ssh".into()));
    let (status, out, error) = printed(&["shh"])?;
    assert_eq!((status, out.as_str()), (Some(102), ""));
    assert!(error.contains("unknown class `shh`") && error.contains("did you mean `ssh`?"), "{error}");
    Ok(())
}

#[test]
fn the_command_prints_the_policy_it_is_given() -> Result {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("ci.yaml");
    fs::write(&file, "version: 1\nclasses: { own: { paths: ['$WS/key'], action: deny, reason: ours } }\n")?;
    let path = file.display().to_string();
    let (status, table, _) = printed(&["--policy", &path])?;
    assert_eq!(status, Some(0));
    assert!(table.contains("own ") && !table.contains("aws "), "{table}");
    assert_eq!(printed(&["--policy", &path, "aws"])?.0, Some(102));
    fs::write(&file, "version: 1\nclases: {}\n")?;
    assert_eq!(printed(&["--policy", &path])?.0, Some(102));
    Ok(())
}
