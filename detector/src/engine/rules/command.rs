//! `escape` and `sensor-tamper`, command lines: a program that is asked to run something outside the job, or to take the
//! sensor's own things away. Who asks a daemon himself, over its socket, is not seen so.

use super::{
    agent::{IMPAIR, SENSOR_TAMPER},
    apply::Installing,
    emit::{Direct, who},
    escape::{ESCAPE, ESCAPE_TO_HOST},
};
use crate::{
    engine::{Did, Engine, Finding, ProcessName, Severity},
    event::{Actor, Event, Exec},
};

/// Where the sensor pins what outlives it, and the file system of that.
const PINS: &str = "/sys/fs/bpf/detector";
const BPFFS: &str = "/sys/fs/bpf";

/// Characters of a command line that are shown.
const SHOWN: usize = 160;

/// What a command line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    rule: &'static str,
    technique: &'static str,
    severity: Severity,
    /// Says it, after the name of the program.
    what: &'static str,
}

const fn shape(severity: Severity, technique: &'static str, what: &'static str) -> Shape {
    Shape { rule: ESCAPE, technique, severity, what }
}

const HOST_NAMESPACES: Shape = shape(Severity::High, ESCAPE_TO_HOST, "enters the namespaces of the host's init");
const HOST_ROOT: Shape =
    shape(Severity::High, ESCAPE_TO_HOST, "starts a container with the host's root directory in it");
const HOST_PROCESSES: Shape = shape(Severity::High, ESCAPE_TO_HOST, "starts a container among the host's processes");
// Emulators and builders are set up so, every day.
const PRIVILEGED: Shape = shape(Severity::Low, ESCAPE_TO_HOST, "starts a privileged container");
// Systemd Service, At, Cron.
const SYSTEMD: Shape = shape(Severity::Medium, "T1543.002", "has systemd run something outside the job");
const AT: Shape = shape(Severity::Medium, "T1053.002", "has something run later, outside the job");
const CRON: Shape = shape(Severity::Medium, "T1053.003", "has something run regularly, outside the job");
const UNPIN: Shape =
    Shape { rule: SENSOR_TAMPER, ..shape(Severity::High, IMPAIR, "takes away what the sensor pinned in the kernel") };
const STOP: Shape = Shape { rule: SENSOR_TAMPER, ..shape(Severity::High, IMPAIR, "sends a signal to the sensor") };
// Projects that build programs for the kernel do it, too.
const DETACH: Shape =
    Shape { rule: SENSOR_TAMPER, ..shape(Severity::Medium, IMPAIR, "changes programs or maps in the kernel") };

impl Engine {
    pub(super) fn ran(&mut self, event: &Event, actor: &Actor, exec: &Exec) -> Option<Finding> {
        let Shape { rule, technique, severity, what: asks } = asked(exec)?;
        let severity = match self.installs(actor.process) {
            Installing::No => severity,
            Installing::Itself | Installing::Below => severity.min(Severity::Low),
        };
        let (process, what) = started(actor, exec);
        let direct = Direct {
            subject: asks.to_owned(),
            process: Some(process),
            ..Direct::new(rule, technique, severity, Did::Run { what })
        };
        self.emit(event, actor, direct, |finding| format!("{} {asks}", who(finding)))
    }
}

/// The process as `exec` made it, and its command line for people.
pub(super) fn started(actor: &Actor, exec: &Exec) -> (ProcessName, String) {
    let name = exec.path.rsplit('/').next().unwrap_or_default().to_owned();
    let line: String = exec.argv.join(" ").chars().take(SHOWN).collect();
    (ProcessName { process: actor.process, name, path: exec.path.clone(), argv: exec.argv.clone() }, line)
}

fn asked(exec: &Exec) -> Option<Shape> {
    let leaf = |text: &str| text.rsplit('/').next().unwrap_or_default().to_owned();
    let mut arguments: Vec<&str> = exec.argv.iter().map(String::as_str).collect();
    let mut program = leaf(&exec.path);
    if program == "busybox" {
        // It is what it is called, or what its first argument says.
        if leaf(arguments.first()?) == program {
            arguments.remove(0);
        }
        program = leaf(arguments.first()?);
    }
    let arguments = arguments.get(1..).unwrap_or_default();
    let has = |words: &[&str]| arguments.iter().any(|argument| words.contains(argument));
    match program.as_str() {
        "nsenter" => targets_init(arguments).then_some(HOST_NAMESPACES),
        "docker" | "podman" | "nerdctl" => container(arguments),
        // A scope is a group of the caller's own children.
        "systemd-run" => (!has(&["--scope", "--help", "--version"])).then_some(SYSTEMD),
        "at" | "batch" => (!has(&["-l", "-r", "-d", "-c", "-V"])).then_some(AT),
        "crontab" => (!has(&["-l", "-r", "-V"])).then_some(CRON),
        "rm" | "unlink" | "umount" | "mv" => {
            arguments.iter().any(|path| path.trim_end_matches('/') == BPFFS || path.starts_with(PINS)).then_some(UNPIN)
        }
        "pkill" | "killall" => has(&["detector"]).then_some(STOP),
        "bpftool" => matches!(
            arguments.iter().filter(|argument| !argument.starts_with('-')).copied().collect::<Vec<_>>()[..],
            ["link" | "prog" | "net" | "cgroup", "detach", ..] | ["map", "update" | "delete", ..]
        )
        .then_some(DETACH),
        _ => None,
    }
}

