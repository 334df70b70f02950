//! Policies as text: each is refused with a message, or is the same again by all the ways that it is written.
#![no_main]

use detector::policy::{Checked, Format, Policy};
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Ok(text) = std::str::from_utf8(bytes) else { return Corpus::Reject };
    // The builtin policy is ours, and takes a hundred times as long as all that is laid over it here.
    let text = text.replace("extends: builtin", "");
    if text.contains("builtin") {
        return Corpus::Reject;
    }
    tried(&text);
    Corpus::Keep
});

fn tried(text: &str) {
    let checked = match Checked::parse(text, "policy.yaml") {
        Ok(checked) => checked,
        Err(bad) => {
            assert!(!bad.errors().is_empty());
            return plain(&bad.to_string());
        }
    };
    checked.warnings.iter().for_each(|warning| plain(&checked.shown(warning)));
    let digest = checked.policy.digest();
    match Policy::from_document(checked.policy.document()) {
        Ok(recorded) => assert_eq!(recorded.digest(), digest, "as it is recorded"),
        Err(bad) => panic!("a recording would not load: {bad}"),
    }
    let _ = (checked.written(Format::Json), checked.resolved(Format::Json));
    let resolved = checked.resolved(Format::Yaml);
    plain(&resolved);
    match Policy::parse(&resolved, "resolved.yaml") {
        Ok(again) => assert_eq!(again.digest(), digest, "as it is shown:\n{resolved}"),
        Err(bad) => panic!("what is shown would not load: {bad}"),
    }
    let written = checked.written(Format::Yaml);
    plain(&written);
    match Policy::parse(&written, "written.yaml") {
        Ok(again) => assert_eq!(again.digest(), digest, "as it was written:\n{written}"),
        Err(bad) => panic!("what was written would not load: {bad}"),
    }
}

/// Nothing in `text` may act on a terminal.
fn plain(text: &str) {
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
}
