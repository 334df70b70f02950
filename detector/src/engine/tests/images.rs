//! What a process is trusted with: programs, scripts, injection, install hooks, dumps.

use super::{
    programs::{GIT, NODE, NPM, PYTHON, SH},
    story::{AWS, GIT_TOKEN, NPMRC, SINK, Story, file, pipe, process},
};
use crate::{
    event::{Exec, Stream},
    process::Image,
};
use detector_common::command::line::{DUMPS, INSTALLS, QUIET};

const BASH: u32 = 10;
const CHILD: u32 = 11;
const OTHER: u32 = 12;

const NONE: &[&str] = &[];
const OF_NPM: &[&str] = &["npm"];
const OF_ENV: &[&str] = &["step-env"];

fn step() -> Story {
    let mut story = Story::new();
    story.start(BASH, "/bin/bash");
    story
}

fn runs(program: u16, line: u16) -> Exec {
    Exec { program, line, ..Exec::default() }
}

/// Node, whose arguments name npm.
fn names(line: u16) -> Exec {
    Exec { script: NPM, skip: 2, ..runs(NODE, line) }
}

fn npm(line: u16) -> Story {
    let mut story = step();
    story.fork(BASH, CHILD).run(CHILD, "/usr/bin/node", names(line)).script(CHILD, NPM);
    story
}

fn image(story: &Story, pid: u32) -> Image {
    story.tell().processes.image(process(pid)).clone()
}

#[test]
fn a_script_counts_once_it_was_opened() {
    npm(QUIET).read(CHILD, NPMRC).has(CHILD, [NONE, OF_NPM, NONE, NONE]);
    let named = |exec: Exec| {
        let mut story = step();
        story.run(BASH, "/usr/bin/node", exec);
        story
    };
    named(names(QUIET)).read(BASH, NPMRC).has(BASH, [OF_NPM, NONE, NONE, NONE]);
    named(names(QUIET)).script(BASH, 0).read(BASH, NPMRC).has(BASH, [OF_NPM, NONE, NONE, NONE]);
    named(names(QUIET)).script(BASH, 0).script(BASH, NPM).read(BASH, NPMRC).has(BASH, [OF_NPM, NONE, NONE, NONE]);
    named(names(QUIET)).script(BASH, GIT).read(BASH, GIT_TOKEN).has(BASH, [&["git"], NONE, NONE, NONE]);
    named(runs(NODE, QUIET)).script(BASH, NPM).read(BASH, NPMRC).has(BASH, [OF_NPM, NONE, NONE, NONE]);
    let mut injected = named(Exec { injected: true, ..names(QUIET) });
    injected.script(BASH, NPM).read(BASH, NPMRC).has(BASH, [OF_NPM, NONE, NONE, NONE]);
}

#[test]
fn until_then_the_interpreter_has_a_line_of_nobody() {
    let image_of = |story: &Story| image(story, CHILD);
    let confirmed = image_of(&npm(QUIET | INSTALLS));
    assert!(confirmed.is_quiet() && confirmed.program == NPM && confirmed.spender() == NPM);
    let mut pending = step();
    pending.fork(BASH, CHILD).run(CHILD, "/usr/bin/node", names(QUIET));
    let before = image_of(&pending);
    assert!(!before.is_quiet() && before.program == NODE);
    let void = image_of(pending.script(CHILD, 0));
    assert!(!void.is_quiet() && void.program == NODE);
    // Both of a fork may be the one that opens it.
    let mut forked = step();
    forked.run(BASH, "/usr/bin/node", names(QUIET)).fork(BASH, CHILD).script(BASH, 0).script(CHILD, NPM);
    assert_eq!((image(&forked, BASH).program, image(&forked, CHILD).program), (NODE, NPM));
}

#[test]
fn a_confirmed_script_is_still_an_interpreter() {
    let mut story = npm(QUIET);
    story.read(CHILD, super::BOTO).read(CHILD, AWS).has(CHILD, [NONE, NONE, &["aws"], NONE]);
}

