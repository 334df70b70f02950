//! How strong the evidence is, from join to flow.

use super::{
    programs::{GIT, PYTHON, SH, SUM},
    story::{AWS, GIT_TOKEN, NPMRC, Story, at, file, pipe},
};
use crate::event::{Door, Exec, Object, Relation};
use detector_common::command::line::{DUMPS, QUIET};

const BASH: u32 = 10;
const CHILD: u32 = 11;
const CAT: u32 = 12;

const NONE: &[&str] = &[];
const OF_AWS: &[&str] = &["aws"];
const OF_GIT: &[&str] = &["git"];

fn step() -> Story {
    let mut story = Story::new();
    story.start(BASH, "/bin/bash");
    story
}

fn runs(program: u16, line: u16) -> Exec {
    Exec { program, line, ..Exec::default() }
}

/// A step in which git, on this line, has read its token.
fn git(line: u16) -> Story {
    let mut story = step();
    story.fork(BASH, CHILD).run(CHILD, "/usr/bin/git", runs(GIT, line)).read(CHILD, GIT_TOKEN);
    story
}

#[test]
fn who_opens_a_credential_holds_it_and_a_declared_reader_as_reader() {
    step().read(BASH, AWS).read(BASH, GIT_TOKEN).has(BASH, [&["aws", "git"], NONE, NONE, NONE]);
    git(QUIET).read(CHILD, AWS).has(CHILD, [OF_AWS, OF_GIT, NONE, NONE]);
    git(0).has(CHILD, [NONE, OF_GIT, NONE, NONE]);
}

#[test]
fn who_asks_a_metadata_service_holds_what_it_is_given() {
    let ask = |story: &mut Story, pid| _ = story.access(pid, Door::Metadata, Relation::Outside, 0);
    let mut story = step();
    ask(&mut story, BASH);
    story.has(BASH, [NONE, NONE, &["role"], NONE]);
    let decision = story.tell().decision();
    assert_eq!(decision.bits, super::classes(&["role"]).bits());
    story.fork(BASH, CHILD).run(CHILD, "/bin/sh", runs(SH, 0));
    ask(&mut story, CHILD);
    story.has(CHILD, [&["role"], NONE, NONE, &["role"]]);
}

#[test]
fn what_is_observed_is_joined_by_nobody() {
    let mut story = step();
    story.read(BASH, "/root/.notes").has(BASH, [NONE; 4]);
    assert_eq!(story.tell().decision().bits, super::classes(&["notes"]).bits(), "and recorded all the same");
    story.open_as(BASH, "/root/.notes", "/tmp/x", true).has(BASH, [NONE; 4]);
}

#[test]
fn fork_copies_all_strengths() {
    let mut story = git(QUIET);
    story.read(CHILD, AWS).run(BASH, "/bin/sh", runs(SH, 0)).fork(CHILD, 20).has(20, [OF_AWS, OF_GIT, NONE, NONE]);
    // The child runs what its parent runs: still a reader, on a quiet line.
    story.give(20, pipe(1)).take(BASH, pipe(1)).has(BASH, [OF_AWS, NONE, NONE, OF_GIT]);
    let mut below = step();
    below.read(BASH, AWS).run(BASH, "/bin/sh", runs(SH, 0)).fork(BASH, 20).has(20, [NONE, NONE, NONE, OF_AWS]);
    let decision = below.tell().decision();
    assert_eq!((decision.bits, decision.inherited), (0, super::classes(&["aws"]).bits()));
}

#[test]
fn exec_passes_held_on_with_a_fresh_token_only() {
    let exec = |exec| {
        let mut story = step();
        story.read(BASH, AWS).run(BASH, "/usr/bin/curl", exec);
        story
    };
    exec(Exec { fresh: true, ..Exec::default() }).has(BASH, [OF_AWS, NONE, NONE, NONE]);
    exec(Exec::default()).has(BASH, [NONE, NONE, NONE, OF_AWS]);
    exec(Exec { copied: 9, ..Exec::default() }).has(BASH, [NONE, NONE, NONE, OF_AWS]);
    // Never dropped, and never made stronger.
    let mut on = exec(Exec::default());
    on.run(BASH, "/bin/true", Exec { fresh: true, copied: 9, ..Exec::default() });
    on.has(BASH, [NONE, NONE, NONE, OF_AWS]);
}

