//! Variables of the environment that put code into a program, or make it print what it keeps to itself otherwise.

use detector_common::program::InjectKey;

/// Into any program: what the dynamic loader and the C library load (ld.so(8), iconv(3)).
///
/// Not `LD_LIBRARY_PATH`, which can do it as well: rustup sets it for every cargo, cargo for every build script, and Python's
/// set-up for whole jobs, and only names are compared.
const ANY: [&str; 3] = ["LD_PRELOAD", "LD_AUDIT", "GCONV_PATH"];

/// Bytes of a variable's string that the kernel side compares.
const COMPARED: usize = size_of::<u64>();

/// Why a variable was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum BadVariable {
    #[error("not the name of a variable; use letters, digits and `_`, with or without a `*` at the end")]
    Name,
    #[error("a `*` needs {COMPARED} or more characters before it, since that many are compared")]
    Short,
}

/// The first bytes of the strings of the variable `text`, as in [`InjectKey::start`]: up to and with the `=`.
pub(super) fn start(text: &str) -> Result<u64, BadVariable> {
    let (name, any) = text.strip_suffix('*').map_or((text, false), |name| (name, true));
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if name.is_empty() || !name.bytes().all(plain) || name.as_bytes()[0].is_ascii_digit() {
        return Err(BadVariable::Name);
    }
    if any && name.len() < COMPARED {
        return Err(BadVariable::Short);
    }
    let string = name.bytes().chain(std::iter::once(b'=')).take(COMPARED);
    Ok(string.enumerate().fold(0, |start, (i, byte)| start | u64::from(byte) << (8 * i)))
}

/// The rows of `policy` for any program, and for each program's number and start.
pub(super) fn rows<'a>(policy: u32, own: impl Iterator<Item = (u16, &'a [u64])>) -> Vec<InjectKey> {
    // A test reads these names.
    let any = ANY.iter().filter_map(|name| start(name).ok()).map(|start| InjectKey { start, policy, program: 0 });
    let own = own.flat_map(|(program, starts)| {
        starts.iter().map(move |start| InjectKey { start: *start, policy, program: program.into() })
    });
    let mut rows: Vec<_> = any.chain(own).collect();
    rows.sort_unstable_by_key(|row| (row.program, row.start));
    rows.dedup();
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_eight_bytes_stand_for_a_variable() {
        let bytes = |text| start(text).map(u64::to_le_bytes);
        assert_eq!(bytes("GIT_CONFIG*"), Ok(*b"GIT_CONF"));
        assert_eq!(bytes("LD_AUDIT"), Ok(*b"LD_AUDIT"));
        assert_eq!(bytes("GIT_SSH"), Ok(*b"GIT_SSH="));
        assert_eq!(bytes("ENV"), Ok(*b"ENV=\0\0\0\0"));
        for (text, rule) in [
            ("", BadVariable::Name),
            ("*", BadVariable::Name),
            ("1A", BadVariable::Name),
            ("A=B", BadVariable::Name),
            ("A*B", BadVariable::Name),
            ("GIT_*", BadVariable::Short),
        ] {
            assert_eq!(start(text), Err(rule), "{text}");
        }
        assert!(ANY.iter().all(|name| start(name).is_ok()));
    }

    #[test]
    fn rows_are_there_once() {
        let twice = [start("GIT_TRACE*").unwrap(), start("GIT_TRACE2").unwrap()];
        let rows = rows(7, [(3, &twice[..])].into_iter());
        assert_eq!(rows.len(), ANY.len() + 1);
        assert!(rows.iter().all(|row| row.policy == 7));
        assert_eq!(rows.last().map(|row| row.program), Some(3));
    }
}
