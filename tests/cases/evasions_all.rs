//! Every fixture of `tests/evasions` under enforce: as a theft, and as its honest twin. `cargo xtask evasions` has them in audit, too.

use detector_tests::evasion::{FILES, all, enforce};
use std::collections::BTreeSet;

/// Panics when one of the fixtures of `file` does not come to what it says.
fn come_to_what_they_say(file: &str) -> anyhow::Result<()> {
    let wrong: Vec<_> = enforce(&all(file)?)?
        .into_iter()
        .filter(|figures| !figures.wrong.is_empty())
        .map(|figures| format!("{}: {:#?}", figures.fixture.name, figures.wrong))
        .collect();
    assert!(wrong.is_empty(), "{file}: {wrong:#?}");
    Ok(())
}

#[test]
fn names() -> anyhow::Result<()> {
    come_to_what_they_say("names.py")
}

#[test]
fn content() -> anyhow::Result<()> {
    come_to_what_they_say("content.py")
}

#[test]
fn flows() -> anyhow::Result<()> {
    come_to_what_they_say("flows.py")
}

#[test]
fn shapes() -> anyhow::Result<()> {
    come_to_what_they_say("shapes.sh")
}

#[test]
fn ways_out() -> anyhow::Result<()> {
    come_to_what_they_say("exits.py")
}

#[test]
fn doors() -> anyhow::Result<()> {
    come_to_what_they_say("doors.py")
}

#[test]
fn hiding() -> anyhow::Result<()> {
    come_to_what_they_say("hiding.py")
}

#[test]
fn io_uring() -> anyhow::Result<()> {
    come_to_what_they_say("uring.py")
}

/// A gap has a reason, and no name stands for two.
#[test]
fn the_table_is_sound() -> anyhow::Result<()> {
    let mut names = BTreeSet::new();
    for file in FILES {
        for fixture in all(file)? {
            let gap = fixture.enforce == detector_tests::evasion::Expected::Gap;
            assert!(!gap || fixture.why.is_some(), "{}: a gap without a reason", fixture.name);
            assert!(names.insert((file, fixture.name.clone())), "{file}: {} stands twice", fixture.name);
        }
    }
    assert!(names.len() > 100, "{} fixtures", names.len());
    Ok(())
}
