. "$RUNNER_TEMP/common.sh"
at="$server/modules/acme.test/lib/@v"
mkdir -p "$at"
echo v1.0.0 >"$at/list"
echo '{"Version":"v1.0.0","Time":"2026-01-01T00:00:00Z"}' >"$at/v1.0.0.info"
printf 'module acme.test/lib\n\ngo 1.18\n' >"$at/v1.0.0.mod"
/usr/bin/python3 - "$at" <<'PY'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + "/v1.0.0.zip", "w") as file:
    file.writestr("acme.test/lib@v1.0.0/go.mod", "module acme.test/lib\n\ngo 1.18\n")
    file.writestr("acme.test/lib@v1.0.0/lib.go", 'package lib\n\nfunc Name() string { return "lib" }\n')
PY
cp "$server/tls/cert.pem" ~/ca.pem
printf 'machine modules.test login ci password %s\n' "$T_MODULES" >~/.netrc
chmod 600 ~/.netrc
mirrored testdata
repository acme/app
printf 'module acme.test/app\n\ngo 1.18\n\nrequire acme.test/lib v1.0.0\n' >"$work/seed/go.mod"
cat >"$work/seed/main.go" <<'GO'
package main

import (
	"fmt"
	"runtime/debug"

	"acme.test/lib"
)

func main() {
	info, _ := debug.ReadBuildInfo()
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			fmt.Println(lib.Name(), setting.Value)
		}
	}
}
GO
echo app >"$work/seed/.gitignore"
export GOPROXY=https://modules.test GONOSUMDB='*' GOSUMDB=off GOFLAGS=-modcacherw SSL_CERT_FILE=$HOME/ca.pem
(cd "$work/seed" && go mod tidy)
commit "$work/seed" module
publish acme/app
checked_out acme/app
rm -rf ~/go ~/.cache/go-build
