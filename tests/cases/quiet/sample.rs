//! What is measured, and which line of the policy it stands for.

use detector::policy::{Policy, ProgramDocument};
use detector_common::command::line::QUIET;

/// A command line that is run.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// As `lines.txt` has it, without the directory.
    pub(crate) text: String,
    /// Under the scratch home.
    pub(crate) directory: String,
    /// Its words.
    pub(crate) words: Vec<String>,
}

/// All of `lines.txt`.
pub(crate) fn all() -> Vec<Sample> {
    let lines = include_str!("lines.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(Sample::new).collect()
}

impl Sample {
    /// A line of `lines.txt`.
    pub(crate) fn new(line: &str) -> Self {
        let (directory, text) = line.split_once(' ').unwrap();
        let words = text.split(' ').map(str::to_owned).collect();
        Self { text: text.to_owned(), directory: directory.to_owned(), words }
    }

    /// The name of its program's file.
    pub(crate) fn tool(&self) -> &str {
        &self.words[0]
    }

    /// The declared program that it runs.
    pub(crate) fn program(&self, policy: &Policy) -> String {
        let tool = self.tool();
        let named = |exact: bool| {
            let is = |name: &detector::policy::FileName| name.matches(tool) && (name.exact().is_some() == exact);
            policy.programs().iter().find(|program| program.files.iter().any(is))
        };
        named(true).or_else(|| named(false)).map(|program| program.name.clone()).unwrap_or_default()
    }

    /// Whether the policy says that it is quiet.
    pub(crate) fn is_quiet(&self, policy: &Policy) -> bool {
        let name = self.program(policy);
        let number = policy.programs().iter().find(|program| program.name == name).unwrap().value.number;
        policy.line(number, &self.words[1..]) & QUIET != 0
    }
}

/// A quiet line of the policy, of whose words one choice was made.
pub(crate) struct Shape {
    /// The program.
    pub(crate) program: String,
    /// The line, options collapsed.
    pub(crate) line: String,
    /// A policy of this line alone.
    policy: Policy,
}

impl Shape {
    fn new(program: &ProgramDocument, line: &str) -> Self {
        let options = program.options.clone();
        let text = serde_json::json!({
            "version": 1,
            "programs": { &program.name: { "options": options, "quiet": [line] } },
        });
        let policy = Policy::parse(&text.to_string(), "a line").unwrap();
        Self { program: program.name.clone(), line: collapsed(line), policy }
    }

    /// Whether `sample` is such a line.
    pub(crate) fn covers(&self, sample: &Sample, builtin: &Policy) -> bool {
        sample.program(builtin) == self.program && self.policy.line(1, &sample.words[1..]) & QUIET != 0
    }
}

/// Choices of a later word beyond this are keys or names, and one stands for all.
const CHOICES: usize = 12;

/// Every quiet line of `policy`, each choice of its words one.
pub(crate) fn shapes(policy: &Policy) -> Vec<Shape> {
    let mut all = Vec::new();
    for program in policy.document().programs {
        for line in &program.quiet {
            all.extend(choices(line).iter().map(|line| Shape::new(&program, line)));
        }
    }
    all
}

/// `line` with each choice of its first two words.
fn choices(line: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let (mut words, mut inside) = (0, false);
    for token in line.split_inclusive(' ') {
        inside |= token.starts_with('[');
        let several = !inside && token.contains('|') && !token.starts_with("*!");
        inside &= !token.trim_end().ends_with(']');
        let plain = !inside && !token.starts_with(['*', '[', '.']) && !token.trim_end().ends_with(']');
        let count = token.split('|').count();
        let chosen: Vec<_> = if several && (words == 0 || words == 1 && count <= CHOICES) {
            token.trim_end().split('|').map(|word| format!("{word} ")).collect()
        } else {
            vec![token.to_owned()]
        };
        words += usize::from(plain);
        lines = lines.iter().flat_map(|line| chosen.iter().map(move |word| format!("{line}{word}"))).collect();
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

/// `line` with its options left out.
fn collapsed(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, inside)) = rest.split_once('[') {
        out += before;
        out += "[…]";
        rest = inside.split_once(']').unwrap().1;
    }
    (out + rest).trim().to_owned()
}

#[test]
fn choices_are_made_of_the_first_two_words() {
    assert_eq!(
        choices("a|b [-x, -y|z] c|d *"),
        ["a [-x, -y|z] c *", "a [-x, -y|z] d *", "b [-x, -y|z] c *", "b [-x, -y|z] d *"]
    );
    assert_eq!(choices("[-x] a|b ..."), ["[-x] a ...", "[-x] b ..."]);
    assert_eq!(choices("a *!b|c * d|e"), ["a *!b|c * d", "a *!b|c * e"]);
    assert_eq!(collapsed("a [-x, -y *] b [-z]"), "a […] b […]");
}