#[test]
fn what_a_quiet_reader_read_goes_along_as_inherited() {
    let fresh = |program| Exec { fresh: true, ..runs(program, 0) };
    git(QUIET).run(CHILD, "/usr/bin/git", fresh(GIT)).has(CHILD, [NONE, NONE, NONE, OF_GIT]);
    git(QUIET).run(CHILD, "/bin/sh", fresh(SH)).has(CHILD, [NONE, NONE, NONE, OF_GIT]);
    // Nor to a program that nobody declared: the line was measured, and a build script has tokens of its own.
    git(QUIET).run(CHILD, "/tmp/hook", fresh(0)).has(CHILD, [NONE, NONE, NONE, OF_GIT]);
    git(QUIET).run(CHILD, "/tmp/hook", runs(0, 0)).has(CHILD, [NONE, NONE, NONE, OF_GIT]);
    git(0).run(CHILD, "/usr/bin/git", fresh(GIT)).has(CHILD, [OF_GIT, NONE, NONE, NONE]);
    git(0).run(CHILD, "/usr/bin/git", runs(GIT, 0)).has(CHILD, [NONE, NONE, NONE, OF_GIT]);
}

#[test]
fn the_environment_copied_into_arguments_is_held() {
    let mut story = step();
    let printed = Exec { line: DUMPS, stdout: crate::event::Stream::Pipe, ..runs(SH, 0) };
    story.run(BASH, "/usr/bin/env", printed).read(BASH, AWS).has(BASH, [&["aws", "step-env"], NONE, NONE, NONE]);
    let copied = |n| Exec { copied: n, ..Exec::default() };
    story.clone().run(BASH, "/usr/bin/curl", copied(2)).has(BASH, [&["step-env"], NONE, NONE, OF_AWS]);
    story.run(BASH, "/usr/bin/curl", copied(1)).has(BASH, [NONE, NONE, NONE, &["aws", "step-env"]]);
}

#[test]
fn a_pipe_carries_both_strengths_and_a_file_what_is_held() {
    let piped = |line, object| {
        let mut story = git(line);
        story.read(CHILD, AWS).give(CHILD, object).spawn(BASH, CAT, "/bin/cat").take(CAT, object);
        story
    };
    piped(QUIET, pipe(1)).has(CAT, [OF_AWS, NONE, NONE, OF_GIT]);
    piped(QUIET, file(1)).has(CAT, [OF_AWS, NONE, NONE, NONE]);
    piped(0, pipe(1)).has(CAT, [&["aws", "git"], NONE, NONE, NONE]);
    piped(0, file(1)).has(CAT, [&["aws", "git"], NONE, NONE, NONE]);
}

#[test]
fn what_is_inherited_goes_through_pipes_and_never_into_files() {
    let mut story = step();
    story.read(BASH, AWS).run(BASH, "/bin/sh", runs(SH, 0)).give(BASH, pipe(1)).give(BASH, file(1));
    story.start(CAT, "/bin/cat").take(CAT, file(1)).has(CAT, [NONE; 4]);
    story.take(CAT, pipe(1)).has(CAT, [NONE, NONE, NONE, OF_AWS]);
    // The same from somebody who holds it.
    story.start(20, "/bin/cat").read(20, AWS).give(20, pipe(1)).take(CAT, pipe(1));
    story.has(CAT, [OF_AWS, NONE, NONE, OF_AWS]);
}

