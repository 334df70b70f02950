//! Every file that names places, written in the middle of a job by a declared reader of its class, and then by somebody else: what the
//! one writes is believed, and what anyone else had a hand in is not, by whatever way.

#[path = "kept_edits/texts.rs"]
mod texts;

use detector::{
    event::Body,
    network::kept::{File, formats},
    policy::Policy,
};
use detector_tests::{scene::Scene, watched::Watched};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

type Result = anyhow::Result<()>;

/// Files of the home whose directory has one name, of classes that are more than recorded.
fn rows() -> impl Iterator<Item = &'static File> {
    let policy = Policy::builtin();
    let is_kept = move |row: &&File| policy.class(row.class).is_ok_and(|class| !class.is_observed());
    formats()
        .iter()
        .filter(is_kept)
        .filter(|row| row.path.strip_prefix("~/").is_some_and(|rest| !parent(rest).contains('*')))
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// A policy by which `cp` and `install` are declared readers of each class that such files are of.
fn policy() -> String {
    let classes: BTreeSet<_> = formats().iter().map(|row| row.class).collect();
    let classes: String = classes.iter().map(|class| format!("  {class}: {{ readers: [keeper] }}\n")).collect();
    format!("version: 1\nextends: builtin\nprograms:\n  keeper: {{ files: [cp, install] }}\nclasses:\n{classes}")
}

/// Runs `each` for every row, in so many jobs: one learns 64 places at most. The hosts that were named.
fn named(each: &str, jobs: usize) -> anyhow::Result<BTreeSet<String>> {
    let rows: Vec<_> = rows().enumerate().collect();
    let hosts = rows.chunks(rows.len().div_ceil(jobs)).map(|rows| named_by(each, rows));
    hosts.collect::<anyhow::Result<Vec<_>>>().map(|hosts| hosts.into_iter().flatten().collect())
}

/// Runs `each` for these rows, with the file as `$F`, what is good to write there as `$GOOD` and what is not as `$EVIL`; then a last
/// file is written in order. The hosts that were named.
fn named_by(each: &str, rows: &[(usize, &File)]) -> anyhow::Result<BTreeSet<String>> {
    let scene = Scene::new()?;
    let texts = scene.home.tmp().join("texts");
    fs::create_dir(&texts)?;
    let mut script = "set -e\n".to_owned();
    for (n, row) in rows {
        for kind in ["good", "evil"] {
            fs::write(texts.join(format!("{kind}.{n}")), texts::of(row.format, &format!("{kind}-{n}.test")))?;
        }
        let file = row.path.replacen('~', "$HOME", 1).replace('*', "x");
        let at = texts.display();
        script +=
            &format!("F={file} GOOD={at}/good.{n} EVIL={at}/evil.{n}\nmkdir -p \"${{F%/*}}\"; rm -f \"$F\"\n{each}\n");
    }
    fs::write(texts.join("last"), "machine last.test login x password y\n")?;
    script += &format!("rm -f ~/.netrc; cp {}/last ~/.netrc\n", texts.display());
    let run = Watched::run(&scene, &scene.job(["bash", "-c", &script]).policy(policy()).mode("audit"))?;
    assert_eq!(run.outcome.code(), Some(0), "{}", String::from_utf8_lossy(&run.outcome.stderr));
    let hosts = run.recording.events.iter().filter_map(|event| match &event.body {
        Body::Kept(kept) => Some(kept.host.clone()),
        _ => None,
    });
    let hosts: BTreeSet<_> = hosts.collect();
    assert!(hosts.contains("last.test"), "nobody looked: {hosts:?}");
    Ok(hosts)
}

/// The rows of `kind` whose host is among `hosts`, by path.
fn of(hosts: &BTreeSet<String>, kind: &str) -> BTreeMap<usize, &'static str> {
    let is = |n: usize| hosts.iter().any(|host| host.ends_with(&format!("{kind}-{n}.test")));
    rows().enumerate().filter(|(n, _)| is(*n)).map(|(n, row)| (n, row.path)).collect()
}

fn all_but(hosts: &BTreeSet<String>, kind: &str) -> Vec<&'static str> {
    let are = of(hosts, kind);
    rows().enumerate().filter(|(n, _)| !are.contains_key(n)).map(|(_, row)| row.path).collect()
}

#[test]
fn what_a_reader_writes_is_believed_of_every_file() -> Result {
    for (written, jobs) in [
        ("cp \"$GOOD\" \"$F\"", 1),
        // Over what was there.
        ("echo > \"$F\"; cp \"$GOOD\" \"$F\"", 1),
        ("echo > \"$F\"; install -m 600 \"$GOOD\" \"$F\"", 1),
        // Under another name at first, as many programs do.
        ("cp \"$GOOD\" \"$F.new\"; mv \"$F.new\" \"$F\"", 1),
        // More of it: both may be seen.
        ("cp \"$EVIL\" \"$F\"; cp \"$GOOD\" \"$F\"", 2),
    ] {
        let hosts = named(written, jobs)?;
        assert!(all_but(&hosts, "good").is_empty(), "{written}: {:?}", all_but(&hosts, "good"));
    }
    Ok(())
}

#[test]
fn what_anyone_else_had_a_hand_in_is_not_believed_of_any_file() -> Result {
    for edit in [
        "cat \"$EVIL\" > \"$F\"",
        "cp \"$GOOD\" \"$F\"; cat \"$EVIL\" > \"$F\"",
        "cp \"$GOOD\" \"$F\"; cat \"$EVIL\" >> \"$F\"",
        "cp \"$GOOD\" \"$F\"; sed -i 's/good/evil/' \"$F\"",
        "cp \"$GOOD\" \"$F\"; perl -pi -e 's/good/evil/' \"$F\"",
        // Another file in its place, by each way that there is.
        "cp \"$GOOD\" \"$F\"; cat \"$EVIL\" > \"$F.x\"; mv \"$F.x\" \"$F\"",
        "cat \"$EVIL\" > \"$F.x\"; ln \"$F.x\" \"$F\"; rm \"$F.x\"",
        "cat \"$EVIL\" > \"$F.x\"; ln -s \"$F.x\" \"$F\"",
        // Opened before, written to behind.
        ": > \"$F\"; exec 9>>\"$F\"; cp \"$GOOD\" \"$F\"; cat \"$EVIL\" >&9; exec 9>&-",
        // A descriptor that a reader writes to, and somebody else opened.
        "install /dev/stdin /dev/fd/9 < \"$EVIL\" 9> \"$F\" || cat \"$EVIL\" > \"$F\"",
        // A reader copies what somebody else wrote there.
        "cat \"$EVIL\" > \"$F\"; cp \"$F\" \"$F.x\"; rm \"$F\"; mv \"$F.x\" \"$F\"",
    ] {
        let hosts = named(edit, 1)?;
        assert!(of(&hosts, "evil").is_empty(), "{edit}: {:?}", of(&hosts, "evil"));
    }
    Ok(())
}
