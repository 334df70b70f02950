//! Settings as Python's configparser reads them ("Supported INI File Structure").

/// Gives every option of `text` as section, key in lower case, and value; lines that continue a value follow it behind a
/// line feed. Stops where configparser refuses the file.
pub(super) fn each(text: &str, mut take: impl FnMut(&str, &str, &str)) {
    let mut section: Option<&str> = None;
    // Key, value, and how far the key is indented.
    let mut option: Option<(String, String, usize)> = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.starts_with(['#', ';']) {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        if let Some((_, value, at)) = &mut option
            && (trimmed.is_empty() || indent > *at)
        {
            value.push('\n');
            value.push_str(trimmed);
            continue;
        }
        if let (Some(section), Some((key, value, _))) = (section, option.take()) {
            take(section, &key, value.trim());
        }
        if trimmed.is_empty() {
            continue;
        }
        if let Some(rest) = trimmed.strip_prefix('[') {
            let Some((name, _)) = rest.split_once(']') else { return };
            section = Some(name);
        } else {
            let Some((key, value)) = trimmed.split_once(['=', ':']).filter(|_| section.is_some()) else { return };
            option = Some((key.trim_end().to_lowercase(), value.trim_start().to_owned(), indent));
        }
    }
    if let (Some(section), Some((key, value, _))) = (section, option) {
        take(section, &key, value.trim());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<(String, String, String)> {
        let mut all = Vec::new();
        each(text, |section, key, value| all.push((section.to_owned(), key.to_owned(), value.to_owned())));
        all
    }

    #[test]
    fn options_continue_over_lines() {
        let text = "# x\n[a]\nOne = 1\n  2\n# y\n\n  3\ntwo: x=y\nthree =\n[b]\n;\nfour=4";
        let expected = [("a", "one", "1\n2\n\n3"), ("a", "two", "x=y"), ("a", "three", ""), ("b", "four", "4")];
        assert_eq!(all(text), expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())));
    }

    #[test]
    fn a_file_without_a_section_or_with_a_loose_word_ends_there() {
        assert!(all("a = 1\n[b]\nc = 1").is_empty());
        assert_eq!(all("[a]\nb = 1\nword\nc = 1").len(), 1);
        assert_eq!(all("[a]\nb = 1\n[c\nd = 1").len(), 1);
    }
}
