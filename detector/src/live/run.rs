//! `detector run`: one command and its descendants are one job.

use super::{
    Ask, Command, LiveError, command, daemon,
    disposition::Ignored,
    environment,
    kept::{self, Keeper},
    known,
    log::{Relays, Rest},
    programs::{Places, Programs},
    proof, resolvers, services,
    session::{JOB, Session},
    signals::Signals,
};
use crate::{
    engine::{Capability, Conclusion, Finding, Mode},
    event::{Body, SCHEMA},
    kernel::{Flags, JobSettings, LayoutSource, Quarantine, Rings, Sensor, Tracing},
    policy::Policy,
    recording::{Header, Host, Started, Status, TOOL},
    secret::redact,
};
use std::{
    ffi::OsString,
    fs::File,
    net::IpAddr,
    os::unix::{
        ffi::OsStrExt,
        process::{CommandExt, ExitStatusExt},
    },
    path::PathBuf,
    process::{ExitStatus, Stdio},
    rc::Rc,
    time::{Duration, Instant},
};

/// How long the last records are waited for at the most.
const SETTLED: Duration = Duration::from_millis(50);

/// The subcommand of [`super::relay_the_rest`].
const RELAY_THE_REST: &str = "relay-the-rest";

/// What to run and how.
pub struct Options {
    /// The command.
    pub command: Command,
    /// The policy, as the user has it.
    pub policy: Policy,
    /// Whether leaks are denied.
    pub mode: Mode,
    /// Where kernel types are read from.
    pub layout: LayoutSource,
    /// Where the recording goes.
    pub record: Option<File>,
    /// Where a daemon of this host listens, if there is one: it watches already.
    pub daemon: PathBuf,
}

/// How a run ended.
pub struct Ended {
    /// The command's status, as a shell has it.
    pub code: u8,
    /// What was concluded.
    pub conclusion: Conclusion,
}

/// Runs the command under watch. `found` is told of each finding as it is made.
///
/// # Errors
/// When the sensor does not start or does not prove itself: then the command was not run.
pub async fn run(options: Options, mut found: impl FnMut(&Finding)) -> Result<Ended, LiveError> {
    let ignored = Ignored::now();
    let Options { command, policy, mode, layout, record, daemon } = options;
    if daemon::ask(&daemon, Ask::Status).is_ok() {
        return Err(LiveError::Daemon(daemon));
    }
    let environment = environment::of_command(&policy);
    let resolvers = resolvers::configured();
    let uid = user(&command);
    let policy = policy.for_job(&environment).with_resolvers(&resolvers);
    let home = std::env::var_os("HOME").map(PathBuf::from).and_then(|home| home.canonicalize().ok());
    let here = || std::env::current_dir().ok()?.canonicalize().ok();
    let workspace = Policy::workspace(&environment).map(PathBuf::from).or_else(here);
    let files = kept::Places::new(home, workspace.into_iter().collect(), uid);
    let alone = !kept::is_within_another();
    let (kept, read) = if alone { kept::found(&files) } else { (Vec::new(), Vec::new()) };
    let listed = resolvers::listed();
    let policy = policy.with_kept(&kept).with_hosts(&listed);
    let policy = policy.with_search(&resolvers::searched()).with_local(&services::look(&listed));
    let before = alone.then(|| kept::Before { places: Rc::new(files), read, listed: listed.into() });
    let left = Quarantine::sweep();
    if left != 0 {
        tracing::info!("sockets of {left} earlier run(s) are still quarantined");
    }
    let mut sensor = Sensor::load(&layout, Flags::Detected, Tracing::detect())?;
    let quarantine = if mode == Mode::Enforce { Some(Quarantine::new()?) } else { None };
    let resolvers: Vec<_> = resolvers.iter().map(|address| (*address, resolvers::is_own(*address))).collect();
    let job = Watched { policy, mode, record, before };
    let (quarantining, resolvers) = (quarantine.as_ref(), resolvers.as_slice());
    let watched = watch(&mut sensor, quarantining, (&command, ignored), resolvers, job, &mut found).await;
    // Without this process the kernel side goes on, where it must: for sockets that hold what was refused.
    if let Some(quarantine) = quarantine {
        if sensor.quarantined().is_ok_and(|sockets| sockets.is_empty()) {
            // What was found must not be lost for it.
            if let Err(error) = quarantine.lift() {
                tracing::warn!("{error}");
            }
        } else {
            tracing::info!("sockets with refused data stay quarantined until they are closed");
        }
    }
    watched
}