#[test]
fn plain_writes_carry_nothing_into_files_and_little_into_pipes() {
    let wrote = |object, plain| {
        let mut story = step();
        story.read(BASH, AWS).write(BASH, object, plain).start(CAT, "/bin/cat").take(CAT, object);
        story
    };
    wrote(pipe(1), true).has(CAT, [NONE, NONE, NONE, OF_AWS]);
    wrote(file(1), true).has(CAT, [NONE; 4]);
    wrote(pipe(1), false).has(CAT, [OF_AWS, NONE, NONE, NONE]);
    // One that is not plain counts, whatever came before.
    let mut both = step();
    both.read(BASH, AWS).write(BASH, pipe(1), true).write(BASH, pipe(1), false).write(BASH, pipe(1), true);
    both.start(CAT, "/bin/cat").take(CAT, pipe(1)).has(CAT, [OF_AWS, NONE, NONE, NONE]);
}

#[test]
fn a_lossy_program_passes_on_inherited_on_a_quiet_line_only() {
    let summed = |exec| {
        let mut story = step();
        story.spawn(BASH, CHILD, "/bin/sh").run(CHILD, "/usr/bin/sha256sum", exec).read(CHILD, AWS);
        story.give(CHILD, pipe(1)).give(CHILD, file(1)).start(CAT, "/bin/cat");
        story
    };
    let mut quiet = summed(runs(SUM, QUIET));
    quiet.take(CAT, file(1)).has(CAT, [NONE; 4]).take(CAT, pipe(1)).has(CAT, [NONE, NONE, NONE, OF_AWS]);
    summed(runs(SUM, 0)).take(CAT, file(1)).has(CAT, [OF_AWS, NONE, NONE, NONE]);
    let injected = Exec { injected: true, ..runs(SUM, QUIET) };
    summed(injected).take(CAT, pipe(1)).has(CAT, [OF_AWS, NONE, NONE, NONE]);
}

#[test]
fn what_is_handed_to_a_reader_it_has_not_read() {
    let token = at(GIT_TOKEN);
    let reader = |handed| {
        let mut story = git(QUIET);
        story.start(20, "/bin/sh").run(20, "/usr/bin/git", runs(GIT, QUIET)).receive(20, token, handed);
        story
    };
    reader(true).has(20, [OF_GIT, NONE, NONE, NONE]);
    reader(false).has(20, [NONE, OF_GIT, NONE, NONE]);
    // Also where it opens the file itself later.
    reader(true).read(20, GIT_TOKEN).has(20, [OF_GIT, OF_GIT, NONE, NONE]);
    let mut handed = git(QUIET);
    handed.give(CHILD, pipe(1)).start(20, "/bin/sh").run(20, "/usr/bin/git", runs(GIT, QUIET));
    handed.receive(20, pipe(1), true).has(20, [NONE, NONE, NONE, OF_GIT]);
}

#[test]
fn a_credential_is_one_by_whatever_name_it_is_read() {
    let opened = |read| {
        let mut story = step();
        story.open(BASH, AWS, read).start(CAT, "/bin/cat");
        story
    };
    for read in [true, false] {
        opened(read).open_as(CAT, AWS, "/tmp/link", true).has(CAT, [OF_AWS, NONE, NONE, NONE]);
        opened(read).open_as(CAT, AWS, "/tmp/link", false).has(CAT, [NONE; 4]);
        opened(read).take(CAT, at(AWS)).has(CAT, [OF_AWS, NONE, NONE, NONE]);
        opened(read).receive(CAT, at(AWS), true).has(CAT, [OF_AWS, NONE, NONE, NONE]);
    }
    step().start(CAT, "/bin/cat").open_as(CAT, AWS, "/tmp/link", true).has(CAT, [NONE; 4]);
    // Another file of the same name as that one's link.
    opened(true).read(CAT, "/tmp/link").has(CAT, [NONE; 4]);
}

#[test]
fn a_credential_read_by_its_identity_is_a_source() {
    let mut story = step();
    story.open(BASH, AWS, false).start(CAT, "/bin/cat").take(CAT, at(AWS)).connect(CAT, super::story::SINK);
    let conclusion = story.conclude();
    assert_eq!(conclusion.reasons.len(), 1, "the open is the give that the take names: {:?}", conclusion.reasons);
    let chain = &conclusion.findings[0].chain;
    assert_eq!((chain.len(), &chain[0].did), (2, &crate::engine::Did::Read { path: AWS.into() }));
}

