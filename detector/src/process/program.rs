//! What a process runs.

/// A program as it was started. Shared by the processes that were forked from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// Path, escaped and redacted; empty where it was never seen.
    pub path: String,
    /// Arguments, redacted.
    pub argv: Vec<String>,
}

impl Program {
    /// Last component of its path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_last_component() {
        for (path, name) in [("/usr/bin/curl", "curl"), ("…/bin/sh", "sh"), ("busybox", "busybox"), ("", "")] {
            assert_eq!(Program { path: path.into(), argv: Vec::new() }.name(), name);
        }
    }
}
