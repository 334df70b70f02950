//! What a process is, as exec left it.

/// Most arguments that are looked at: an agent's command line is short.
const ARGUMENTS_MAX: usize = 1024;

/// A process as the kernel has it. The caller reads it; none of it is what the process says of itself later.
#[derive(Clone, Copy, Debug, Default)]
pub struct Started<'a> {
    /// Path of the executable (`/proc/PID/exe`), not the first argument.
    pub executable: &'a [u8],
    /// Arguments, each ended by NUL (`/proc/PID/cmdline`).
    pub argv: &'a [u8],
    /// Its user.
    pub uid: u32,
}

impl<'a> Started<'a> {
    /// Last component of the executable's path.
    pub fn leaf(&self) -> &'a [u8] {
        leaf(self.path())
    }

    /// Directory of the executable.
    pub fn directory(&self) -> &'a [u8] {
        let path = self.path();
        path.iter().rposition(|b| *b == b'/').map_or(&[][..], |slash| &path[..slash])
    }

    /// Arguments, without the first, which is a name that anyone may choose.
    pub fn arguments(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let argv = self.argv.strip_suffix(b"\0").unwrap_or(self.argv);
        argv.split(|b| *b == 0).take(ARGUMENTS_MAX).skip(1)
    }

    /// The first argument that is one of `commands`, where options may come before it, but no other command.
    pub(super) fn command(&self, commands: &[&'static str]) -> Option<&'static str> {
        let mut value = false;
        for argument in self.arguments() {
            if argument.starts_with(b"-") {
                value = !argument.contains(&b'=');
            } else if let Some(command) = commands.iter().find(|command| command.as_bytes() == argument) {
                return Some(command);
            } else if !std::mem::take(&mut value) {
                return None;
            }
        }
        None
    }

    /// An agent that updates itself removes the file that it runs (proc_pid_exe(5)).
    fn path(&self) -> &'a [u8] {
        self.executable.strip_suffix(b" (deleted)").unwrap_or(self.executable)
    }
}

/// Last component of a path.
pub(super) fn leaf(path: &[u8]) -> &[u8] {
    path.rsplit(|b| *b == b'/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_a_leaf_and_a_directory() {
        let seen = |executable| {
            let started = Started { executable, argv: b"", uid: 0 };
            (started.directory(), started.leaf())
        };
        assert_eq!(seen(b"/a/b/Runner.Worker"), (&b"/a/b"[..], &b"Runner.Worker"[..]));
        assert_eq!(seen(b"/a/java (deleted)"), (&b"/a"[..], &b"java"[..]));
        assert_eq!(seen(b""), (&b""[..], &b""[..]));
    }

    #[test]
    fn a_command_is_found_behind_options_only() {
        let command = |argv| Started { executable: b"", argv, uid: 0 }.command(&["run", "start"]);
        assert_eq!(command(b"x\0run\0"), Some("run"));
        assert_eq!(command(b"x\0--debug\0run"), Some("run"));
        assert_eq!(command(b"x\0--level\0info\0start\0"), Some("start"));
        assert_eq!(command(b"x\0--level=info\0--debug\0start\0"), Some("start"));
        assert_eq!(command(b"x\0register\0run\0"), None);
        assert_eq!(command(b"run\0"), None);
        assert_eq!(command(b""), None);
        assert_eq!(command(b"\0\0\0"), None);
    }
}
