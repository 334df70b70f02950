//! Command lines as a policy writes them.
//!
//! ```text
//! line   = part*                      none: the program without arguments
//! part   = WORD ("|" WORD)*           one argument: one of these
//!        | "[" option ("," option)* "]"   may stand from here on, in any order, any number of times
//!        | "*"                        one operand: an argument that does not start with `-`
//!        | "*!" WORD ("|" WORD)*      one operand that is none of these
//!        | "..."                      operands, any number, and behind `--` anything; last
//!        | "**"                       anything, any number; last
//! option = --NAME | --NAME=* | "--NAME *" (with a value of its own) | "--NAME VALUE" (with this one)
//!        | "options"                  those of the program
//! ```
//!
//! The program's own options may stand before the first part of every line.

use crate::secret::redact;
use detector_common::limits::ARGUMENTS;

/// Why a command line was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum BadLine {
    #[error("`[` without `]`, or the other way round")]
    Bracket,
    #[error("no options between `[` and `]`; leave the brackets out")]
    Empty,
    #[error(
        "`{0}` is no option; write `--name`, `--name=*`, `--name *`, `--name value`, or `options` for those of the program"
    )]
    Option(String),
    #[error("`{0}` cannot stand in a line: use letters, digits and `_-./:@%+,=`, and `*` alone for an operand")]
    Word(String),
    #[error("`{0}` would be redacted in a recording, and a replay could not compare it; leave it out")]
    Redacted(String),
    #[error("`...` and `**` stand at the end only")]
    Last,
    #[error("more than {ARGUMENTS} arguments; a longer line is never known")]
    Long,
    #[error("`options` stands in lines, not in the options themselves")]
    Nested,
}

/// An option by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum OptionForm {
    /// Stands alone.
    Flag(String),
    /// `NAME=`, with any value behind it.
    Joined(String),
    /// The next argument is its value.
    Valued(String),
    /// The next argument is this value.
    Given(String, String),
}

/// What stands at a place of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// One of these words.
    Words(Vec<String>),
    /// One operand, but none of these.
    Operand(Vec<String>),
    /// Any number of operands.
    Operands,
    /// Anything.
    Anything,
}

/// A command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) parts: Vec<Part>,
    /// Options that may stand before each part, and at the end: one more than there are parts.
    pub(super) options: Vec<Vec<OptionForm>>,
}

/// The option `text` of a program.
pub(super) fn option(text: &str) -> Result<OptionForm, BadLine> {
    if text == "options" {
        return Err(BadLine::Nested);
    }
    let bad = || BadLine::Option(shown(text));
    let (name, value) = text.split_once(' ').map_or((text, None), |(name, value)| (name, Some(value.trim())));
    let joined = name.strip_suffix("=*").filter(|_| value.is_none());
    let name = joined.unwrap_or(name);
    let good = name.len() > 1 && name.starts_with('-') && name != "--" && name.bytes().all(is_word_byte);
    if !good || joined.is_some() && name.contains('=') {
        return Err(bad());
    }
    survives(name)?;
    Ok(match (joined, value) {
        (Some(name), _) => OptionForm::Joined(format!("{name}=")),
        (None, None) => OptionForm::Flag(name.to_owned()),
        (None, Some("*")) => OptionForm::Valued(name.to_owned()),
        (None, Some(value)) => {
            if !is_word(value) {
                return Err(bad());
            }
            survives(value)?;
            OptionForm::Given(name.to_owned(), value.to_owned())
        }
    })
}

/// The line `text` of a program with these options.
pub(super) fn line(text: &str, own: &[OptionForm]) -> Result<Line, BadLine> {
    let mut line = Line { parts: Vec::new(), options: vec![own.to_vec()] };
    let mut allowed: Vec<OptionForm> = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let (options, after) = inside.split_once(']').ok_or(BadLine::Bracket)?;
            if options.trim().is_empty() {
                return Err(BadLine::Empty);
            }
            for name in options.split(',').map(str::trim) {
                match name {
                    "options" => allowed.extend_from_slice(own),
                    name => allowed.push(option(name)?),
                }
            }
            // They hold from this place on, and there is no other yet.
            if let Some(here) = line.options.last_mut() {
                here.clone_from(&allowed);
                if line.parts.is_empty() {
                    here.extend_from_slice(own);
                }
            }
            rest = after.trim_start();
            continue;
        }
        let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        if matches!(line.parts.last(), Some(Part::Operands | Part::Anything)) {
            return Err(BadLine::Last);
        }
        line.parts.push(part(word)?);
        line.options.push(allowed.clone());
        rest = after.trim_start();
    }
    if line.parts.len() > ARGUMENTS {
        return Err(BadLine::Long);
    }
    Ok(line)
}

