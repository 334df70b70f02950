# Sourced by the set-ups. The servers' files are at /srv/server; tokens are in T_NAME.
server=/srv/server work=/srv/runner/work project=/srv/runner/work/project

# repository GROUP/NAME: a repository with two commits and a tag on the forge; a work tree of it is left in $work/seed.
repository() {
    rm -rf "$work/seed"
    git init -q --bare -b main "$server/forge/$1.git"
    git -C "$server/forge/$1.git" config http.receivepack true
    git init -q -b main "$work/seed"
    git -C "$work/seed" remote add origin "http://forge.test/$1.git"
    printf 'hello\n' >"$work/seed/README.md"
    commit "$work/seed" first
    git -C "$work/seed" tag v1.2.0
    printf 'world\n' >>"$work/seed/README.md"
    commit "$work/seed" second
    publish "$1"
}

# publish GROUP/NAME: what is in $work/seed goes to the forge.
publish() {
    git -C "$work/seed" push -q "$server/forge/$1.git" main --tags
}

# commit DIRECTORY MESSAGE: everything that changed there.
commit() {
    git -C "$1" add -A
    git -C "$1" commit -q -m "$2"
}

# checked_out GROUP/NAME: the workspace as a CI's checkout leaves it, with the token as a header in .git/config.
checked_out() {
    rm -rf "$project" "$work/seed"
    git init -q -b main "$project"
    git -C "$project" remote add origin "http://forge.test/$1.git"
    git -C "$project" config http.http://forge.test/.extraheader "AUTHORIZATION: basic $(printf 'x-access-token:%s' "$T_FORGE" | base64 -w0)"
    git -C "$project" fetch -q --tags origin
    git -C "$project" checkout -q -B main origin/main
}

# ssh_key: a key of the user's that the forge knows, and the forge's own in known_hosts.
ssh_key() {
    mkdir -p -m 700 ~/.ssh
    ssh-keygen -q -t ed25519 -N '' -C ci -f ~/.ssh/id_ed25519
    cp ~/.ssh/id_ed25519.pub "$server/ssh/authorized_keys"
    printf 'forge.test %s\n' "$(cat "$server/ssh/host_key.pub")" >~/.ssh/known_hosts
}

# mirrored NAME [HOST]: a file on the mirror, such as a prebuilt binary.
mirrored() {
    mkdir -p "$server/${2:-mirror.test}"
    seq 1 20000 >"$server/${2:-mirror.test}/$1"
}

# packed DIRECTORY: an npm package goes to the registry.
packed() {
    local name version
    name=$(node -p "require('$1/package.json').name") version=$(node -p "require('$1/package.json').version")
    mkdir -p "$server/registry/$name"
    (cd "$1" && npm pack --silent --ignore-scripts --pack-destination "$TMPDIR" >/dev/null)
    mv "$TMPDIR"/*.tgz "$server/registry/$name/$version.tgz"
    cp "$1/package.json" "$server/registry/$name/$version.json"
}

git config --global user.name ci
git config --global user.email ci@forge.test
git config --global init.defaultBranch main
git config --global advice.detachedHead false

# indexed: the private index has setuptools, wheel, and `acme-dep`, whose setup.py calls git and downloads a header.
indexed() {
    local name at
    for name in setuptools wheel; do
        mkdir -p "$server/index/$name"
        cp /usr/share/python-wheels/$name-*.whl "$server/index/$name/"
    done
    at="$TMPDIR/acme-dep-1.0"
    mkdir -p "$at" "$server/index/acme-dep"
    cat >"$at/setup.py" <<'PY'
import subprocess, urllib.request
from setuptools import setup

# Outside of a work tree, as here, this answers nothing.
subprocess.run(["git", "describe", "--tags"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
with urllib.request.urlopen("http://mirror.test/header.h") as answer:
    size = len(answer.read())
with open("acme_dep.py", "w") as file:
    file.write(f"SIZE = {size}\n")
setup(name="acme-dep", version="1.0", py_modules=["acme_dep"])
PY
    tar -C "$TMPDIR" -czf "$server/index/acme-dep/acme-dep-1.0.tar.gz" acme-dep-1.0
    rm -r "$at"
    mirrored header.h
}

# python_project: $work/seed becomes a Python project whose setup.py asks git for the version.
python_project() {
    cat >"$work/seed/setup.py" <<'PY'
import subprocess
from setuptools import setup

version = subprocess.check_output(["git", "describe", "--tags"], text=True).strip().lstrip("v").replace("-", "+", 1).replace("-", ".")
with open("README.md") as readme:
    setup(name="acme-app", version=version, py_modules=["app"], install_requires=["acme-dep"],
          long_description=readme.read(), long_description_content_type="text/markdown")
PY
    echo 'import acme_dep; print("size", acme_dep.SIZE)' >"$work/seed/app.py"
    printf '.venv\nbuild\ndist\n*.egg-info\n' >"$work/seed/.gitignore"
    commit "$work/seed" python
}
