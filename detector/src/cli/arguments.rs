//! The command line, as written.

use crate::{engine::Mode, policy};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::{ffi::OsString, net::SocketAddr, path::PathBuf, str::FromStr};

/// Stops credentials from leaving CI jobs.
#[derive(Debug, Parser)]
#[command(name = "detector", version, max_term_width = 100)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Run a command under watch: it and its descendants are one job.
    #[command(after_help = RUN_HELP)]
    Run(Box<RunArguments>),
    /// Watch this host: jobs of CI agents are found as they begin, each with a recording and a verdict of its own.
    #[command(after_help = DAEMON_HELP)]
    Daemon(DaemonArguments),
    /// Ask the daemon how it is, as JSON.
    Status(ControlArguments),
    /// Have the daemon write its recordings out so far.
    Flush(ControlArguments),
    /// Judge recorded runs again. Needs no root and no particular kernel.
    #[command(after_help = REPLAY_HELP)]
    Replay(ReplayArguments),
    /// Print the classes of a policy, or everything about one. Needs no root and no particular kernel.
    #[command(after_help = CATALOGUE_HELP)]
    Catalogue(CatalogueArguments),
    /// Check or show policies, or print their JSON Schema. Needs no root and no particular kernel.
    #[command(after_help = POLICY_HELP)]
    Policy(PolicyArguments),
    /// What the sensor's proof runs at every start.
    #[command(hide = true)]
    ProveInChild { directory: PathBuf, sink: SocketAddr },
    /// What passes on the output of processes that a command left behind, from standard input.
    #[command(hide = true)]
    RelayTheRest {
        /// Mask what may be a secret.
        #[arg(long)]
        mask: bool,
    },
}

const RUN_HELP: &str = "Exit status: in audit the command's own, always; in enforce 100 for FAIL, 101 for \
    INCONCLUSIVE with --strict, else the command's own. 102 bad usage or policy, 103 the sensor could not start, \
    104 internal error, 126 or 127 the command could not be run.";
const DAEMON_HELP: &str = "SIGHUP reads the policy anew, for jobs to come; SIGTERM and SIGINT end it. Exit status: 0 when it was \
    told to end, 102 bad usage, settings or policy, 103 the sensor could not start or another daemon is there, 104 internal error.";
const REPLAY_HELP: &str = "Exit status: 0 for PASS, 100 for FAIL, 101 for INCONCLUSIVE with --strict (else 0), \
    102 bad usage, policy or recording, 104 internal error. Of several recordings the worst counts.";
const POLICY_HELP: &str = "Exit status: 0 for a good policy, 102 for a bad one or bad usage, 104 internal error.";

