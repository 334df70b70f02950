//! Which planned step a step that begins is.

use super::*;

/// A job with these steps, names or (`$`) expressions, of which these begin.
fn job(planned: &[&str], begun: &[&str]) -> StepLog {
    let mut text = "[2026-03-01 10:00:00Z INFO Worker] Job message:\n {\n  \"steps\": [\n".to_owned();
    for (number, name) in planned.iter().enumerate() {
        let token = name
            .strip_prefix('$')
            .map_or_else(|| format!("\"{name}\""), |name| format!("{{\n        \"expr\": \"{name}\"\n      }}"));
        text += &format!(
            "    {{\n      \"type\": \"action\",\n      \"reference\": {{\n        \"type\": \"repository\",\n        \"name\": \"o/{number}\"\n      }},\n      \"displayNameToken\": {token}\n    }},\n"
        );
    }
    text += "  ]\n}\n";
    for name in begun {
        text += &format!(
            "[2026-03-01 10:00:01Z INFO StepsRunner] Processing step: DisplayName='{name}'\n[2026-03-01 10:00:02Z INFO StepsRunner] No need for updating job result with current step result 'Succeeded'.\n[2026-03-01 10:00:02Z INFO ProcessInvokerWrapper] Starting process:\n"
        );
    }
    // All of one second, so that no time goes back.
    github(text.replace("10:00:01Z", "10:00:02Z"))
}

fn kinds(log: &StepLog) -> Vec<String> {
    let kind = |step: &crate::ci::Step| match &step.kind {
        Kind::Action(name) => format!("{} {:?}", name, step.stage),
        kind => format!("{kind:?} {:?}", step.stage),
    };
    log.steps().iter().map(kind).collect()
}

#[test]
fn steps_come_in_the_plans_order() {
    let log = job(&["same", "same", "other"], &["same", "same", "other"]);
    assert_eq!(kinds(&log), ["o/0 Main", "o/1 Main", "o/2 Main"]);
    assert!(!log.is_doubtful());
}

#[test]
fn a_name_that_looks_like_another_stage_is_the_plans_first() {
    let planned = ["Pre flight", "Set up runner", "Post card"];
    let log = job(&planned, &["Pre Set up runner", "Pre flight", "Set up runner", "Post card", "Post Post card"]);
    assert_eq!(kinds(&log), ["o/1 Pre", "o/0 Main", "o/1 Main", "o/2 Main", "o/2 Post"]);
    assert!(!log.is_doubtful());
}

#[test]
fn the_agents_own_steps_are_no_steps_of_the_workflow() {
    let begun = [
        "Set up runner",
        "Pull alpine:3",
        "Build o/0",
        "Initialize containers",
        "a",
        "Wait for all background steps",
        "Stop containers",
        "Complete runner",
    ];
    let log = job(&["a"], &begun);
    let expected =
        ["Agent Pre", "Agent Pre", "Agent Pre", "Agent Pre", "o/0 Main", "Agent Main", "Agent Post", "Agent Post"];
    assert_eq!(kinds(&log), expected);
    assert!(!log.is_doubtful());
}

#[test]
fn an_expression_has_any_name_and_keeps_it() {
    let log = job(&["$format('a', x)", "b"], &["Build it", "b", "Post Build it"]);
    assert_eq!(kinds(&log), ["o/0 Main", "o/1 Main", "o/0 Post"]);
    assert!(!log.is_doubtful());
}

#[test]
fn a_secret_in_a_name_is_masked_in_one_place_only() {
    let log = job(&["deploy blue"], &["deploy ***"]);
    assert_eq!(kinds(&log), ["o/0 Main"]);
    assert!(!log.is_doubtful());
}

#[test]
fn what_the_plan_does_not_have_is_doubtful() {
    for begun in
        [&["x"][..], &["a", "x"], &["a", "b", "x"], &["b"], &["a", "Stop containers"], &["a", "Initialize containers"]]
    {
        assert!(job(&["a", "b"], begun).is_doubtful(), "{begun:?}");
    }
    assert!(!job(&["a", "b"], &["a", "b", "Post unknown"]).is_doubtful(), "a part of a composite action");
    assert!(!job(&[], &["x", "y"]).is_doubtful(), "without a plan nothing can be held against it");
}
