//! Programs that a rule knows by name. A name is what a program says of itself: it makes a finding more or less severe, and
//! hides none.

/// The CI agent, as its own first argument calls it (of `java`, with its archive).
pub(super) fn is_agent(program: &str) -> bool {
    matches!(
        program,
        "Runner.Worker"
            | "Runner.Listener"
            | "Runner.PluginHost"
            | "Agent.Worker"
            | "Agent.Listener"
            | "Agent.PluginHost"
            | "act_runner"
            | "forgejo-runner"
            | "gitlab-runner"
            | "gitlab-runner-helper"
            | "buildkite-agent"
            | "circleci-agent"
            | "circleci-runner"
            | "drone-runner-docker"
            | "drone-runner-exec"
            | "woodpecker-agent"
            | "concourse"
            | "java agent.jar"
            | "java remoting.jar"
            | "java slave.jar"
            | "java swarm-client.jar"
    )
}

/// The sensor itself.
pub(super) fn is_sensor(program: &str) -> bool {
    program == "detector"
}

/// A shell: as the first process of a step, what it starts are lineages of their own.
pub(super) fn is_shell(program: &str) -> bool {
    matches!(program, "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh" | "mksh" | "fish" | "busybox" | "pwsh" | "nu")
}

/// Copies whole trees, whatever is in them: `program`, started with `arguments`.
pub(super) fn copies_trees(program: &str, arguments: &[String]) -> bool {
    let recursive = |argument: &String| {
        matches!(argument.as_str(), "--recursive" | "--archive")
            || argument.starts_with('-') && !argument.starts_with("--") && argument.contains(['r', 'R', 'a'])
    };
    match program {
        "tar" | "bsdtar" | "rsync" | "cpio" | "zip" | "7z" | "7za" | "restic" | "borg" | "rclone" | "duplicity" => true,
        "cp" => arguments.iter().skip(1).any(recursive),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copying_one_file_is_not_copying_a_tree() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let copies = |text| copies_trees(text_program(text), &words(text));
        assert!(copies("tar -czf x ."));
        assert!(copies("cp -a /root /backup") && copies("cp -R x y") && copies("cp --recursive x y"));
        assert!(!copies("cp /root/.npmrc /tmp/x") && !copies("cp --reflink=never x y") && !copies("cat x"));
    }

    fn text_program(text: &str) -> &str {
        text.split(' ').next().unwrap_or_default()
    }
}
