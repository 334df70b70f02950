#!/bin/sh
# Makes the scratch home $1 with one made-up secret (an environment variable each) in each credential file, and what the
# measured command lines need: a repository, packages, keys. The servers' side is $2. Contacts nobody.
set -eu
home=$1 remotes=$2/remotes here=$(dirname "$0") port=8099 host=127.0.0.1
export HOME="$home" GIT_CONFIG_NOSYSTEM=1
mkdir -p "$home" "$remotes" "$home/tmp"
cd "$home"
basic() { printf '%s' "$1" | base64 -w0; }

mkdir -p .config/pip .config/gh .cargo .docker .aws .kube .ssh .m2
cat > .gitconfig <<END
[user]
	name = Erin
	email = erin@example.test
[init]
	defaultBranch = main
[credential]
	helper = store
[protocol "file"]
	allow = always
[http "http://other.test/"]
	extraheader = AUTHORIZATION: bearer $GITCONFIG
END
echo "http://erin:$GITCREDENTIALS@$host:$port" > .git-credentials
echo "machine $host login erin password $NETRC" > .netrc
printf 'registry=http://%s/npm/\n//%s/npm/:_authToken=%s\n' "$host:$port" "$host:$port" "$NPMRC" > .npmrc
printf '[global]\nindex-url = http://erin:%s@%s/simple/\ntrusted-host = %s\n' "$PIPCONF" "$host:$port" "$host" > .config/pip/pip.conf
printf '[distutils]\nindex-servers = loc\n[loc]\nrepository = http://%s/upload\nusername = erin\npassword = %s\n' "$host:$port" "$PYPIRC" > .pypirc
printf '[registries.loc]\nindex = "sparse+http://%s/cargo/"\n[registry]\nglobal-credential-providers = ["cargo:token"]\n[net]\nretry = 0\n' "$host:$port" > .cargo/config.toml
printf '[registries.loc]\ntoken = "%s"\n' "$CARGO" > .cargo/credentials.toml
printf '{"auths": {"%s": {"auth": "%s"}}}\n' "$host:$port" "$(basic "erin:$DOCKER")" > .docker/config.json
printf '[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = %s\naws_session_token = %s\n' "$AWSSECRET" "$AWSSESSION" > .aws/credentials
printf '[default]\nregion = eu-west-1\n' > .aws/config
cat > .kube/config <<END
apiVersion: v1
kind: Config
current-context: c
clusters: [{name: c, cluster: {server: "http://$host:$port/kube"}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
users: [{name: u, user: {token: $KUBE}}]
END
printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: i}]}\n' > pod.yaml
printf '%s:\n  oauth_token: %s\n  user: erin\n  git_protocol: https\n' "$host" "$GHHOSTS" > .config/gh/hosts.yml
echo "$host:5432:*:erin:$PGPASS" > .pgpass
chmod 600 .netrc .git-credentials .pgpass .config/gh/hosts.yml

if command -v ssh-keygen > /dev/null; then
    ssh-keygen -q -t ed25519 -N '' -C erin@example.test -f .ssh/id_ed25519
fi
if command -v gpg > /dev/null; then
    mkdir -m 700 .gnupg
    gpg -q --batch --passphrase '' --quick-gen-key 'Erin <erin@example.test>' ed25519 sign never 2> /dev/null
    gpgconf --kill all
fi

git init -q --bare "$remotes/r.git"
git -C "$remotes/r.git" config http.receivepack true
git init -q --bare "$remotes/m.git"
git init -q seed
(
    cd seed
    echo one > f
    echo two > g
    echo '*.o' > .gitignore
    git add -A && git commit -qm one
    git push -q "$remotes/m.git" HEAD:main
    git -c protocol.file.allow=always submodule --quiet add "$remotes/m.git" sub 2> /dev/null
    git config -f .gitmodules submodule.sub.url "http://$host:$port/git/m.git"
    git commit -qam two && git tag v1
    git checkout -q -b side && echo three > h && git add h && git commit -qm three && git checkout -q main
    git push -q "$remotes/r.git" main side v1
)
git clone -q "$remotes/r.git" repo
(
    cd repo
    git remote set-url origin "http://$host:$port/git/r.git"
    git config "http.http://$host:$port/.extraheader" "AUTHORIZATION: basic $(basic "x:$REPOCONFIG")"
    git fetch -q "$remotes/r.git" side:side
    echo four >> f
    git stash -q
    echo five >> f
)
rm -rf seed

if command -v go > /dev/null; then
    # go logs in over TLS alone.
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=throw-away \
        -addext "subjectAltName=IP:$host" -keyout "$2/key.pem" -out "$2/cert.pem" 2> /dev/null
    mkdir -p .config/go gom
    printf 'GOPROXY=https://%s:8443/go\nGONOSUMDB=*\nGOSUMDB=off\nGOFLAGS=-modcacherw\n' "$host" > .config/go/env
    printf 'module mine.test/app\n\ngo 1.18\n\nrequire quiet.test/dep v1.0.0\n' > gom/go.mod
    printf 'package main\n\nimport "quiet.test/dep"\n\nfunc main() { dep.F() }\n' > gom/main.go
    printf 'package main\n\nimport "testing"\n\nfunc TestF(t *testing.T) { main() }\n' > gom/main_test.go
    python3 "$here/server.py" sums gom
fi

mkdir -p node/other py/dist crate/src crated/src
printf '{"name": "mine", "version": "1.0.0", "dependencies": {"dep": "1.0.0"}, "scripts": {"t": "true", "test": "true"}}\n' > node/package.json
printf '{"name": "other", "version": "1.0.0", "scripts": {"t": "true"}}\n' > node/other/package.json
printf '{"name":"mine","version":"1.0.0","lockfileVersion":3,"packages":{"":{"name":"mine","version":"1.0.0","dependencies":{"dep":"1.0.0"}},"node_modules/dep":{"version":"1.0.0","resolved":"http://%s/npm/dep/-/dep-1.0.0.tgz"}}}\n' "$host:$port" > node/package-lock.json
echo qdep > py/requirements.txt
python3 "$here/server.py" make py/dist
mkdir -p uvp
printf '[project]\nname = "mine"\nversion = "1.0"\nrequires-python = ">=3.9"\ndependencies = ["qdep"]\n[[tool.uv.index]]\nurl = "http://%s/simple/"\ndefault = true\n' "$host:$port" > uvp/pyproject.toml
printf '[package]\nname = "mine"\nversion = "0.1.0"\nedition = "2021"\ndescription = "x"\nlicense = "MIT"\n' > crate/Cargo.toml
printf '[package]\nname = "mined"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\nqdep = { version = "1", registry = "loc" }\n' > crated/Cargo.toml
echo 'pub fn f() {}' | tee crate/src/lib.rs > crated/src/lib.rs
