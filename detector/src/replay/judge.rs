//! From a recording to a conclusion.

use super::retold::Retold;
use crate::{
    engine::{Conclusion, Engine},
    event::STRENGTHS,
    policy::{BadPolicy, Policy},
    recording::{Header, ReadError, Reader},
};
use std::{io::BufRead, path::Path};

/// Why a recording could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The policy in its header is not one.
    #[error("the recording's own policy does not load: {0}; give a policy to judge it by")]
    Policy(#[source] BadPolicy),
    /// The policy in its header is not the one that was applied.
    #[error("the recording's own policy has digest {found}, and {recorded} was applied; give a policy to judge it by")]
    Digest {
        /// Of the policy in the header.
        found: String,
        /// Of the policy applied, as recorded (checked to be printable).
        recorded: String,
    },
}

/// Judges the recording at `path` by `policy`, or by the one it was recorded with.
pub fn replay(path: &Path, policy: Option<Policy>) -> Result<(Conclusion, Header), ReplayError> {
    judge(Reader::open(path)?, policy)
}

/// Judges an open recording by `policy`, or by the one it was recorded with.
pub fn judge<R: BufRead>(mut reader: Reader<R>, policy: Option<Policy>) -> Result<(Conclusion, Header), ReplayError> {
    let header = reader.header();
    let is_other = |policy: &Policy| policy.digest() != header.policy.digest;
    let other = policy.as_ref().is_some_and(is_other) || header.schema < STRENGTHS;
    let policy = policy.map_or_else(|| recorded(header), Ok)?;
    let mut retold = other.then(|| Retold::new(header, &policy));
    let mut engine = Engine::new(policy, header.mode, header.started.boottime);
    let mut events = 0;
    for event in &mut reader {
        let mut event = event?;
        // What the kernel side decided is evidence about it, never for us.
        event.kernel = None;
        if let Some(retold) = &mut retold {
            retold.retell(&mut event);
        }
        let _ = engine.apply(&event);
        events += 1;
    }
    match reader.footer().map(|footer| footer.events) {
        Some(written) if written != events => {
            engine.note_incomplete(format!("the footer counts {written} events and the recording has {events}"));
        }
        None if reader.truncated() => {
            engine.note_incomplete("the recording ends in the middle of a line".to_owned());
        }
        _ => {}
    }
    let complete = reader.footer().is_some();
    let conclusion = engine.conclude(reader.header().capabilities.clone(), complete);
    Ok((conclusion, reader.into_header()))
}

fn recorded(header: &Header) -> Result<Policy, ReplayError> {
    let policy = Policy::from_document(header.policy.document.clone()).map_err(ReplayError::Policy)?;
    let (found, recorded) = (policy.digest(), &header.policy.digest);
    if found == *recorded {
        return Ok(policy);
    }
    let plain = |c: &char| c.is_ascii_graphic();
    Err(ReplayError::Digest { found, recorded: recorded.chars().filter(plain).take(64).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::Verdict,
        event::Event,
        recording::{Footer, Writer, events, footer, header},
    };

    fn recorded(header: &Header, events: &[Event], footer: Option<&Footer>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        writer.header(header).unwrap();
        events.iter().for_each(|event| writer.event(event).unwrap());
        footer.into_iter().for_each(|footer| writer.footer(footer).unwrap());
        drop(writer);
        bytes
    }

    fn judged(bytes: &[u8]) -> Conclusion {
        judge(Reader::new(bytes).unwrap(), None).unwrap().0
    }

    /// Armed and proved, nothing else.
    fn quiet() -> Vec<Event> {
        events().drain(..2).collect()
    }

    fn ends(events: u64) -> Footer {
        Footer { events, ..footer() }
    }

    #[test]
    fn a_quiet_recording_passes_and_keeps_what_the_header_says() {
        let conclusion = judged(&recorded(&header(), &quiet(), Some(&ends(2))));
        assert_eq!(conclusion.verdict, Verdict::Pass);
        assert_eq!(conclusion.mode, header().mode);
        assert_eq!(conclusion.policy, header().policy.digest);
        assert_eq!(conclusion.coverage.capabilities, header().capabilities);
    }

    #[test]
    fn a_recording_without_its_end_does_not_pass() {
        let whole = recorded(&header(), &quiet(), None);
        assert_eq!(judged(&whole).verdict, Verdict::Inconclusive);
        let cut = judged(&whole[..whole.len() - 5]);
        assert_eq!(cut.verdict, Verdict::Inconclusive);
        assert!(cut.reasons.iter().any(|reason| reason.contains("in the middle of a line")), "{:?}", cut.reasons);
    }

    #[test]
    fn events_taken_out_before_the_footer_are_missed() {
        let conclusion = judged(&recorded(&header(), &quiet(), Some(&ends(3))));
        assert_eq!(conclusion.verdict, Verdict::Inconclusive);
        let said = "the footer counts 3 events and the recording has 2";
        assert!(conclusion.reasons.iter().any(|reason| reason.contains(said)), "{:?}", conclusion.reasons);
    }

    #[test]
    fn what_the_kernel_decided_changes_nothing() {
        let mut told = events();
        let with = judged(&recorded(&header(), &told, Some(&footer())));
        told.iter_mut().for_each(|event| event.kernel = None);
        assert_eq!(judged(&recorded(&header(), &told, Some(&footer()))), with);
    }

    #[test]
    fn a_policy_that_is_not_the_one_applied_needs_another_one() {
        let mut forged = header();
        forged.policy.digest = "\u{1b}[31mabc".to_owned();
        let bytes = recorded(&forged, &quiet(), Some(&ends(2)));
        let error = judge(Reader::new(bytes.as_slice()).unwrap(), None).err().unwrap();
        assert!(matches!(&error, ReplayError::Digest { recorded, .. } if recorded == "[31mabc"), "{error}");
        let given = Policy::from_document(header().policy.document).unwrap();
        assert!(judge(Reader::new(bytes.as_slice()).unwrap(), Some(given)).is_ok());
    }

    #[test]
    fn a_damaged_recording_is_not_judged() {
        let mut bytes = recorded(&header(), &quiet(), None);
        bytes.extend_from_slice(b"junk\n");
        assert!(matches!(judge(Reader::new(bytes.as_slice()).unwrap(), None), Err(ReplayError::Read(_))));
        let nowhere = tempfile::tempdir().unwrap().path().join("none");
        assert!(matches!(replay(&nowhere, None), Err(ReplayError::Read(ReadError::Io { .. }))));
    }
}