/// What is watched, and how.
struct Watched {
    policy: Policy,
    mode: Mode,
    record: Option<File>,
    /// Files that name places; none where another one looks after them.
    before: Option<kept::Before>,
}

async fn watch(
    sensor: &mut Sensor,
    quarantine: Option<&Quarantine>,
    (command, ignored): (&Command, Ignored),
    resolvers: &[(IpAddr, bool)],
    Watched { policy, mode, record, before }: Watched,
    found: &mut impl FnMut(&Finding),
) -> Result<Ended, LiveError> {
    let header = header(&command.argv, &policy, mode, sensor.capabilities());
    let places = Places::new(user(command), |name| std::env::var_os(name));
    let programs = Programs::search(policy.programs(), &places);
    sensor.attach(quarantine)?;
    sensor.believe(resolvers)?;
    let mut rings = sensor.rings()?;
    let armed = crate::kernel::boottime();
    proof::prove(sensor, &mut rings, mode).await?;
    let proved = crate::kernel::boottime();
    sensor.disarm()?;
    // What the proof left in the counters is not this session's.
    let counted = sensor.counters()?;
    let tables = policy.tables(JOB);
    let mut session = Session::new(JOB, policy, mode, &header, record);
    session.own(armed, Body::Armed);
    session.own(proved, Body::Proved);
    let enforce = mode == Mode::Enforce;
    // Where nothing is masked the command keeps the streams it has.
    let relayed = enforce && tables.mask && tables.log != 0;
    let mut relays = if relayed { Relays::new()? } else { Relays::default() };
    sensor.add_job(JobSettings { job: JOB, enforce, relayed, tables: &tables })?;
    programs.register(sensor, JOB)?;
    let mut keeper = None;
    if let Some(before) = before {
        kept::watch(sensor, JOB, &before.places)?;
        for known in known::register(sensor, (JOB, session.policy()), &before.places)? {
            session.own(armed, Body::Known(known));
        }
        let begun = Keeper::new(JOB, JOB, &before);
        begun.begin(sensor, session.policy(), &before.read)?;
        keeper = Some(begun);
    }

    let mut signals = Signals::catch(ignored)?;
    sensor.add_worker(std::process::id(), JOB)?;
    let running = command.spawn(ignored, relays.streams());
    let mut running = match running {
        Ok(running) => running,
        Err(error) => {
            sensor.remove_worker(std::process::id())?;
            return Err(error);
        }
    };
    let relaying = relays.start(sensor.printed()?)?;
    let status = loop {
        tokio::select! {
            waited = rings.wait() => waited.map_err(LiveError::system("cannot wait for the rings"))?,
            () = signals.child(running.pid) => {}
        }
        judge(&mut rings, &mut session, false, keeper.as_mut(), found);
        if let Some(keeper) = &mut keeper {
            look(keeper, sensor, &mut session)?;
        }
        #[cfg(feature = "kernel-log")]
        sensor.pass_log_on();
        if let Some(status) = running.ended()? {
            break status;
        }
    };
    // Not before: the command may still be in its exec when it is there, and who uses a map may make the kernel leave that out
    // (`bpf_disable_instrumentation`). This process starts no other meanwhile.
    sensor.remove_worker(std::process::id())?;
    // What reads the log may be slow, and what is left behind is still looked at.
    let mut ending = tokio::task::spawn_blocking(move || relaying.end());
    let rest = loop {
        tokio::select! {
            rest = &mut ending => break rest.unwrap_or_default(),
            waited = rings.wait() => waited.map_err(LiveError::system("cannot wait for the rings"))?,
        }
        judge(&mut rings, &mut session, false, keeper.as_mut(), found);
    };
    settle(&mut rings, &mut session, keeper.as_mut(), found).await?;
    if let Some(keeper) = &mut keeper {
        look(keeper, sensor, &mut session)?;
    }
    let left = sensor.left(JOB)?;
    if left.processes != 0 {
        tracing::info!("{} process(es) of the job outlive it, {} holding a secret", left.processes, left.holding);
    }
    let mut counters = sensor.counters()?;
    for (name, count) in &mut counters {
        *count -= counted.get(name).copied().unwrap_or(0);
    }
    counters.retain(|_, count| *count != 0);
    // After the counters: what they count has been told of, whatever is left behind does meanwhile.
    judge(&mut rings, &mut session, true, None, found);
    let ended = crate::kernel::boottime();
    let masks = sensor.printed()?.get() || left.holding != 0;
    let conclusion = session.end(ended, Some(recorded(status)), &counters, left, rings.late());
    leave_behind(rest, masks);
    Ok(Ended { code: command::code(status), conclusion })
}

