//! The command that is watched: its streams, signals, terminal and environment are its own.

use super::{LiveError, disposition::Ignored};
use rustix::process::{Gid, Pid, Uid};
use std::{
    ffi::OsString,
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, ExitStatus, Stdio},
};

/// The user that a command runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    name: Option<String>,
    uid: u32,
    gid: u32,
}

impl User {
    /// `--user`, else who called sudo, else none: the user is not changed.
    ///
    /// # Errors
    /// When the named user is not known.
    pub fn choose(named: Option<&str>) -> Result<Option<Self>, LiveError> {
        let wanted = match named {
            Some(name) => name.to_owned(),
            // Root through sudo is not who the build belongs to.
            None => match std::env::var("SUDO_UID") {
                Ok(uid) if rustix::process::geteuid().is_root() => uid,
                _ => return Ok(None),
            },
        };
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        Self::find(&wanted, &passwd).filter(Self::valid).map(Some).ok_or(LiveError::User(wanted))
    }

    /// Its number.
    pub(super) fn uid(&self) -> u32 {
        self.uid
    }

    /// The last number means "unchanged" to the kernel (setresuid(2)), not a user.
    fn valid(&self) -> bool {
        self.uid != u32::MAX && self.gid != u32::MAX
    }

    /// By name or numeric id (passwd(5)); an id without an entry is its own group.
    fn find(wanted: &str, passwd: &str) -> Option<Self> {
        let entry = passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            let uid = fields.nth(1)?;
            let gid = fields.next()?;
            if name != wanted && uid != wanted {
                return None;
            }
            Some(Self { name: Some(name.to_owned()), uid: uid.parse().ok()?, gid: gid.parse().ok()? })
        });
        entry.or_else(|| wanted.parse().ok().map(|id| Self { name: None, uid: id, gid: id }))
    }

    /// Supplementary groups (group(5)), the own one first.
    fn groups(&self) -> Vec<Gid> {
        let text = std::fs::read_to_string("/etc/group").unwrap_or_default();
        let member = |line: &&str| {
            let members = line.rsplit(':').next().unwrap_or_default();
            self.name.as_deref().is_some_and(|name| members.split(',').any(|member| member == name))
        };
        let listed = text.lines().filter(member).filter_map(|line| line.split(':').nth(2)?.parse().ok());
        let mut groups = vec![self.gid];
        groups.extend(listed.filter(|gid: &u32| *gid != self.gid && *gid != u32::MAX));
        groups.into_iter().map(Gid::from_raw).collect()
    }
}

/// A command to be run.
#[derive(Clone, Debug)]
pub struct Command {
    /// Program and arguments; the first is never missing.
    pub argv: Vec<OsString>,
    /// Who runs it; absent for who runs the detector.
    pub user: Option<User>,
}

/// A command that runs.
pub(super) struct Running {
    child: Child,
    program: String,
    /// Its process id.
    pub(super) pid: Pid,
}

impl Command {
    /// Starts it, with `streams` as standard output and standard error where they are not to be our own.
    pub(super) fn spawn(&self, ignored: Ignored, streams: [Option<Stdio>; 2]) -> Result<Running, LiveError> {
        let mut argv = self.argv.iter();
        let program = argv.next().cloned().unwrap_or_default();
        let name = program.to_string_lossy().into_owned();
        let mut command = std::process::Command::new(&program);
        command.args(argv);
        let [stdout, stderr] = streams;
        stdout.map(|stream| command.stdout(stream));
        stderr.map(|stream| command.stderr(stream));
        let user = self.user.as_ref().map(|user| (user.groups(), Gid::from_raw(user.gid), Uid::from_raw(user.uid)));
        // By fork and exec, whoever runs it: posix_spawn would ignore the C library's own signals in the command.
        // SAFETY: the closure runs between fork and exec, and makes system calls only.
        unsafe {
            command.pre_exec(move || {
                if let Some((groups, gid, uid)) = &user {
                    rustix::thread::set_thread_groups(groups)?;
                    rustix::thread::set_thread_gid(*gid)?;
                    rustix::thread::set_thread_uid(*uid)?;
                }
                ignored.restore();
                Ok(())
            });
        }
        let child = command.spawn().map_err(|source| LiveError::Command { program: name.clone(), source })?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).unwrap_or(Pid::INIT);
        Ok(Running { child, program: name, pid })
    }
}

impl Running {
    /// How it ended, when it has.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>, LiveError> {
        self.child.try_wait().map_err(|source| LiveError::Command { program: self.program.clone(), source })
    }
}

/// The status a shell would report: the code, or 128 and the signal.
pub(super) fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(0);
    u8::try_from(code & 0xff).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nrunner:x:1001:121:,,,:/home/runner:/bin/bash\n";

    #[test]
    fn users_are_found_by_name_and_by_number() {
        let runner = User { name: Some("runner".into()), uid: 1001, gid: 121 };
        assert_eq!(User::find("runner", PASSWD), Some(runner.clone()));
        assert_eq!(User::find("1001", PASSWD), Some(runner));
        assert_eq!(User::find("4711", PASSWD), Some(User { name: None, uid: 4711, gid: 4711 }));
        assert_eq!(User::find("nobody-here", PASSWD), None);
    }

    #[test]
    fn a_signal_is_a_status_as_shells_report_it() {
        assert_eq!(code(ExitStatus::from_raw(9)), 137);
        assert_eq!(code(ExitStatus::from_raw(3 << 8)), 3);
    }
}