const CATALOGUE_HELP: &str = "Exit status: 0, or 102 for an unknown class, bad usage or a bad policy.";

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// Report only, or deny and kill as the policy says [default: the policy's, else audit]
    #[arg(long, value_name = "MODE")]
    pub(super) mode: Option<ModeArgument>,
    /// Policy file [default: the builtin policy]
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
    /// Record every event there (JSON Lines)
    #[arg(long, value_name = "FILE")]
    pub(super) record: Option<PathBuf>,
    /// text or json, on standard error or in a file; may be given several times [default: text]
    #[arg(long, value_name = "FORMAT[=FILE]")]
    pub(super) report: Vec<ReportArgument>,
    /// Write the verdict's word there: the command may itself return 100
    #[arg(long, value_name = "FILE")]
    pub(super) verdict: Option<PathBuf>,
    /// In enforce, exit with 101 when not everything was seen
    #[arg(long)]
    pub(super) strict: bool,
    /// Run the command as this user [default: who called sudo, else the own user]
    #[arg(long, value_name = "NAME|UID")]
    pub(super) user: Option<String>,
    /// Kernel type information, where the kernel publishes none
    #[arg(long, value_name = "FILE")]
    pub(super) btf: Option<PathBuf>,
    /// Where a daemon of this host would listen: where one does, it watches already, and nothing is run
    #[arg(long, value_name = "PATH", default_value = "/run/detector/control.sock")]
    pub(super) socket: PathBuf,
    /// The command
    #[arg(required = true, last = true, value_name = "CMD")]
    pub(super) command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(super) struct DaemonArguments {
    /// Settings (YAML): policy, mode, directory, socket, home, keep [default: all of them as they are]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Kernel type information, where the kernel publishes none
    #[arg(long, value_name = "FILE")]
    pub(super) btf: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct ControlArguments {
    /// Where the daemon listens
    #[arg(long, value_name = "PATH", default_value = "/run/detector/control.sock")]
    pub(super) socket: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct ReplayArguments {
    /// Recordings
    #[arg(required = true, value_name = "FILE")]
    pub(super) recordings: Vec<PathBuf>,
    /// Policy file [default: the one in the recording]
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
    /// text or json, on standard output or in a file; may be given several times [default: text]
    #[arg(long, value_name = "FORMAT[=FILE]")]
    pub(super) report: Vec<ReportArgument>,
    /// Exit with 101 when not everything was seen
    #[arg(long)]
    pub(super) strict: bool,
}

#[derive(Debug, Args)]
pub(super) struct CatalogueArguments {
    /// The class [default: a table of all]
    #[arg(value_name = "CLASS")]
    pub(super) class: Option<String>,
    /// Policy file [default: the builtin policy]
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
    /// How it is printed
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(super) struct PolicyArguments {
    #[command(subcommand)]
    pub(super) verb: PolicyVerb,
}

#[derive(Debug, Subcommand)]
pub(super) enum PolicyVerb {
    /// Say what is wrong with policy files, and what is of no use in good ones
    Check(CheckArguments),
    /// Print a policy
    Show(ShowArguments),
    /// Print the JSON Schema of policy files, for editors
    Schema,
}

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// Policy files; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// Policy file; - is standard input [default: the builtin policy]
    #[arg(value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// With all that it extends in it, and where each part was written
    #[arg(long)]
    pub(super) resolved: bool,
    /// How it is printed
    #[arg(long, value_name = "FORMAT", default_value = "yaml")]
    pub(super) format: FormatArgument,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum FormatArgument {
    Yaml,
    Json,
}

impl From<FormatArgument> for policy::Format {
    fn from(format: FormatArgument) -> Self {
        match format {
            FormatArgument::Yaml => Self::Yaml,
            FormatArgument::Json => Self::Json,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ModeArgument {
    Audit,
    Enforce,
}

impl From<ModeArgument> for Mode {
    fn from(mode: ModeArgument) -> Self {
        match mode {
            ModeArgument::Audit => Self::Audit,
            ModeArgument::Enforce => Self::Enforce,
        }
    }
}

/// Formats of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
}

/// `FORMAT` or `FORMAT=FILE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReportArgument {
    pub(super) format: Format,
    pub(super) file: Option<PathBuf>,
}

impl FromStr for ReportArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, file) = match text.split_once('=') {
            Some((_, "")) => return Err("no file after `=`: write FORMAT=FILE, or FORMAT alone".into()),
            Some((format, file)) => (format, Some(PathBuf::from(file))),
            None => (text, None),
        };
        let format = match format {
            "text" => Format::Text,
            "json" => Format::Json,
            other => return Err(format!("no format `{other}`: there are text and json")),
        };
        Ok(Self { format, file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn reports_are_formats_with_or_without_files() {
        let parse = |text: &str| text.parse::<ReportArgument>();
        assert_eq!(parse("text"), Ok(ReportArgument { format: Format::Text, file: None }));
        assert_eq!(parse("json=a=b"), Ok(ReportArgument { format: Format::Json, file: Some("a=b".into()) }));
        assert!(parse("xml").is_err_and(|error| error.contains("text and json")));
        assert!(parse("json=").is_err());
    }

    #[test]
    fn everything_after_the_dashes_is_the_command() {
        let parsed = Arguments::try_parse_from(["detector", "run", "--mode", "enforce", "--", "make", "--mode", "x"]);
        let Ok(Arguments { verb: Verb::Run(run) }) = parsed else { panic!("{parsed:?}") };
        assert_eq!(run.command, ["make", "--mode", "x"]);
        assert!(Arguments::try_parse_from(["detector", "run", "make"]).is_err(), "the dashes are asked for");
    }
}