/// Whose the command is.
fn user(command: &Command) -> u32 {
    command.user.as_ref().map_or_else(|| rustix::process::getuid().as_raw(), super::User::uid)
}

/// What the command left behind may print as long as it lives, and we do not: another process passes that on.
fn leave_behind(rest: Vec<Rest>, masks: bool) {
    for Rest { from, to } in rest {
        let mut relay = std::process::Command::new("/proc/self/exe");
        relay.arg(RELAY_THE_REST).args(masks.then_some("--mask")).process_group(0);
        relay.stdin(Stdio::from(from)).stdout(Stdio::from(to)).stderr(Stdio::null());
        // What was found must not be lost for it.
        if let Err(error) = relay.spawn() {
            tracing::warn!("nobody passes on what processes that are left behind print: {error}");
        }
    }
}

/// Takes in what has settled, or all that there is; `keeper` is told of what it has to look at.
fn judge(
    rings: &mut Rings,
    session: &mut Session,
    all: bool,
    mut keeper: Option<&mut Keeper>,
    found: &mut impl FnMut(&Finding),
) {
    rings.drain(all, |record| {
        session.record(&record).iter().for_each(&mut *found);
        if let Some(keeper) = &mut keeper {
            keeper.note(&record);
        }
    });
    session.flush();
}

/// Looks at the files that may name places, where there is a reason.
fn look(keeper: &mut Keeper, sensor: &mut Sensor, session: &mut Session) -> Result<(), LiveError> {
    let kept = keeper.look(sensor, session.policy())?;
    kept.into_iter().for_each(|(time, kept)| session.keep(time, kept));
    Ok(())
}

/// The command has ended: what it did last is in the rings, and in order once it has settled.
async fn settle(
    rings: &mut Rings,
    session: &mut Session,
    mut keeper: Option<&mut Keeper>,
    found: &mut impl FnMut(&Finding),
) -> Result<(), LiveError> {
    judge(rings, session, false, keeper.as_deref_mut(), found);
    // What it left behind may go on and on.
    let until = Instant::now() + SETTLED;
    while rings.waiting() && Instant::now() < until {
        rings.wait().await.map_err(LiveError::system("cannot wait for the rings"))?;
        judge(rings, session, false, keeper.as_deref_mut(), found);
    }
    judge(rings, session, true, keeper, found);
    Ok(())
}

fn recorded(status: ExitStatus) -> Status {
    match status.signal() {
        Some(signal) => Status::Signal(u8::try_from(signal).unwrap_or(0)),
        None => Status::Code(command::code(status)),
    }
}

/// The header of a recording that begins now, of a job whose command is `argv`.
pub(super) fn header(argv: &[OsString], policy: &Policy, mode: Mode, capabilities: Vec<Capability>) -> Header {
    let system = rustix::system::uname();
    let realtime = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let mut command = Vec::new();
    for argument in argv {
        command.extend_from_slice(argument.as_bytes());
        command.push(0);
    }
    Header {
        schema: SCHEMA,
        tool: TOOL.to_owned(),
        host: Host {
            kernel: system.release().to_string_lossy().into_owned(),
            machine: system.machine().to_string_lossy().into_owned(),
            cpus: std::thread::available_parallelism().map_or(1, |cpus| u32::try_from(cpus.get()).unwrap_or(u32::MAX)),
            boot_id: boot_id.trim().to_owned(),
        },
        started: Started {
            boottime: crate::kernel::boottime(),
            realtime: u64::try_from(realtime.tv_sec).unwrap_or(0) * 1_000_000_000
                + u64::try_from(realtime.tv_nsec).unwrap_or(0),
        },
        mode,
        policy: policy.into(),
        capabilities,
        command: redact::argv(&command, false),
    }
}