#[test]
fn what_is_injected_into_is_trusted_with_nothing() {
    let run = |injected| {
        let mut story = step();
        story.run(BASH, "/usr/bin/git", Exec { injected, ..runs(GIT, QUIET) }).read(BASH, GIT_TOKEN);
        story
    };
    run(false).has(BASH, [NONE, &["git"], NONE, NONE]);
    run(true).has(BASH, [&["git"], NONE, NONE, NONE]).fork(BASH, CHILD).read(CHILD, GIT_TOKEN);
    assert_eq!((image(&run(true), BASH).spender(), image(&run(false), BASH).spender()), (0, GIT));
    let mut python = step();
    python.run(BASH, "/usr/bin/python3", Exec { injected: true, ..runs(PYTHON, 0) });
    python.read(BASH, super::BOTO).read(BASH, AWS).has(BASH, [&["aws"], NONE, NONE, NONE]);
    // The next program starts anew.
    let mut next = run(true);
    next.run(BASH, "/usr/bin/git", runs(GIT, QUIET));
    assert_eq!(image(&next, BASH).spender(), GIT);
}

#[test]
fn exec_forgets_all_but_the_hook() {
    let mut story = step();
    story.run(BASH, "/usr/bin/python3", runs(PYTHON, QUIET)).read(BASH, super::BOTO);
    let new = image(story.run(BASH, "/usr/bin/python3", runs(PYTHON, 0)), BASH);
    assert_eq!((new.is_quiet(), new.reader().sdk), (false, 0));
    story.read(BASH, AWS).has(BASH, [&["aws"], NONE, NONE, NONE]);
}

#[test]
fn what_a_manager_runs_as_it_installs_is_a_hook() {
    let below = |line, exec: Exec| {
        let mut story = npm(line);
        story.fork(CHILD, OTHER).run(OTHER, "/x", exec);
        image(&story, OTHER).hook
    };
    assert!(below(INSTALLS, runs(SH, 0)) && below(INSTALLS | QUIET, runs(0, 0)) && below(INSTALLS, runs(NODE, 0)));
    assert!(below(INSTALLS, Exec { injected: true, ..names(INSTALLS) }));
    assert!(!below(0, runs(SH, 0)), "it installs nothing");
    assert!(!below(INSTALLS, names(INSTALLS)), "itself, as another process");
    // Also below that.
    let mut again = npm(INSTALLS);
    again.fork(CHILD, OTHER).run(OTHER, "/usr/bin/node", names(INSTALLS)).script(OTHER, NPM);
    again.fork(OTHER, 20).run(20, "/bin/sh", runs(SH, 0));
    assert!(image(&again, 20).hook && !image(&again, OTHER).hook);
    let mut pending = step();
    pending.run(BASH, "/usr/bin/node", names(INSTALLS)).fork(BASH, CHILD).run(CHILD, "/bin/sh", runs(SH, 0));
    assert!(!image(&pending, CHILD).hook, "it was not seen to be npm");
}

#[test]
fn a_hook_stays_one_through_forks_and_execs() {
    let mut story = npm(INSTALLS);
    story.fork(CHILD, OTHER).run(OTHER, "/bin/sh", runs(SH, 0)).fork(OTHER, 20).run(
        20,
        "/usr/bin/git",
        runs(GIT, QUIET),
    );
    story.run(20, "/usr/bin/node", names(QUIET)).script(20, NPM).fork(20, 21);
    assert!(image(&story, 20).hook && image(&story, 21).hook && !image(&story, CHILD).hook);
}

#[test]
fn an_environment_is_printed_where_it_can_be_read() {
    let env = |exec: Exec| {
        let mut story = step();
        story.run(BASH, "/usr/bin/env", exec);
        story
    };
    let to = |stdout| Exec { stdout, ..runs(SH, DUMPS) };
    for stdout in [Stream::Pipe, Stream::File, Stream::Socket] {
        env(to(stdout)).has(BASH, [OF_ENV, NONE, NONE, NONE]);
        env(Exec { injected: true, ..to(stdout) }).has(BASH, [NONE; 4]);
        env(Exec { line: QUIET, ..to(stdout) }).has(BASH, [NONE; 4]);
        env(Exec { script: NPM, ..to(stdout) }).has(BASH, [NONE; 4]);
    }
    for stdout in [Stream::Device, Stream::None] {
        env(to(stdout)).has(BASH, [NONE; 4]);
    }
    let mut story = env(to(Stream::Pipe));
    story.give(BASH, pipe(1)).give(BASH, file(1)).start(OTHER, "/usr/bin/curl").take(OTHER, file(1));
    story.connect(OTHER, SINK).finds(&[("leak", OF_ENV)]);
    let chain = &story.conclude().findings[0].chain;
    assert_eq!((&chain[0].did, chain[0].process.name.as_str()), (&crate::engine::Did::Dump, "env"));
}
