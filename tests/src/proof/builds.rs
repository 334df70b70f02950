//! The honest builds.

use super::{Build, Destination, Noise};

/// Needed where one program reads the token and another spends it: git's store hands it over, a release's plugins share theirs.
const FORGE: Destination = Destination { host: "forge.test", port: 80, accept: &["git"], reason: "where the code is" };
const REGISTRY: Destination =
    Destination { host: "registry.test", port: 80, accept: &["npm"], reason: "our package registry" };
const IMAGES: Destination =
    Destination { host: "images.test", port: 80, accept: &["docker"], reason: "our container registry" };
const CLOUD: Destination =
    Destination { host: "cloud.test", port: 80, accept: &["aws"], reason: "the cloud's endpoint" };
const CACHE: Destination = Destination {
    host: "cache.test",
    port: 80,
    accept: &["git"],
    reason: "the provider's cache, which has the token anyway",
};

/// All of them, in the order of the page.
pub const BUILDS: &[Build] = &[
    Build {
        name: "git-http",
        does: "git fetch, describe, commit and push with the header that checkout leaves in .git/config, then curl fetches a tool from elsewhere",
        destinations: &[],
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
        destinations: &[],
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
        destinations: &[],
        environment: &[],
        receives: &["acme/app.git refs/heads/ci ", "mirror.test GET /tool 200"],
        noise: &[],
    },
    Build {
        name: "ssh-agent",
        does: "ssh-agent and ssh-add take the key from its file, git clones and pushes through the agent",
        destinations: &[],
        environment: &[],
        receives: &["acme/app.git refs/heads/ci ", "mirror.test GET /tool 200"],
        noise: &[Noise::Numbers("Agent pid")],
    },
    Build {
        name: "npm-ci",
        does: "npm ci from a private registry; a dependency's install script downloads a prebuilt binary elsewhere; tests run, and fetch a fixture from another name of the registry's address",
        destinations: &[],
        environment: &[],
        receives: &[
            "registry.test GET /@acme/native/-/native-1.0.0.tgz 200 npm",
            "mirror.test GET /native.node 200",
            "shared.test GET /fixture 200",
        ],
        noise: &[Noise::Line(" packages in ")],
    },
    Build {
        name: "npm-publish",
        does: "npm publish of the checked-out package; its prepare script calls git describe",
        destinations: &[],
        environment: &[],
        receives: &["registry.test PUT /@acme/app 1.2.0 201 npm"],
        noise: &[],
    },
    Build {
        name: "pip-install",
        does: "pip install of the workspace in a venv from a private index, password in pip.conf; setup.py calls git describe, a dependency's downloads a header elsewhere",
        destinations: &[],
        environment: &[],
        receives: &["index.test GET /files/acme-dep/acme-dep-1.0.tar.gz 200 index", "mirror.test GET /header.h 200"],
        noise: &[Noise::Line("Stored in directory")],
    },
    Build {
        name: "uv-install",
        does: "the same with uv and ~/.netrc",
        destinations: &[],
        environment: &[],
        receives: &["index.test GET /files/acme-dep/acme-dep-1.0.tar.gz 200 index", "mirror.test GET /header.h 200"],
        noise: &[Noise::Line(" package in "), Noise::Line(" packages in "), Noise::Order],
    },
    Build {
        name: "twine-upload",
        does: "setup.py asks git for the version, twine uploads a source and a binary distribution with ~/.pypirc",
        destinations: &[],
        environment: &[],
        receives: &["index.test POST /legacy/ acme-app"],
        noise: &[],
    },
    Build {
        name: "cargo-build",
        does: "cargo build and test; one build script calls git describe, another curl, and downloads a library itself",
        destinations: &[],
        environment: &[],
        receives: &["mirror.test GET /model.bin 200", "mirror.test GET /library 200"],
        noise: &[Noise::Numbers("Finished"), Noise::Numbers("finished in")],
    },
    Build {
        name: "go-build",
        does: "go mod download with ~/.netrc, vet, build (stamped by git), then curl elsewhere",
        destinations: &[],
        environment: &[],
        receives: &["modules.test GET /acme.test/lib/@v/v1.0.0.zip 200 modules", "mirror.test GET /testdata 200"],
        noise: &[],
    },
    Build {
        name: "podman-push",
        does: "podman login, build, push, logout",
        destinations: &[IMAGES],
        environment: &[],
        receives: &["images.test PUT /v2/acme/app/manifests/v1.2.0-", "mirror.test GET /layer 200"],
        noise: &[Noise::Order],
    },
    Build {
        name: "buildah-push",
        does: "buildah login, build, push, and skopeo copy and inspect, with ~/.docker/config.json",
        destinations: &[IMAGES],
        environment: &[],
        receives: &[
            "images.test PUT /v2/acme/app/manifests/latest 201 images",
            "images.test PUT /v2/acme/app/manifests/stable 201 images",
            "mirror.test GET /layer 200",
        ],
        noise: &[Noise::Order],
    },
    Build {
        name: "aws-upload",
        does: "aws sts, s3 cp and s3 sync with ~/.aws/credentials, and downloads elsewhere",
        destinations: &[CLOUD],
        environment: &[],
        receives: &[
            "cloud.test PUT /releases/app-v1.2.0-1-",
            "cloud.test PUT /releases/all/tool",
            "mirror.test GET /tool 200",
        ],
        noise: &[Noise::Order],
    },
    Build {
        name: "kubectl-apply",
        does: "kubectl apply and get with the token in ~/.kube/config, then curl elsewhere",
        destinations: &[],
        environment: &[],
        receives: &[
            "cluster.test POST /api/v1/namespaces/default/configmaps 201 cluster",
            "mirror.test GET /schema 200",
        ],
        noise: &[],
    },
    Build {
        name: "gpg-sign",
        does: "gpg signs an archive, git signs a tag and pushes it, curl posts the signature elsewhere",
        destinations: &[],
        environment: &[],
        receives: &["acme/app.git refs/tags/v1.3.0 ", "mirror.test POST /signatures 201"],
        noise: &[],
    },
    Build {
        name: "make-jobs",
        does: "make -j4 of C files with .env included and git describe, a download, and an upload of what was built",
        destinations: &[],
        environment: &[],
        receives: &["mirror.test PUT /artifacts/app 201", "mirror.test GET /table 200"],
        noise: &[Noise::Order],
    },
    Build {
        name: "test-servers",
        does: "a test-suite that reads .env, starts servers on loopback, asks git for the version and downloads a fixture",
        destinations: &[],
        environment: &[],
        receives: &["mirror.test GET /browser 200"],
        noise: &[Noise::Numbers("Ran ")],
    },
    Build {
        name: "cache-upload",
        does: "curl puts an archive of the workspace, .git/config in it, to the provider's cache",
        destinations: &[CACHE],
        environment: &[("CACHE_TOKEN", "cache")],
        receives: &["cache.test PUT /caches/workspace-"],
        noise: &[],
    },
    Build {
        name: "coverage-upload",
        does: "a report with git metadata, posted by curl in the manner of a coverage service's uploader",
        destinations: &[],
        environment: &[("COVERAGE_TOKEN", "coverage")],
        receives: &["coverage.test POST /upload/v4 201 coverage"],
        noise: &[],
    },
    Build {
        name: "semantic-release",
        does: "semantic-release: tag and release on the forge, package to the registry, with a token for each in the environment",
        destinations: &[FORGE, REGISTRY],
        environment: &[("GITHUB_TOKEN", "forge"), ("NPM_TOKEN", "npm")],
        receives: &[
            "registry.test PUT /@acme/app 1.3.0 201 npm",
            "forge.test POST /api/v3/repos/acme/app/releases v1.3.0 201 forge",
            "acme/app.git refs/tags/v1.3.0 ",
        ],
        noise: &[Noise::Digests("Wrote NPM_TOKEN"), Noise::Numbers("[semantic-release]")],
    },
];