/// `-t 1`, `-t1`, `--target 1`, `--target=1`.
fn targets_init(arguments: &[&str]) -> bool {
    let joined = ["-t1", "--target=1"];
    arguments.iter().any(|argument| joined.contains(argument))
        || arguments.windows(2).any(|pair| matches!(pair, ["-t" | "--target", "1"]))
}

/// `run`, `create` or `container run|create`, and what stands between that and the image.
fn container(arguments: &[&str]) -> Option<Shape> {
    let start = arguments.iter().position(|argument| matches!(*argument, "run" | "create"))?;
    let before = arguments.get(..start)?;
    // Behind another subcommand (`docker compose run`) the options are others.
    if before.iter().any(|word| matches!(*word, "compose" | "exec" | "network" | "volume" | "buildx" | "context")) {
        return None;
    }
    let mut found = None;
    let mut rest = arguments.get(start + 1..)?.iter();
    while let Some(option) = rest.next().filter(|option| option.starts_with('-')) {
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, value),
            None if option.starts_with("-v") && option.len() > 2 => ("-v", option.get(2..)?),
            None if is_switch(option) => (*option, ""),
            None => (*option, rest.next().copied().unwrap_or_default()),
        };
        let asked = match name {
            "--pid" if value == "host" => Some(HOST_PROCESSES),
            "-v" | "--volume" if value.starts_with("/:") => Some(HOST_ROOT),
            "--mount" if mounts_root(value) => Some(HOST_ROOT),
            "--privileged" if value != "false" => Some(PRIVILEGED),
            _ => None,
        };
        // The worst: what comes first of two that are as bad.
        if asked.is_some_and(|asked| found.is_none_or(|found: Shape| asked.severity > found.severity)) {
            found = asked;
        }
    }
    found
}

/// Options of `run` that have no value, alone or several in one (`-it`).
fn is_switch(option: &str) -> bool {
    const LONG: [&str; 14] = [
        "--detach",
        "--disable-content-trust",
        "--help",
        "--init",
        "--interactive",
        "--no-healthcheck",
        "--oom-kill-disable",
        "--privileged",
        "--publish-all",
        "--quiet",
        "--read-only",
        "--replace",
        "--rm",
        "--tty",
    ];
    LONG.contains(&option) || (!option.starts_with("--") && option.chars().skip(1).all(|c| "ditqP".contains(c)))
}

/// `type=bind,source=/,target=/host`.
fn mounts_root(value: &str) -> bool {
    value.split(',').any(|field| matches!(field, "source=/" | "src=/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<Shape> {
        let argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
        asked(&Exec { path: format!("/usr/bin/{}", argv[0]), argv, ..Exec::default() })
    }

    #[test]
    fn ways_out_of_the_job() {
        for (line, expected) in [
            ("nsenter -t 1 -m -u -n sh", HOST_NAMESPACES),
            ("nsenter --target=1 --all", HOST_NAMESPACES),
            ("busybox nsenter -t1 sh", HOST_NAMESPACES),
            ("docker run --rm -v /:/host alpine sh", HOST_ROOT),
            ("docker run -it --volume=/:/host alpine", HOST_ROOT),
            ("podman run --mount type=bind,source=/,target=/host alpine", HOST_ROOT),
            ("docker -H unix:///x container create --pid host -e A=b alpine", HOST_PROCESSES),
            ("docker run --privileged --rm -v /:/host alpine", HOST_ROOT),
            ("docker run --rm --privileged emulators --reset -p yes", PRIVILEGED),
            ("systemd-run --unit x sh -c true", SYSTEMD),
            ("at now + 1 minute", AT),
            ("crontab -", CRON),
            ("rm -rf /sys/fs/bpf/detector/1-2", UNPIN),
            ("umount /sys/fs/bpf/", UNPIN),
            ("killall -9 detector", STOP),
            ("bpftool -j link detach id 4", DETACH),
        ] {
            assert_eq!(of(line), Some(expected), "{line}");
        }
    }

    #[test]
    fn the_same_programs_at_honest_work() {
        for line in [
            "nsenter -t 4711 -n ip addr",
            "docker run --rm -v /work:/work -w /work alpine sh -c --privileged",
            "docker run alpine mount -v /:/x",
            "docker run -e --privileged alpine",
            "docker build -t x .",
            "docker compose run --pid host",
            "docker run --privileged=false alpine",
            "systemd-run --scope make",
            "at -l",
            "crontab -l",
            "rm -rf /tmp/x",
            "unshare -r sh",
            "bpftool prog show",
            "pkill node",
        ] {
            assert_eq!(of(line), None, "{line}");
        }
    }
}
