//! What a good file means.

use super::{
    super::{Access, Door, Sureness},
    *,
};
use crate::{
    engine::{Action, Mode, Severity},
    secret::{ClassSet, redact},
};
use std::fs;

#[test]
fn the_builtin_policy_stands() {
    let policy = Policy::builtin();
    let all = policy.names(ClassSet::ALL);
    for name in ["aws", "npm", "pypi", "git", "ssh", "docker", "kube", "runner-memory", "foreign-environ", "step-env"] {
        assert!(all.iter().any(|class| class == name), "{name}");
    }
    // Users' own classes have what is left of the 64.
    assert!(all.len() <= 59, "{}", all.len());
    assert_eq!((policy.mode(), policy.fail_on()), (None, Severity::High));
    assert_eq!(policy.names(policy.memory()), ["runner-memory"]);
    assert_eq!(policy.names(policy.environ()), ["foreign-environ"]);
    assert_eq!(policy.action(policy.kill()), Action::Kill);
    assert_eq!(policy.names(policy.dump()), ["step-env"]);
    assert_eq!(policy.names(policy.metadata()), ["cloud-role"]);
    assert_eq!(policy.log(), policy.kill());
    for class in policy.classes() {
        assert!(!class.reason.is_empty() && !class.owner.is_empty(), "{}", class.name);
        assert!(class.action != Action::Kill || class.sureness == Sureness::Certain, "{} kills", class.name);
        assert!(class.action == Action::Observe || class.sureness != Sureness::Weak, "{} is weak", class.name);
        assert!(class.access == Access::Read || class.is_observed(), "{}", class.name);
        let readers: std::collections::BTreeSet<_> = class.readers.iter().collect();
        assert_eq!(readers.len(), class.readers.len(), "{}: a reader stands twice", class.name);
        let paths: std::collections::BTreeSet<_> = class.paths.iter().map(ToString::to_string).collect();
        assert_eq!(paths.len(), class.paths.len(), "{}: a path stands twice", class.name);
    }
    let rows = policy.tables(1).watches.len();
    assert!(rows < 2_000, "{rows} rows: several jobs share the table");
    assert_eq!(policy.accepted([203, 0, 113, 1].into(), 443), ClassSet::EMPTY);
    for (path, class) in [
        ("/root/.aws/credentials", "aws"),
        ("/home/runner/.aws/sso/cache/‹redacted:40›.json", "aws"),
        ("/run/secrets/eks.amazonaws.com/serviceaccount/..2026_01_02/token", "aws"),
        ("/work/a/b/.npmrc", "npm"),
        ("/home/u/.config/uv/credentials.toml", "pypi"),
        ("/w/r/.git/config", "git"),
        ("/w/_temp/git-credentials-3f2c8a1b-9e4d-4c5f-8a6b-7c8d9e0f1a2b.config", "git"),
        ("…/.ssh/id_ed25519", "ssh"),
        ("/etc/ssh/ssh_host_ed25519_key", "ssh-host"),
        ("/run/containers/0/auth.json", "docker"),
        ("/run/secrets/kubernetes.io/serviceaccount/token", "kube"),
    ] {
        assert_eq!(names(&policy, path), [class], "{path}");
        assert_eq!(names(&policy, &redact::path(path.as_bytes())), [class], "redacted {path}");
    }
    for path in
        ["/root/.ssh/id_rsa.pub", "/etc/ssh/ssh_host_rsa_key.pub", "/root/.aws/credentials/x", "/config", "", "…/"]
    {
        assert_eq!(names(&policy, path), [""; 0], "{path}");
    }
}

#[test]
fn a_file_is_laid_over_what_it_extends() {
    let policy = policy(
        "extends: builtin\nmode: enforce\nfail-on: critical\nclasses:\n  aws: { action: alert }\n  \
         ssh: { paths: ['~/.ssh/id_rsa'] }\n  \
         own: { paths: [/srv/key], door: memory, action: deny, reason: \"ours,\\n  too\" }\n\
         destinations:\n  - { to: ['203.0.113.0/24:443'], accept: [own, aws] }\n  - { to: [198.51.100.7], accept: all }\n",
    )
    .unwrap();
    assert_eq!((policy.mode(), policy.fail_on()), (Some(Mode::Enforce), Severity::Critical));
    let named = |name| policy.classes().iter().find(|class| class.name == name).unwrap().clone();
    let [aws, own] = ["aws", "own"].map(named);
    let paths = Policy::builtin().classes()[0].paths.len();
    assert_eq!((aws.action, aws.paths.len(), own.reason.as_str()), (Action::Alert, paths, "ours, too"));
    assert_eq!(policy.classes().last().unwrap().name, "own");
    assert_eq!(names(&policy, "/root/.ssh/id_ed25519"), [""; 0]);
    // Two classes may stand behind one door: both are joined.
    assert_eq!(own.door, Some(Door::Memory));
    assert_eq!(policy.names(policy.memory()), ["runner-memory", "own"]);
    assert!(!policy.deny().contains(aws.id) && policy.deny().contains(own.id) && !policy.kill().contains(own.id));
    assert_eq!(policy.names(policy.accepted([203, 0, 113, 9].into(), 443)), ["aws", "own"]);
    assert_eq!(policy.accepted([203, 0, 113, 9].into(), 80), ClassSet::EMPTY);
    assert_eq!(policy.accepted("::ffff:198.51.100.7".parse().unwrap(), 9), ClassSet::ALL);
}

