//! The proof as a page and as JSON.

use super::{BUILDS, BuildFigures, Count, Findings, Run, TheftFigures};
use detector_common::limits::{HOLDERS, OBJECTS, SOCKETS};
use std::fmt::Write as _;

/// Destinations of all builds when a policy could name addresses only, and no file was read for the places it names: at e90692f.
const BY_ADDRESS: usize = 19;

/// Messages shown of one build.
const MESSAGES: usize = 6;

/// All figures, in a stable order.
#[derive(Clone, Debug)]
pub struct Page {
    /// The day they were taken, `YYYY-MM-DD` (UTC).
    pub date: String,
    /// The kernel's release.
    pub kernel: String,
    /// Versions of the tools.
    pub tools: Vec<String>,
    /// Honest builds.
    pub builds: Vec<BuildFigures>,
    /// Thefts.
    pub thefts: Vec<TheftFigures>,
}

impl Page {
    /// Nothing to complain of: every honest build silent, every theft found and stopped, kernel and engine alike.
    pub fn is_good(&self) -> bool {
        let runs = self.builds.iter().flat_map(|build| [&build.audit, &build.enforce]).flatten();
        let alike = runs.map(|run| run.disagreements).sum::<usize>() == 0;
        alike
            && self.builds.iter().all(BuildFigures::is_silent)
            && self.thefts.iter().all(|theft| theft.missed.is_empty())
    }

    /// As JSON, one case a line: what changed from one version to the next is then what differs.
    ///
    /// # Errors
    /// None that are known.
    pub fn json(&self) -> anyhow::Result<String> {
        let lines = |lines: Result<Vec<String>, serde_json::Error>| Ok::<_, serde_json::Error>(lines?.join(",\n"));
        let builds = lines(self.builds.iter().map(serde_json::to_string).collect())?;
        let thefts = lines(self.thefts.iter().map(serde_json::to_string).collect())?;
        let (date, kernel) = (serde_json::to_string(&self.date)?, serde_json::to_string(&self.kernel)?);
        let tools = serde_json::to_string(&self.tools)?;
        Ok(format!(
            "{{\"date\":{date},\n\"kernel\":{kernel},\n\"tools\":{tools},\n\"builds\":[\n{builds}\n],\n\"thefts\":[\n{thefts}\n]}}\n"
        ))
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        let mut text = self.head();
        self.builds_table(&mut text);
        self.marks_table(&mut text);
        self.policies(&mut text);
        self.loud(&mut text);
        self.thefts_table(&mut text);
        text
    }

    fn head(&self) -> String {
        let silent = self.builds.iter().filter(|build| build.is_silent()).count();
        let stopped = self.thefts.iter().filter(|theft| theft.missed.is_empty()).count();
        format!(
            "# Proof\n\nWritten by `cargo xtask proof` on {} with kernel {}. {silent} of {} honest builds are silent, \
             {stopped} of {} thefts\nare found and stopped.\n\n\
             Real tools ran against local hosts in network namespaces, known by name from a name server. Every build \
             runs in equal\nfresh worlds: bare (twice, to know what a tool itself changes), under `--mode audit`, and under \
             `--mode enforce`, with the\nbuiltin policy and at most the destinations below. **Silent** means: nothing \
             denied, nothing killed, no finding above low, at most\nthree low, verdict PASS, and exit status, output and \
             what the hosts received as in the bare run (served requests, every branch and tag, every name that was asked for; not what was refused, absent or fetched twice).\nA build is broken, and so not silent, when its bare run fails, does not deliver, or two bare runs differ in what is compared.\n\nTools: {}.\n",
            self.date,
            self.kernel,
            self.builds.len(),
            self.thefts.len(),
            self.tools.join("; "),
        )
    }

    fn builds_table(&self, text: &mut String) {
        text.push_str("\n## Honest builds\n\nFindings are critical/high/medium/low/info. Status is bare, audit, enforce. Of what is `same`, o is the output, r what the hosts received.\n\n");
        text.push_str("| build | silent | findings in audit | in enforce | denied | killed | status | same in audit | in enforce |\n|---|---|---|---|---|---|---|---|---|\n");
        for build in &self.builds {
            let run = |run: &Option<Run>, show: fn(&Run) -> String| run.as_ref().map_or("-".to_owned(), show);
            let findings = |run: &Run| shown(&run.findings);
            let same = |run: &Run| {
                let mark = |same, letter| if same { letter } else { "" };
                let same = format!("{}{}", mark(run.same_output, "o"), mark(run.same_received, "r"));
                if same.is_empty() { "-".to_owned() } else { same }
            };
            let status = |run: &Run| code(run.status);
            row(
                text,
                [
                    build.name.to_owned(),
                    if build.is_silent() { "yes" } else { "**no**" }.to_owned(),
                    run(&build.audit, findings),
                    run(&build.enforce, findings),
                    run(&build.enforce, |run| run.denied.to_string()),
                    run(&build.enforce, |run| run.killed.to_string()),
                    format!("{}, {}, {}", code(build.status), run(&build.audit, status), run(&build.enforce, status)),
                    run(&build.audit, same),
                    run(&build.enforce, same),
                ],
            );
        }
    }

