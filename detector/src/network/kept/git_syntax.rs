//! The syntax of git's settings (git-config(1), "Syntax").

use std::{iter::Peekable, str::Chars};

/// One `key = value`, or a section's header, which has no key.
pub(super) struct Line<'a> {
    /// In lower case.
    pub(super) section: &'a str,
    /// As it is written.
    pub(super) subsection: Option<&'a str>,
    /// In lower case.
    pub(super) key: Option<&'a str>,
    pub(super) value: &'a str,
}

/// Gives every line of `text`. Stops where git refuses the file.
pub(super) fn each(text: &str, mut take: impl FnMut(&Line<'_>)) {
    let mut text = Text(text.chars().peekable());
    let mut header: Option<(String, Option<String>)> = None;
    while let Some(c) = text.peek() {
        if c.is_ascii_whitespace() {
            text.next();
        } else if matches!(c, '#' | ';') {
            while text.next().is_some_and(|c| c != '\n') {}
        } else if c == '[' {
            text.next();
            let Some(new) = text.header() else { return };
            take(&Line { section: &new.0, subsection: new.1.as_deref(), key: None, value: "" });
            header = Some(new);
        } else {
            let Some(((section, subsection), (key, value))) = header.as_ref().zip(text.variable()) else { return };
            take(&Line { section, subsection: subsection.as_deref(), key: Some(&key), value: &value });
        }
    }
}

struct Text<'a>(Peekable<Chars<'a>>);

impl Text<'_> {
    fn peek(&mut self) -> Option<char> {
        self.0.peek().copied()
    }

    /// The next character; a line ends with `\n` or `\r\n`.
    fn next(&mut self) -> Option<char> {
        match self.0.next()? {
            '\r' => Some(self.0.next_if_eq(&'\n').unwrap_or('\r')),
            c => Some(c),
        }
    }

    fn word(&mut self, known: impl Fn(char) -> bool) -> String {
        std::iter::from_fn(|| self.0.next_if(|c| known(*c))).map(|c| c.to_ascii_lowercase()).collect()
    }

    fn skip_blanks(&mut self) {
        while self.0.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
    }

    /// What stands behind `[`: a section, and a subsection in quotes, or behind a dot and then in lower case.
    fn header(&mut self) -> Option<(String, Option<String>)> {
        let name = self.word(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'));
        self.skip_blanks();
        match self.next()? {
            ']' => Some(match name.split_once('.') {
                Some((section, subsection)) => (section.to_owned(), Some(subsection.to_owned())),
                None => (name, None),
            }),
            '"' => {
                let mut subsection = String::new();
                loop {
                    match self.next()? {
                        '"' => break,
                        '\n' => return None,
                        '\\' => subsection.push(self.next().filter(|c| *c != '\n')?),
                        c => subsection.push(c),
                    }
                }
                (self.next()? == ']').then_some((name, Some(subsection)))
            }
            _ => None,
        }
    }

    fn variable(&mut self) -> Option<(String, String)> {
        let key = self.word(|c| c.is_ascii_alphanumeric() || c == '-');
        self.skip_blanks();
        match self.next() {
            // Without a value it is true.
            None | Some('\n') if !key.is_empty() => Some((key, String::new())),
            Some('=') if !key.is_empty() => Some((key, self.value()?)),
            _ => None,
        }
    }

    /// What stands behind `=`, without the blanks around it, quotes and comments.
    fn value(&mut self) -> Option<String> {
        let (mut value, mut blanks, mut quoted) = (String::new(), String::new(), false);
        loop {
            let c = match self.next() {
                None | Some('\n') if quoted => return None,
                None | Some('\n') => return Some(value),
                Some(c) => c,
            };
            if !quoted && c.is_ascii_whitespace() {
                blanks.push(c);
                continue;
            }
            if !quoted && matches!(c, '#' | ';') {
                while self.next().is_some_and(|c| c != '\n') {}
                return Some(value);
            }
            if !value.is_empty() {
                value.push_str(&blanks);
            }
            blanks.clear();
            match c {
                '"' => quoted = !quoted,
                '\\' => match self.next()? {
                    '\n' => {}
                    't' => value.push('\t'),
                    'n' => value.push('\n'),
                    'b' => value.push('\u{8}'),
                    c @ ('"' | '\\') => value.push(c),
                    _ => return None,
                },
                c => value.push(c),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        let mut all = Vec::new();
        each(text, |line| {
            if let Some(key) = line.key {
                all.push(format!("{}|{}|{key}|{}", line.section, line.subsection.unwrap_or("-"), line.value));
            }
        });
        all
    }

    #[test]
    fn sections_keys_and_values_are_read_as_git_reads_them() {
        let text = "; x\n[A]b = c # d\n[a \"B \\\"x\\\\\"] Key=\" v \"w ; x\r\n\tflag\n[a.Sub]\nlong = a \\\n  b\\tc\n";
        assert_eq!(all(text), ["a|-|b|c", "a|B \"x\\|key| v w", "a|B \"x\\|flag|", "a|sub|long|a   b\tc"]);
    }

    #[test]
    fn what_git_refuses_ends_the_file() {
        for bad in
            ["[a", "[a \"b]", "[a \"b\nc\"]\n", "a b", "a = \"b", "a = \\x", "=b", "a # b", "[a b]", "[a \"b\" ]"]
        {
            assert_eq!(all(&format!("[x]\ny = z\n{bad}\nb = c\n")), ["x|-|y|z"], "{bad}");
        }
        assert!(all("a = b\n[c]\nd = e\n").is_empty());
    }
}
