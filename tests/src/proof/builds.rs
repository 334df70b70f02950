//! The honest builds.

use super::{Build, Destination, Noise};

const FORGE: Destination = Destination { host: "forge.test", port: 80, accept: &["git"], reason: "where the code is" };
const FORGE_SSH: Destination =
    Destination { host: "forge.test", port: 22, accept: &["git", "ssh"], reason: "where the code is" };
const REGISTRY: Destination =
    Destination { host: "registry.test", port: 80, accept: &["npm"], reason: "our package registry" };

/// All of them, in the order of the page.
pub const BUILDS: &[Build] = &[
    Build {
        name: "git-http",
        does: "git fetch, describe, commit and push with the header that checkout leaves in .git/config, then curl fetches a tool from elsewhere",
        destinations: &[FORGE],
        environment: &[],
        receives: &[
            "forge.test POST /acme/app.git/git-receive-pack 200 forge",
            "acme/app.git refs/heads/ci ",
            "mirror.test GET /tool 200",
        ],
        noise: &[],
    },
    Build {
        name: "git-store",
        does: "git clone and push with ~/.git-credentials, then curl fetches a tool from elsewhere",
        destinations: &[FORGE],
        environment: &[],
        receives: &[
            "forge.test POST /acme/app.git/git-receive-pack 200 forge",
            "acme/app.git refs/heads/ci ",
            "mirror.test GET /tool 200",
        ],
        noise: &[],
    },
    Build {
        name: "git-netrc",
        does: "git clone with a submodule and push with ~/.netrc, then curl fetches a tool from elsewhere",
        destinations: &[FORGE],
        environment: &[],
        receives: &[
            "forge.test POST /acme/app.git/git-receive-pack 200 forge",
            "acme/app.git refs/heads/ci ",
            "mirror.test GET /tool 200",
        ],
        noise: &[],
    },
    Build {
        name: "git-ssh",
        does: "git clone, describe and push over ssh with ~/.ssh/id_ed25519, then curl fetches a tool from elsewhere",
        destinations: &[FORGE_SSH],
        environment: &[],
        receives: &["acme/app.git refs/heads/ci ", "mirror.test GET /tool 200"],
        noise: &[],
    },
    Build {
        name: "ssh-agent",
        does: "ssh-agent and ssh-add take the key from its file, git clones and pushes through the agent",
        destinations: &[FORGE_SSH],
        environment: &[],
        receives: &["acme/app.git refs/heads/ci ", "mirror.test GET /tool 200"],
        noise: &[Noise::Numbers("Agent pid")],
    },
    Build {
        name: "npm-ci",
        does: "npm ci from a private registry; a dependency's install script downloads a prebuilt binary elsewhere; tests run",
        destinations: &[REGISTRY],
        environment: &[],
        receives: &["registry.test GET /@acme/native/-/native-1.0.0.tgz 200 npm", "mirror.test GET /native.node 200"],
        noise: &[Noise::Numbers("packages in"), Noise::Numbers("package in")],
    },
    Build {
        name: "npm-publish",
        does: "npm publish of the checked-out package; its prepare script calls git describe",
        destinations: &[REGISTRY],
        environment: &[],
        receives: &["registry.test PUT /@acme/app 1.2.0 201 npm"],
        noise: &[],
    },
];
