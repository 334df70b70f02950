//! The rings, and one order out of three.

use super::decode;
use aya::maps::{MapData, RingBuf};
use rustix::time::{ClockId, clock_gettime};
use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd, RawFd},
    time::Duration,
};
use tokio::io::{Interest, unix::AsyncFd};

/// How long a record waits for an older one of another ring: between taking its time and entering its ring the
/// kernel side does a bounded piece of work with preemption off.
const SETTLE: Duration = Duration::from_millis(2);

/// Records taken from one ring before the next has its turn: a flood of one kind must not keep the others waiting.
const AT_ONCE: usize = 4096;

/// A ring's descriptor, which `AsyncFd` watches; the ring itself is read beside it.
struct Descriptor(OwnedFd);

impl AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// The three rings.
pub struct Rings {
    rings: [RingBuf<MapData>; 3],
    ready: [AsyncFd<Descriptor>; 3],
    batch: Batch,
    /// A ring was left with records in it.
    more: bool,
}

/// Records that wait for their turn.
#[derive(Default)]
struct Batch {
    waiting: BinaryHeap<Reverse<(u64, u64, Vec<u8>)>>,
    arrived: u64,
    emitted: u64,
    late: u64,
}

impl Rings {
    pub(super) fn new(
        process: RingBuf<MapData>,
        secret: RingBuf<MapData>,
        network: RingBuf<MapData>,
    ) -> io::Result<Self> {
        let watch = |ring: &RingBuf<MapData>| {
            let descriptor = Descriptor(ring.as_fd().try_clone_to_owned()?);
            // SAFETY: the descriptor is owned by what is registered, and closed with it.
            unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }
                .map_err(|error| error.into_parts().1)
        };
        let ready = [watch(&process)?, watch(&secret)?, watch(&network)?];
        Ok(Self { rings: [process, secret, network], ready, batch: Batch::default(), more: false })
    }

    /// Waits until a ring has something, or until what waits has settled.
    ///
    /// # Errors
    /// When the descriptors cannot be waited for.
    pub async fn wait(&mut self) -> io::Result<()> {
        if self.more {
            return Ok(());
        }
        let settle = if self.batch.waiting.is_empty() { None } else { Some(SETTLE) };
        let [process, secret, network] = &mut self.ready;
        let any = async {
            tokio::select! {
                guard = process.readable() => guard?.clear_ready(),
                guard = secret.readable() => guard?.clear_ready(),
                guard = network.readable() => guard?.clear_ready(),
            }
            Ok(())
        };
        match settle {
            None => any.await,
            Some(settle) => tokio::time::timeout(settle, any).await.unwrap_or(Ok(())),
        }
    }

    /// Takes what the rings have and passes on, oldest first, what has settled; with `all`, everything that was said by now.
    pub fn drain(&mut self, all: bool, mut each: impl FnMut(Vec<u8>)) {
        let now = boottime();
        // The secret ring last: what its records refer to is in the other two by then.
        let [process, secret, network] = &mut self.rings;
        self.more = false;
        let mut until = if all { u64::MAX } else { now.saturating_sub(nanoseconds(SETTLE)) };
        for ring in [process, network, secret] {
            let (left, last) = self.batch.take(|| ring.next().map(|item| item.to_vec()), all.then_some(now));
            if left {
                // A ring that was not emptied wakes nobody, and what is left in it is older than what others have.
                self.more = true;
                until = until.min(last.saturating_sub(nanoseconds(SETTLE)));
            }
        }
        while let Some(record) = self.batch.pop(until) {
            each(record);
        }
    }

    /// Whether records wait for their turn.
    pub fn waiting(&self) -> bool {
        self.more || !self.batch.waiting.is_empty()
    }

    /// Whether a ring was left with records in it, since there were too many for one turn.
    pub fn is_behind(&self) -> bool {
        self.more
    }

    /// Records that came after a younger one had been passed on.
    pub fn late(&self) -> u64 {
        self.batch.late
    }
}

impl Batch {
    /// Takes records as `next` gives them: up to the first that is younger than `to`, or so many. Whether some may be left, and the time
    /// of the last one.
    fn take(&mut self, mut next: impl FnMut() -> Option<Vec<u8>>, to: Option<u64>) -> (bool, u64) {
        let (mut taken, mut last) = (0, 0);
        while let Some(record) = next() {
            last = decode::time(&record);
            self.push(record);
            taken += 1;
            if to.map_or(taken == AT_ONCE, |to| last > to) {
                return (to.is_none(), last);
            }
        }
        (false, last)
    }

    fn push(&mut self, record: Vec<u8>) {
        self.arrived += 1;
        self.waiting.push(Reverse((decode::time(&record), self.arrived, record)));
    }

    fn pop(&mut self, until: u64) -> Option<Vec<u8>> {
        let Reverse((time, ..)) = self.waiting.peek()?;
        if *time > until {
            return None;
        }
        let Reverse((time, _, record)) = self.waiting.pop()?;
        if time < self.emitted {
            self.late += 1;
        }
        self.emitted = self.emitted.max(time);
        Some(record)
    }
}

/// `CLOCK_BOOTTIME`, nanoseconds: the clock of every record.
pub fn boottime() -> u64 {
    clock(ClockId::Boottime)
}

/// `CLOCK_MONOTONIC`, nanoseconds.
pub(super) fn monotonic() -> u64 {
    clock(ClockId::Monotonic)
}

fn clock(which: ClockId) -> u64 {
    let now = clock_gettime(which);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use detector_common::record::Header;
    use zerocopy::IntoBytes;

    fn record(time: u64) -> Vec<u8> {
        Header { time, ..Header::default() }.as_bytes().to_vec()
    }

    #[test]
    fn records_come_out_in_order_of_time() {
        let mut batch = Batch::default();
        for time in [5, 3, 9, 4] {
            batch.push(record(time));
        }
        let mut out = Vec::new();
        while let Some(record) = batch.pop(5) {
            out.push(decode::time(&record));
        }
        assert_eq!(out, [3, 4, 5]);
        assert_eq!(batch.late, 0);
        batch.push(record(2));
        assert!(batch.pop(u64::MAX).is_some());
        assert_eq!(batch.late, 1, "a record older than one passed on is counted");
    }

    #[test]
    fn so_many_are_taken_at_once_or_all_there_are() {
        let mut times = 1..;
        let mut batch = Batch::default();
        let mut next = || times.next().map(record);
        assert_eq!(batch.take(&mut next, None), (true, AT_ONCE as u64));
        assert_eq!(batch.take(&mut next, Some(3 * AT_ONCE as u64)), (false, 3 * AT_ONCE as u64 + 1));
        assert_eq!(batch.take(|| None, None), (false, 0));
        assert_eq!(batch.arrived, 3 * AT_ONCE as u64 + 1);
    }
}