    fn marks_table(&self, text: &mut String) {
        text.push_str("\n## Marked objects\n\nDistinct objects that carry a class, in audit: held/inherited. A disagreement is an event on which the kernel side decided otherwise than the engine.\n\n");
        text.push_str(
            "| build | processes | files | pipes | sockets | events | disagreements |\n|---|---|---|---|---|---|---|\n",
        );
        let bounds = format!("| *bound* | {HOLDERS} | {OBJECTS} with pipes | | {SOCKETS} | | |\n");
        for (name, run) in self.builds.iter().filter_map(|build| Some((build.name, build.audit.as_ref()?))) {
            let Run { marks, events, disagreements, .. } = run;
            let counts = [marks.processes, marks.files, marks.pipes, marks.sockets].map(count);
            row(
                text,
                [name.to_owned()].into_iter().chain(counts).chain([events.to_string(), disagreements.to_string()]),
            );
        }
        text.push_str(&bounds);
    }

    fn policies(&self, text: &mut String) {
        text.push_str("\n## What each build does, and what its user adds to the builtin policy\n\n");
        // Of some builds alone it would say nothing.
        if self.builds.len() == BUILDS.len() {
            let lines: usize = self.builds.iter().map(|build| build.policy.len()).sum();
            let none = self.builds.iter().filter(|build| build.policy.is_empty()).count();
            _ = writeln!(
                text,
                "{lines} destinations in all; {none} of {} builds need none. With destinations by address, and before files told \
                 theirs, all\nbuilds had {BY_ADDRESS}.\n",
                BUILDS.len()
            );
        }
        for build in &self.builds {
            let policy = if build.policy.is_empty() { "nothing".to_owned() } else { build.policy.join("; ") };
            let noise = if build.noise.is_empty() {
                String::new()
            } else {
                format!(" Not compared: {}.", build.noise.join(", "))
            };
            // Writing to a string cannot fail.
            _ = writeln!(text, "- **{}**: {}. Policy: {policy}.{noise}", build.name, build.does);
        }
    }

    fn loud(&self, text: &mut String) {
        if self.builds.iter().all(BuildFigures::is_silent) {
            return;
        }
        text.push_str("\n## Not silent\n\n");
        for build in self.builds.iter().filter(|build| !build.is_silent()) {
            _ = writeln!(text, "- **{}**", build.name);
            for broken in &build.broken {
                _ = writeln!(text, "  - the build itself: {broken}");
            }
            for (mode, run) in [("audit", &build.audit), ("enforce", &build.enforce)] {
                let Some(run) = run.as_ref().filter(|run| !run.is_silent()) else { continue };
                let reasons = run.reasons.iter().filter(|_| run.messages.is_empty());
                for message in run.messages.iter().chain(reasons).take(MESSAGES) {
                    _ = writeln!(text, "  - {mode}: {message}");
                }
                if run.messages.len() > MESSAGES {
                    _ = writeln!(text, "  - {mode}: {} more", run.messages.len() - MESSAGES);
                }
                if run.messages.is_empty() && run.reasons.is_empty() {
                    _ = writeln!(text, "  - {mode}: not as the bare run, see the table");
                }
            }
        }
    }

    fn thefts_table(&self, text: &mut String) {
        text.push_str("\n## Thefts\n\nUnder the builtin policy alone; the thief's hosts are known by name. What arrives in enforce beside secrets is what a thief asks for first, such as its payload.\n\n");
        text.push_str("| theft | stopped | findings in audit | in enforce | classes | canary bytes sent or logged in audit | in enforce | all bytes sent in enforce | killed |\n|---|---|---|---|---|---|---|---|---|\n");
        for theft in &self.thefts {
            let stopped =
                if theft.missed.is_empty() { "yes".to_owned() } else { format!("**no**: {}", theft.missed.join("; ")) };
            row(
                text,
                [
                    theft.name.to_owned(),
                    stopped,
                    shown(&theft.audit),
                    shown(&theft.enforce),
                    theft.classes.join(", "),
                    theft.sent.to_string(),
                    theft.canary_bytes.to_string(),
                    theft.arrived.to_string(),
                    theft.killed.to_string(),
                ],
            );
        }
    }
}

fn row(text: &mut String, cells: impl IntoIterator<Item = String>) {
    let cells: Vec<String> = cells.into_iter().map(|cell| cell.replace('|', "\\|")).collect();
    _ = writeln!(text, "| {} |", cells.join(" | "));
}

fn shown(findings: &Findings) -> String {
    let Findings { critical, high, medium, low, info } = findings;
    format!("{critical}/{high}/{medium}/{low}/{info}")
}

fn code(status: Option<i32>) -> String {
    status.map_or("ended".to_owned(), |code| code.to_string())
}

fn count(count: Count) -> String {
    format!("{}/{}", count.held, count.inherited)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn json_is_json_and_has_a_line_for_each_case() {
        let build = |name| BuildFigures { name, audit: Some(Run::default()), ..BuildFigures::default() };
        let page = Page {
            date: "2026-01-01".to_owned(),
            kernel: "6.1".to_owned(),
            tools: vec!["git \"2\"".to_owned()],
            builds: vec![build("one"), build("two")],
            thefts: vec![TheftFigures::default()],
        };
        let text = page.json().unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["builds"][1]["name"], "two");
        assert_eq!(value["tools"][0], "git \"2\"");
        assert_eq!(text.lines().filter(|line| line.starts_with("{\"name\"")).count(), 3);
        assert!(page.markdown().contains("| one | **no** | 0/0/0/0/0 | - |"), "{}", page.markdown());
    }
}
