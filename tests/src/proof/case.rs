//! What an honest build is.

use super::hosts;
use anyhow::ensure;
use std::fmt::Write as _;

/// One honest build: `benign/proof/NAME/setup.sh` makes its world, `benign/proof/NAME/build.sh` is measured.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// Its name.
    pub name: &'static str,
    /// What it does, in one line.
    pub does: &'static str,
    /// What a user would add to the builtin policy.
    pub destinations: &'static [Destination],
    /// Tokens in the step's environment: the variable, and whose token.
    pub environment: &'static [(&'static str, &'static str)],
    /// What the servers must have received: starts of lines of their log.
    pub receives: &'static [&'static str],
    /// What differs between two bare runs, and is not compared.
    pub noise: &'static [Noise],
}

/// A destination that a user would name.
#[derive(Clone, Copy, Debug)]
pub struct Destination {
    /// One of the hosts.
    pub host: &'static str,
    /// Its port.
    pub port: u16,
    /// What may be spent there.
    pub accept: &'static [&'static str],
    /// Why.
    pub reason: &'static str,
}

/// Part of the output that a tool itself makes anew in every run.
#[derive(Clone, Copy, Debug)]
pub enum Noise {
    /// Numbers, with their points, in lines that contain this text.
    Numbers(&'static str),
    /// Words of hexadecimal digits in lines that contain this text.
    Digests(&'static str),
    /// Lines that contain this text.
    Line(&'static str),
    /// The order of the lines.
    Order,
}

impl Build {
    /// The policy that a user of the build would have.
    pub fn policy(&self) -> anyhow::Result<String> {
        let mut text = "version: 1\nextends: builtin\n".to_owned();
        if !self.destinations.is_empty() {
            text.push_str("destinations:\n");
        }
        for Destination { host, port, accept, reason } in self.destinations {
            ensure!(hosts::HOSTS.iter().any(|(name, _)| name == host), "no host is named {host:?}");
            let accept = accept.join(", ");
            writeln!(text, "  - to: [\"{host}:{port}\"]\n    accept: [{accept}]\n    reason: \"{reason}\"")?;
        }
        Ok(text)
    }
}

impl Noise {
    /// In words.
    pub(super) fn named(&self) -> String {
        match self {
            Self::Numbers(marker) => format!("numbers in lines with `{marker}`"),
            Self::Digests(marker) => format!("digests in lines with `{marker}`"),
            Self::Line(marker) => format!("lines with `{}`", marker.trim()),
            Self::Order => "the order of the lines".to_owned(),
        }
    }
}

/// `output` without what the tools make anew in every run.
pub(super) fn compared(output: &[u8], noise: &[Noise]) -> String {
    let text = String::from_utf8_lossy(output).into_owned();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for noise in noise {
        match noise {
            Noise::Numbers(marker) => squash(&mut lines, marker, |c| c.is_ascii_digit() || c == '.'),
            Noise::Digests(marker) => squash(&mut lines, marker, |c| c.is_ascii_hexdigit()),
            Noise::Line(marker) => lines.retain(|line| !line.contains(marker)),
            Noise::Order => lines.sort_unstable(),
        }
    }
    lines.join("\n")
}

/// Every run of such characters is one `#`, in lines with `marker`.
fn squash(lines: &mut [String], marker: &str, gone: fn(char) -> bool) {
    for line in lines.iter_mut().filter(|line| line.contains(marker)) {
        let mut before = false;
        let kept = line.chars().filter_map(|c| {
            let again = std::mem::replace(&mut before, gone(c)) && gone(c);
            if again { None } else { Some(if gone(c) { '#' } else { c }) }
        });
        *line = kept.collect();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::{super::BUILDS, *};
    use crate::fixture::part;
    use detector::policy::Policy;

    #[test]
    fn every_build_has_its_scripts_and_a_policy_that_parses() {
        for build in BUILDS {
            for script in ["setup.sh", "build.sh"] {
                let path = part("benign/proof").join(build.name).join(script);
                assert!(path.is_file(), "{}", path.display());
            }
            Policy::parse(&build.policy().unwrap(), build.name).unwrap();
            assert!(!build.receives.is_empty() && !build.does.is_empty());
        }
    }

    #[test]
    fn noise_is_not_compared_and_all_else_is() {
        let output = b"took 12.5 s\n12 tests\n";
        let noise = [Noise::Numbers("took")];
        assert_eq!(compared(output, &noise), "took # s\n12 tests");
        assert_eq!(compared(b"b\na\n", &[Noise::Order]), compared(b"a\nb\n", &[Noise::Order]));
        assert_eq!(compared(b"id 0af3 x", &[Noise::Digests("id")]), "i# # x");
    }
}
