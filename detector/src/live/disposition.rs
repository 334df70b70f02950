//! Signals that were ignored when this process was started: `nohup` and shells' background jobs rely on it, and execve(2)
//! hands it on. What is caught here would be the default there, so it is looked up before anything is caught.

use std::sync::atomic::{AtomicBool, Ordering};

const SIGPIPE: i32 = 13;
const SIGCHLD: i32 = 17;
const SIG_IGN: usize = 1;

unsafe extern "C" {
    /// signal(3): sets a disposition and returns the one before.
    fn signal(number: i32, disposition: usize) -> usize;
}

static PIPE: AtomicBool = AtomicBool::new(false);

/// Runs before the runtime, which ignores SIGPIPE without saying what it was.
extern "C" fn look() {
    // SAFETY: signal(3) touches no memory of ours; ignoring is what the runtime does next anyway.
    PIPE.store(unsafe { signal(SIGPIPE, SIG_IGN) } == SIG_IGN, Ordering::Relaxed);
}

#[used]
// SAFETY: the C library calls the functions of this section once, before `main`.
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;

/// Ignored signals.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ignored(u64);

impl Ignored {
    /// As they are now; before any is caught.
    pub(super) fn now() -> Self {
        let status = procfs::process::Process::myself().and_then(|own| own.status());
        let mut set = Self(status.map_or(0, |status| status.sigign) & !bit(SIGPIPE));
        if PIPE.load(Ordering::Relaxed) {
            set.0 |= bit(SIGPIPE);
        }
        set
    }

    /// Whether signal `number` is.
    pub(super) fn contains(self, number: i32) -> bool {
        self.0 & bit(number) != 0
    }

    /// Between fork and exec: ignores again what the library resets, or what had to be caught all the same.
    pub(super) fn restore(self) {
        for number in [SIGPIPE, SIGCHLD] {
            if self.contains(number) {
                // SAFETY: async-signal-safe, and touches no memory of ours.
                unsafe { signal(number, SIG_IGN) };
            }
        }
    }
}

fn bit(number: i32) -> u64 {
    1 << (number - 1)
}
