"""Servers of everything that the measured tools talk to, on one port of loopback. Each asks for a login first.

    server.py make DIRECTORY    writes what is uploaded: a wheel
    server.py sums DIRECTORY    writes the go.sum of a module that needs the one that is served
    server.py serve DIRECTORY   serves; prints its port once it listens
"""

import base64
import gzip
import hashlib
import http.server
import io
import json
import os
import ssl
import subprocess
import sys
import tarfile
import threading
import zipfile


def archive(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def wheel(name):
    out = io.BytesIO()
    about = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(out, "w") as zipped:
        zipped.writestr(f"{name}.py", "")
        zipped.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        zipped.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        zipped.writestr(f"{about}/RECORD", f"{name}.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n")
    return out.getvalue()


NPM = archive({"package/package.json": '{"name": "dep", "version": "1.0.0", "bin": {"dep": "dep.js"}}',
               "package/dep.js": "#!/usr/bin/env node\n"})
CRATE = archive({"qdep-1.0.0/Cargo.toml": '[package]\nname = "qdep"\nversion = "1.0.0"\nedition = "2021"\n',
                 "qdep-1.0.0/src/lib.rs": ""})
WHEEL = wheel("qdep")
MOD = "module quiet.test/dep\n\ngo 1.18\n"


def module():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        for name, text in MODULE_FILES.items():
            zipped.writestr(f"quiet.test/dep@v1.0.0/{name}", text)
    return out.getvalue()


def directory_hash(files):
    """`h1:` of golang.org/x/mod/sumdb/dirhash: what go.sum has."""
    lines = [f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in sorted(files.items())]
    return "h1:" + base64.b64encode(hashlib.sha256("".join(lines).encode()).digest()).decode()


MODULE_FILES = {"go.mod": MOD, "dep.go": "package dep\n\nfunc F() {}\n"}
MODULE = module()
CONFIG = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": []},
                     "history": []}).encode()