#[test]
fn memory_of_another_process_gives_what_that_holds_in_any_way() {
    let mut story = git(QUIET);
    story.start(CAT, "/bin/cat").enter(CAT, CHILD, Door::Mem, Relation::Job).has(CAT, [OF_GIT, NONE, NONE, NONE]);
    let mut inherited = git(QUIET);
    inherited.run(CHILD, "/bin/sh", runs(SH, 0)).start(CAT, "/bin/cat");
    inherited.enter(CAT, CHILD, Door::Mem, Relation::Job).has(CAT, [NONE; 4]);
}

#[test]
fn an_sdk_makes_its_interpreter_a_user() {
    let python = |program| {
        let mut story = step();
        story.run(BASH, "/usr/bin/python3", runs(program, 0));
        story
    };
    python(PYTHON).read(BASH, super::BOTO).read(BASH, AWS).has(BASH, [NONE, NONE, OF_AWS, NONE]);
    python(PYTHON).read(BASH, super::BOTO).take(BASH, pipe(1)).has(BASH, [NONE; 4]);
    // Too late, written instead of read, of another class, or by what is no interpreter.
    python(PYTHON).read(BASH, AWS).read(BASH, super::BOTO).has(BASH, [OF_AWS, NONE, NONE, NONE]);
    python(PYTHON).open(BASH, super::BOTO, false).read(BASH, AWS).has(BASH, [OF_AWS, NONE, NONE, NONE]);
    python(PYTHON).read(BASH, super::BOTO).read(BASH, NPMRC).has(BASH, [&["npm"], NONE, NONE, NONE]);
    python(0).read(BASH, super::BOTO).read(BASH, AWS).has(BASH, [OF_AWS, NONE, NONE, NONE]);
    python(SH).read(BASH, super::BOTO).read(BASH, AWS).has(BASH, [OF_AWS, NONE, NONE, NONE]);
    // The take that precedes the open of a known credential says the same.
    let mut second = python(PYTHON);
    second.start(20, "/bin/sh").read(20, AWS).read(BASH, super::BOTO).take(BASH, at(AWS)).read(BASH, AWS);
    second.has(BASH, [NONE, NONE, OF_AWS, NONE]);
    let decision = python(PYTHON).read(BASH, super::BOTO).tell().decision();
    assert_eq!((decision.bits, decision.soft), (0, super::classes(&["aws"]).bits()));
    // What such a program writes is the secret, and what it runs may have it.
    let user = || {
        let mut story = python(PYTHON);
        story.read(BASH, super::BOTO).read(BASH, AWS);
        story
    };
    user().give(BASH, file(1)).start(CAT, "/bin/cat").take(CAT, file(1)).has(CAT, [OF_AWS, NONE, NONE, NONE]);
    user().exec(BASH, "/bin/sh").has(BASH, [OF_AWS, NONE, NONE, NONE]);
    user().run(BASH, "/bin/sh", runs(SH, 0)).has(BASH, [NONE, NONE, NONE, OF_AWS]);
}

#[test]
fn a_program_that_a_holder_wrote_is_what_it_wrote() {
    let Object::File(id) = file(9) else { unreachable!() };
    let mut story = step();
    story.read(BASH, AWS).give(BASH, file(9)).start(CAT, "/bin/sh");
    story.run(CAT, "/tmp/packed", Exec { file: id, ..Exec::default() }).take(CAT, file(9));
    story.has(CAT, [OF_AWS, NONE, NONE, NONE]);
}

#[test]
fn a_vfork_child_takes_along_what_its_parent_had_at_the_call() {
    let mut story = step();
    story.run(BASH, "/usr/bin/git", runs(GIT, QUIET)).read(BASH, GIT_TOKEN).share(BASH, CHILD);
    let entered = story.events.len() as u64 * 10 + 5;
    story.read(BASH, AWS).run(CHILD, "/usr/bin/less", Exec { entered: Some(entered), fresh: true, ..runs(SH, 0) });
    story.has(CHILD, [NONE, NONE, NONE, OF_GIT]).has(BASH, [OF_AWS, OF_GIT, NONE, NONE]);
}
