//! Names that are asked for, of name servers and of services of the host.

use super::{
    programs::GH,
    story::{AWS, GIT_TOKEN, NPMRC, Story},
};
use crate::{
    engine::Verdict::{Fail, Pass},
    event::{Exec, Outcome, Service},
};

const BASH: u32 = 10;
const NSCD: Option<Service> = Some(Service::Nscd);
const RESOLVED: Option<Service> = Some(Service::SystemdResolved);

fn reads(path: &str) -> Story {
    let mut story = Story::new();
    story.start(BASH, "/bin/bash").read(BASH, path);
    story
}

#[test]
fn a_service_is_asked_as_a_name_server_is() {
    for service in [None, NSCD, RESOLVED] {
        reads(NPMRC).ask(BASH, service, "registry.test").finds(&[]);
        reads(NPMRC).ask(BASH, service, "drop.evil.test").finds(&[("leak", &["npm"])]);
        reads(AWS).ask(BASH, service, "registry.test").finds(&[("leak", &["aws"])]);
        reads(AWS).ask(BASH, service, "").finds(&[("leak", &["aws"])]);
        Story::new().start(BASH, "/bin/bash").ask(BASH, service, "drop.evil.test").finds(&[]);
        // What a declared reader read itself it does not spell.
        let mut reader = Story::new();
        reader.start(BASH, "/bin/bash").run(BASH, "/usr/bin/gh", Exec { program: GH, ..Exec::default() });
        reader.read(BASH, GIT_TOKEN).ask(BASH, service, "drop.evil.test").finds(&[]);
    }
}

#[test]
fn what_a_service_was_asked_for_could_not_be_refused() {
    let told = reads(AWS).ask(BASH, NSCD, "drop.evil.test").conclude();
    let [leak] = told.findings.as_slice() else { panic!("{:?}", told.findings) };
    let expected = "bash holds [aws] and asked nscd for drop.evil.test, which does not accept it; nscd asks in its own name, so that \
                    could not be refused";
    assert_eq!((leak.message.as_str(), told.verdict), (expected, Fail));
    assert_eq!(leak.destination.as_ref().unwrap().to_string(), "drop.evil.test (by nscd)");
    let unreadable = reads(AWS).ask(BASH, RESOLVED, "").conclude();
    let expected = "bash holds [aws] and asked systemd-resolved for a name that cannot be read, which does not accept it; \
                    systemd-resolved asks in its own name, so that could not be refused";
    assert_eq!(unreadable.findings[0].message, expected);
    // A name server that refused it before does not hide that it went out.
    let mut both = reads(AWS);
    both.stopping(Outcome::Refused).ask(BASH, None, "drop.evil.test");
    both.stopping(Outcome::Passed).ask(BASH, NSCD, "drop.evil.test");
    let both = both.conclude();
    assert_eq!((both.findings.len(), both.findings[0].count), (1, 2));
    assert!(both.findings[0].message.contains("nscd asks in its own name"), "{}", both.findings[0].message);
}

/// The kernel side reads no name that a service is asked for.
#[test]
fn of_a_service_only_what_is_held_was_decided() {
    let bits = super::classes(&["aws"]).bits();
    let decision = reads(AWS).ask(BASH, NSCD, "drop.evil.test").tell().decision();
    assert_eq!((decision.bits, decision.leak), (bits, 0));
    let decision = reads(AWS).ask(BASH, None, "drop.evil.test").tell().decision();
    assert_eq!((decision.bits, decision.leak), (bits, bits));
}

#[test]
fn a_service_that_was_asked_is_a_gap_and_no_more() {
    let mut story = reads(NPMRC);
    story.ask(BASH, NSCD, "registry.test").ask(BASH, NSCD, "registry.test").ask(BASH, RESOLVED, "registry.test");
    let told = story.conclude();
    let gaps = &told.coverage.gaps;
    assert_eq!((gaps.len(), told.verdict), (2, Pass));
    assert!(
        gaps[0].starts_with("nscd was asked 2 questions")
            && gaps[1].starts_with("systemd-resolved was asked 1 question ")
    );
    assert!(reads(NPMRC).ask(BASH, None, "registry.test").conclude().coverage.gaps.is_empty());
}
