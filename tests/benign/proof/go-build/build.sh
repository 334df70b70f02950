export GOPROXY=https://modules.test GONOSUMDB='*' GOSUMDB=off GOFLAGS=-modcacherw SSL_CERT_FILE=$HOME/ca.pem
go mod download
go vet ./...
go build -o app .
./app
curl -sS -o "$RUNNER_TEMP/testdata" http://mirror.test/testdata
sha256sum "$RUNNER_TEMP/testdata"