#[test]
fn nothing_is_inherited_unasked() {
    let policy = policy("").unwrap();
    assert!(policy.classes().is_empty());
    assert_eq!(policy.action(ClassSet::ALL), Action::Observe);
    assert_eq!(policy.fail_on(), Severity::High);
    for carrier in ["127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1"] {
        assert_eq!(policy.accepted(carrier.parse().unwrap(), 8080), ClassSet::ALL, "{carrier}");
    }
}

#[test]
fn files_extend_files_beside_them() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), format!("version: 1\n{text}")).unwrap();
    fs::create_dir(directory.path().join("base")).unwrap();
    write("base/base.yaml", "extends: builtin\nmode: audit\nclasses: { x: { paths: [/x], action: deny, reason: r } }");
    write("ci.yaml", "extends: base/base.yaml\nclasses: { x: { action: kill } }");
    let policy = Policy::load(&directory.path().join("ci.yaml")).unwrap();
    let last = policy.classes().last().unwrap();
    assert_eq!((policy.mode(), policy.classes().len()), (Some(Mode::Audit), Policy::builtin().classes().len() + 1));
    assert_eq!((last.name.as_str(), last.action), ("x", Action::Kill));
    // Eight steps are allowed.
    for i in 0..8 {
        write(&format!("{i}.yaml"), &format!("extends: {}.yaml\n", i + 1));
    }
    write("8.yaml", "mode: audit\n");
    assert_eq!(Policy::load(&directory.path().join("0.yaml")).unwrap().mode(), Some(Mode::Audit));
}

#[test]
fn a_pipe_is_as_good_as_a_file() {
    use std::{io::Write, os::fd::AsRawFd, path::Path};
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(b"version: 1\nmode: enforce\n").unwrap();
    drop(writer);
    let path = format!("/proc/self/fd/{}", reader.as_raw_fd());
    assert_eq!(Policy::load(Path::new(&path)).unwrap().mode(), Some(Mode::Enforce));
}

#[test]
fn the_recorded_document_makes_the_same_policy() {
    let resolvers = ["127.0.0.53", "192.0.2.53", "2001:db8::53", "192.0.2.53"].map(|a| a.parse().unwrap());
    let policy = Policy::builtin().with_resolvers(&resolvers);
    assert_eq!(policy.accepted(resolvers[1], 53), ClassSet::ALL);
    assert_eq!(policy.accepted(resolvers[1], 443), ClassSet::EMPTY);
    assert_eq!(policy.document().destinations.len(), Policy::builtin().document().destinations.len() + 2);
    assert_ne!(policy.digest(), Policy::builtin().digest());
    let json = serde_json::to_string(&policy.document()).unwrap();
    let again = Policy::from_document(serde_json::from_str(&json).unwrap()).unwrap();
    assert_eq!(again.digest(), policy.digest());
    assert_eq!(again.document(), policy.document());
    assert_eq!(format!("{:?}", again.tables(3)), format!("{:?}", policy.tables(3)));
    assert_eq!(policy.digest().len(), 64);
}

#[test]
fn names_that_the_host_knows_itself_are_accepted_as_questions() {
    let names = ["localhost", "here.test", "no name", ""].map(str::to_owned);
    let policy = Policy::builtin().with_local(&names);
    for name in ["localhost", "here.test"] {
        let host = policy.host(name);
        assert_eq!(host.over_all_ports().0, ClassSet::ALL, "{name}");
        assert_eq!((host.accepted(53), host.accepted(443)), (ClassSet::ALL, ClassSet::EMPTY), "{name}");
    }
    assert!(policy.host("a.here.test").is_unknown());
    let again = Policy::from_document(policy.document()).unwrap();
    assert_eq!(again.document().destinations.last().unwrap().to, ["localhost:53", "here.test:53"]);
    assert_eq!(again.digest(), policy.digest());
    assert_eq!(Policy::builtin().with_local(&names[2..]).digest(), Policy::builtin().digest());
}

#[test]
fn a_forged_document_is_refused() {
    let mut document = Policy::builtin().document();
    document.classes.push(document.classes[0].clone());
    let error = Policy::from_document(document).unwrap_err().into_first();
    assert!(matches!(error, PolicyError::Duplicate { .. }));
    let mut document = Policy::builtin().document();
    document.version = 2;
    let error = Policy::from_document(document).unwrap_err().into_first();
    assert!(matches!(error, PolicyError::Version { found: 2, .. }));
}
