//! What became of the sends behind a finding, socket by socket.

use super::Destination;
use crate::event::{Call, Outcome};
use std::collections::BTreeMap;

/// Sockets of one finding that are told apart; the others are judged together.
const SOCKETS: usize = 64;
const OTHERS: u64 = u64::MAX;
/// The cookie of sockets that have none yet.
const UNNAMED: u64 = 0;

/// A reach for a destination.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    /// Where to.
    pub(super) to: Destination,
    /// Which call.
    pub(super) call: Call,
    /// Socket cookie.
    pub(super) socket: u64,
    /// What became of it.
    pub(super) outcome: Outcome,
}

/// The outcomes of the reaches that were folded into one finding.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    sockets: BTreeMap<u64, Fate>,
}

#[derive(Clone, Copy, Debug)]
struct Fate {
    /// More than a connect.
    sent: bool,
    outcome: Outcome,
}

impl Outcomes {
    /// Counts `reach` in.
    pub(super) fn note(&mut self, reach: &Reach) {
        let known = self.sockets.contains_key(&reach.socket) || self.sockets.len() < SOCKETS;
        let socket = if known { reach.socket } else { OTHERS };
        let new = Fate { sent: reach.call != Call::Connect, outcome: reach.outcome };
        let fate = self.sockets.entry(socket).or_insert(new);
        // Whether a connect passed no longer matters once something was sent.
        match (fate.sent, new.sent) {
            (false, true) => *fate = new,
            (true, false) => {}
            _ => fate.outcome = fate.outcome.min(new.outcome),
        }
    }

    /// Whether nothing was counted yet.
    pub(super) fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// Egress saw to it: the packet was dropped, or went its way. False when `socket` is not one of these, nor, in the
    /// same process, may be one that had no cookie when it sent.
    pub(super) fn settle(&mut self, socket: u64, same_process: bool, dropped: bool) -> bool {
        let named = socket != UNNAMED && self.sockets.contains_key(&socket);
        if !named && !same_process {
            return false;
        }
        let Some(fate) = self.sockets.get_mut(if named { &socket } else { &UNNAMED }) else { return false };
        fate.sent = true;
        fate.outcome = match (dropped, fate.outcome) {
            (false, _) => Outcome::Passed,
            // Of several without a cookie, this was one: for the others nothing got better.
            (true, Outcome::Passed) if named => Outcome::Quarantined,
            (true, outcome) => outcome,
        };
        true
    }

    /// The outcome to report: one send that got through outweighs all that were stopped.
    pub(super) fn worst(&self) -> Option<Outcome> {
        self.sockets.values().map(|fate| fate.outcome).min()
    }

    /// Whether data was sent and got through.
    pub(super) fn got_out(&self) -> bool {
        self.sockets.values().any(|fate| fate.sent && fate.outcome == Outcome::Passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Outcome::{Passed, Quarantined, Refused};

    fn outcomes(reaches: &[(Call, u64, Outcome)]) -> Outcomes {
        let mut outcomes = Outcomes::default();
        for &(call, socket, outcome) in reaches {
            let to = Destination::new([203, 0, 113, 9].into(), 443);
            outcomes.note(&Reach { to, call, socket, outcome });
        }
        outcomes
    }

    #[test]
    fn one_that_got_through_outweighs_the_stopped() {
        let all = outcomes(&[(Call::SendTo, 1, Refused), (Call::SendTo, 2, Passed), (Call::Send, 3, Quarantined)]);
        assert_eq!((all.worst(), all.got_out()), (Some(Passed), true));
        assert_eq!(outcomes(&[]).worst(), None);
    }

    #[test]
    fn a_connect_that_passed_is_no_send() {
        let connect = (Call::Connect, 1, Passed);
        assert!(!outcomes(&[connect]).got_out());
        assert_eq!(outcomes(&[connect, (Call::Send, 1, Quarantined), connect]).worst(), Some(Quarantined));
    }

    #[test]
    fn egress_has_the_last_word() {
        let mut sent = outcomes(&[(Call::Send, 1, Passed)]);
        assert!(sent.settle(1, false, true) && !sent.settle(2, true, true));
        assert_eq!(sent.worst(), Some(Quarantined));
        let mut marked = outcomes(&[(Call::Send, 1, Quarantined)]);
        assert!(marked.settle(1, true, false));
        assert_eq!((marked.worst(), marked.got_out()), (Some(Passed), true));
    }

    #[test]
    fn a_socket_without_a_cookie_is_not_taken_for_stopped() {
        let mut unnamed = outcomes(&[(Call::Send, UNNAMED, Passed)]);
        assert!(unnamed.settle(7, true, true) && unnamed.got_out());
        let mut marked = outcomes(&[(Call::Send, UNNAMED, Quarantined)]);
        assert!(!marked.settle(7, false, false) && marked.worst() == Some(Quarantined));
        assert!(marked.settle(7, true, true) && marked.worst() == Some(Quarantined));
        assert!(marked.settle(7, true, false) && marked.got_out());
    }

    #[test]
    fn sockets_without_end_are_judged_together() {
        let many: Vec<_> = (1..1000).map(|socket| (Call::Send, socket, Refused)).collect();
        let mut all = outcomes(&many);
        assert_eq!(all.sockets.len(), SOCKETS + 1);
        all.note(&Reach { socket: 2000, outcome: Passed, ..reach() });
        assert_eq!(all.worst(), Some(Passed));
    }

    fn reach() -> Reach {
        let to = Destination::new([203, 0, 113, 9].into(), 443);
        Reach { to, call: Call::Send, socket: 1, outcome: Refused }
    }
}