fn part(word: &str) -> Result<Part, BadLine> {
    match word {
        "*" => return Ok(Part::Operand(Vec::new())),
        "..." => return Ok(Part::Operands),
        "**" => return Ok(Part::Anything),
        _ if word.contains(['[', ']']) => return Err(BadLine::Bracket),
        _ => {}
    }
    let (form, words): (fn(_) -> _, _) = match word.strip_prefix("*!") {
        Some(words) => (Part::Operand, words),
        None => (Part::Words, word),
    };
    let words = words.split('|').map(|word| {
        if !is_word(word) {
            return Err(BadLine::Word(shown(word)));
        }
        survives(word).map(|()| word.to_owned())
    });
    Ok(form(words.collect::<Result<_, _>>()?))
}

fn is_word(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(is_word_byte)
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-./:@%+,=".contains(&byte)
}

/// A recording has arguments redacted: a word must come out of that as it is, whatever is held.
fn survives(word: &str) -> Result<(), BadLine> {
    let argv = format!("p\0{word}\0");
    let same = |strict| redact::argv(argv.as_bytes(), strict).get(1).is_some_and(|kept| kept == word);
    if same(true) && same(false) { Ok(()) } else { Err(BadLine::Redacted(shown(word))) }
}

fn shown(text: &str) -> String {
    super::super::file::shown(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(word: &str) -> Part {
        Part::Words(word.split('|').map(str::to_owned).collect())
    }

    #[test]
    fn a_line_is_words_options_and_operands() {
        let own = [option("-C *").unwrap()];
        let parsed = line("remote show|list [-n, --sort=*,  --depth *] * [options] ...", &own).unwrap();
        assert_eq!(parsed.parts, [words("remote"), words("show|list"), Part::Operand(vec![]), Part::Operands]);
        let named = [
            OptionForm::Flag("-n".into()),
            OptionForm::Joined("--sort=".into()),
            OptionForm::Valued("--depth".into()),
            OptionForm::Valued("-C".into()),
        ];
        let counts: Vec<_> = parsed.options.iter().map(Vec::len).collect();
        assert_eq!(counts, [1, 0, 3, 4, 4]);
        assert_eq!(parsed.options[4], named);
        assert_eq!(line("*!a|b", &[]).unwrap().parts, [Part::Operand(vec!["a".into(), "b".into()])]);
        assert_eq!(option("-c a.b=c"), Ok(OptionForm::Given("-c".into(), "a.b=c".into())));
        assert_eq!(option("-v=6"), Ok(OptionForm::Flag("-v=6".into())));
        assert_eq!(line("", &own).unwrap(), Line { parts: vec![], options: vec![own.to_vec()] });
        assert_eq!(line("[-v]", &own).unwrap().options, [vec![OptionForm::Flag("-v".into()), own[0].clone()]]);
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        for (text, rule) in [
            ("a [-b", BadLine::Bracket),
            ("a b]", BadLine::Bracket),
            ("a []", BadLine::Empty),
            ("a [b]", BadLine::Option("b".into())),
            ("a [--b=c=*]", BadLine::Option("--b=c=*".into())),
            ("a [-b c*]", BadLine::Option("-b c*".into())),
            ("a [-b c d]", BadLine::Option("-b c d".into())),
            ("*!", BadLine::Word(String::new())),
            ("a [--]", BadLine::Option("--".into())),
            ("a [-]", BadLine::Option("-".into())),
            ("a 'b'", BadLine::Word("'b'".into())),
            ("a b*", BadLine::Word("b*".into())),
            ("a|", BadLine::Word(String::new())),
            ("... a", BadLine::Last),
            ("** [-a] *", BadLine::Last),
            ("-pl", BadLine::Redacted("-pl".into())),
            ("ghp_0123456789", BadLine::Redacted("‹redacted:14›".into())),
            ("a-word-of-24-characters1", BadLine::Redacted("a-word-of-24-characters1".into())),
            (&"a ".repeat(33), BadLine::Long),
        ] {
            assert_eq!(line(text, &[]), Err(rule), "{text}");
        }
        assert_eq!(option("options"), Err(BadLine::Nested));
    }
}