DOCKER = "application/vnd.docker."
MANIFEST = json.dumps({
    "schemaVersion": 2, "mediaType": DOCKER + "distribution.manifest.v2+json", "layers": [],
    "config": {"mediaType": DOCKER + "container.image.v1+json", "size": len(CONFIG),
               "digest": "sha256:" + hashlib.sha256(CONFIG).hexdigest()}}).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, body=b"{}", kind="application/json", status=200, **headers):
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def handle_any(self):
        body = self.body()
        path, _, query = self.path.partition("?")
        free = path.startswith(("/kube", "/free"))
        if not free and not self.headers.get("Authorization"):
            return self.answer("login first\n", "text/plain", 401, WWW_Authenticate='Basic realm="x"')
        base = f"http://{self.headers['Host']}"
        if path.startswith("/git/"):
            return self.git(path[4:], query, body)
        if path.startswith("/npm/"):
            return self.npm(path[5:], base)
        if path.startswith("/simple"):
            return self.pip(path, base)
        if path.startswith("/go/"):
            return self.go(path[4:])
        if path.startswith("/cargo/"):
            return self.cargo(path[7:], base)
        if path.startswith("/v2/"):
            return self.registry(path[4:])
        if path.startswith("/aws"):
            return self.aws(body)
        if path.startswith("/kube"):
            return self.kube(path[5:], body)
        if path == "/redir":
            return self.answer("", status=302, Location="/file")
        return self.answer("fine\n", "text/plain")

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do_PATCH = handle_any

    def git(self, path, query, body):
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        environment = dict(os.environ, GIT_PROJECT_ROOT=os.path.join(ROOT, "remotes"), GIT_HTTP_EXPORT_ALL="1",
                           PATH_INFO=path, QUERY_STRING=query, REQUEST_METHOD=self.command, REMOTE_USER="x",
                           CONTENT_TYPE=self.headers.get("Content-Type", ""), CONTENT_LENGTH=str(len(body)),
                           GIT_PROTOCOL=self.headers.get("Git-Protocol", ""))
        done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True)
        head, _, out = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        status = int(fields.pop("Status", "200").split()[0])
        self.answer(out, fields.pop("Content-Type", "text/plain"), status)

    def npm(self, path, base):
        if path.endswith(".tgz"):
            return self.answer(NPM, "application/octet-stream")
        if path == "dep":
            integrity = "sha512-" + base64.b64encode(hashlib.sha512(NPM).digest()).decode()
            dist = {"tarball": f"{base}/npm/dep/-/dep-1.0.0.tgz", "integrity": integrity}
            version = {"name": "dep", "version": "1.0.0", "bin": {"dep": "dep.js"}, "dist": dist}
            return self.answer({"name": "dep", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}})
        if path == "-/whoami":
            return self.answer({"username": "erin"})
        if path == "-/npm/v1/tokens":
            return self.answer({"objects": [], "urls": {}})
        if path.startswith("-/npm/v1/security/"):
            return self.answer({})
        if path == "-/ping" or self.command in ("PUT", "POST"):
            return self.answer({"ok": True})
        return self.answer({"error": "not found"}, status=404)

    def pip(self, path, base):
        if path.endswith(".whl"):
            return self.answer(WHEEL, "application/octet-stream")
        if path.strip("/") == "simple/qdep":
            digest = hashlib.sha256(WHEEL).hexdigest()
            name = "qdep-1.0-py3-none-any.whl"
            return self.answer(f'<a href="{base}/simple/qdep/{name}#sha256={digest}">{name}</a>', "text/html")
        return self.answer("none", "text/html", 404)

    def go(self, path):
        answers = {"list": "v1.0.0\n", "v1.0.0.info": '{"Version":"v1.0.0","Time":"2026-01-01T00:00:00Z"}',
                   "v1.0.0.mod": MOD, "v1.0.0.zip": MODULE}
        directory, _, name = path.partition("/@v/")
        if directory != "quiet.test/dep" or name not in answers:
            return self.answer("none", "text/plain", 404)
        return self.answer(answers[name], "text/plain")

    def cargo(self, path, base):
        if path == "config.json":
            return self.answer({"dl": f"{base}/cargo/dl", "api": f"{base}/cargo", "auth-required": True})
        if path == "qd/ep/qdep":
            return self.answer({"name": "qdep", "vers": "1.0.0", "deps": [], "features": {}, "yanked": False,
                                "cksum": hashlib.sha256(CRATE).hexdigest()}, "text/plain")
        if path.startswith("dl/"):
            return self.answer(CRATE, "application/octet-stream")
        if path.startswith("api/v1/crates/mine/owners"):
            return self.answer({"users": []})
        if path.startswith("api/"):
            none = {"invalid_categories": [], "invalid_badges": [], "other": []}
            return self.answer({"ok": True, "crates": [], "meta": {"total": 0}, "warnings": none})
        return self.answer("", "text/plain", 404)

    def registry(self, path):
        if path.endswith("/tags/list"):
            return self.answer({"name": "img", "tags": ["l"]})
        if "/manifests/" in path:
            digest = "sha256:" + hashlib.sha256(MANIFEST).hexdigest()
            return self.answer(MANIFEST, DOCKER + "distribution.manifest.v2+json", Docker_Content_Digest=digest)
        if "/blobs/" in path:
            return self.answer(CONFIG, "application/octet-stream")
        return self.answer({})

    def aws(self, body):
        if b"GetCallerIdentity" in body:
            return self.answer("<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/x</Arn><UserId>U"
                               "</UserId><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>", "text/xml")
        if self.command == "GET":
            return self.answer("<ListAllMyBucketsResult><Buckets></Buckets></ListAllMyBucketsResult>", "text/xml")
        return self.answer("", "text/xml", ETag='"0"')

    def kube(self, path, body):
        if path == "/version":
            return self.answer({"major": "1", "minor": "32", "gitVersion": "v1.32.0"})
        if path == "/api":
            return self.answer({"kind": "APIVersions", "versions": ["v1"]})
        if path == "/apis":
            return self.answer({"kind": "APIGroupList", "apiVersion": "v1", "groups": []})
        if path == "/api/v1":
            pods = {"name": "pods", "singularName": "pod", "namespaced": True, "kind": "Pod", "verbs": ["get", "list", "create", "patch"]}
            return self.answer({"kind": "APIResourceList", "groupVersion": "v1", "resources": [pods]})
        if self.command == "POST":
            return self.answer(json.loads(body), status=201)
        if path.endswith("/pods/p"):
            return self.answer({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}, status=404)
        return self.answer({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": []})


def main():
    global ROOT
    action, ROOT = sys.argv[1:]
    if action == "make":
        with open(os.path.join(ROOT, "mine-1.0-py3-none-any.whl"), "wb") as out:
            out.write(wheel("mine"))
        return
    if action == "sums":
        whole = {f"quiet.test/dep@v1.0.0/{name}": text for name, text in MODULE_FILES.items()}
        with open(os.path.join(ROOT, "go.sum"), "w") as out:
            out.write(f"quiet.test/dep v1.0.0 {directory_hash(whole)}\n")
            out.write(f"quiet.test/dep v1.0.0/go.mod {directory_hash({'go.mod': MOD})}\n")
        return
    certificate = os.path.join(ROOT, "cert.pem")
    if os.path.exists(certificate):
        secure = http.server.ThreadingHTTPServer(("127.0.0.1", 8443), Handler)
        secure.handle_error = lambda *arguments: None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, os.path.join(ROOT, "key.pem"))
        secure.socket = context.wrap_socket(secure.socket, server_side=True)
        threading.Thread(target=secure.serve_forever, daemon=True).start()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 8099), Handler)
    # Tools that end early hang up early.
    server.handle_error = lambda *arguments: None
    print(server.server_port, flush=True)
    server.serve_forever()


main()
