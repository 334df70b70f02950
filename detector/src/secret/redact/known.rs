//! Words of command lines that look like secrets and are none: the builtin policy compares them.

/// In the order of their bytes.
const WORDS: &[&str] = &[
    "--tlsv1.2",
    "-v=10",
    "ConnectTimeout=10",
    "ConnectTimeout=30",
    "ConnectTimeout=5",
    "GIT_AUTHOR_IDENT",
    "GIT_COMMITTER_IDENT",
    "GIT_DEFAULT_BRANCH",
    "IdentitiesOnly=yes",
    "SendEnv=GIT_PROTOCOL",
    "StrictHostKeyChecking=accept-new",
    "StrictHostKeyChecking=no",
    "StrictHostKeyChecking=yes",
    "UserKnownHostsFile=/dev/null",
    "advice.detachedHead=false",
    "check-ref-format",
    "core.attributesfile",
    "core.autocrlf=false",
    "core.autocrlf=input",
    "core.commentChar",
    "core.compression",
    "core.excludesfile",
    "core.fsmonitor=false",
    "core.longpaths=true",
    "core.quotePath=false",
    "core.quotepath=false",
    "core.repositoryformatversion",
    "core.sharedRepository",
    "core.sparseCheckout",
    "core.sparseCheckoutCone",
    "filter.lfs.required=false",
    "filter.lfs.smudge=",
    "gc.autoDetach=false",
    "get-caller-identity",
    "init.defaultBranch",
    "init.defaultBranch=main",
    "init.defaultBranch=master",
    "init.defaultbranch",
    "init.templateDir",
    "log.showSignature=false",
    "maintenance.auto=false",
    "multi-pack-index",
    "protocol.version=2",
    "remote.origin.pushurl",
    "remote.origin.url",
    "remote.upstream.url",
    "submodule--helper",
    "submodule.recurse=false",
    "update-server-info",
];

/// Whether `word` is known to be no secret.
pub(super) fn is_known(word: &[u8]) -> bool {
    WORDS.binary_search_by(|known| known.as_bytes().cmp(word)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_found() {
        assert!(WORDS.is_sorted());
        assert!(WORDS.iter().all(|word| is_known(word.as_bytes())));
        assert!(!is_known(b"protocol.version=3"));
    }
}
