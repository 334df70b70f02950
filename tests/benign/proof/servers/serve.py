"""The hosts of the honest builds: one process, every request in a log.

serve.py HOSTS DIRECTORY: HOSTS is a file in the format of /etc/hosts, and of the names of one address a request says which it
means; tokens come in the environment (T_NAME).
Says "ready" once everything listens."""

import http.server, json, os, re, ssl, subprocess, sys, threading
from urllib.parse import unquote, urlsplit

import cloud, cluster, forge, images, index, modules, registry, sinks

ROLES = {
    "forge.test": forge, "registry.test": registry, "index.test": index, "mirror.test": sinks, "images.test": images,
    "cloud.test": cloud, "cache.test": sinks, "coverage.test": sinks, "cluster.test": cluster, "modules.test": modules,
    "shared.test": sinks,
}
TLS = {"cluster.test", "modules.test"}
LOCK = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_any(self):
        said = self.headers.get("Host", "").partition(":")[0]
        host = said if said in self.server.hosts else self.server.hosts[0]
        url = urlsplit(self.path)
        # What a handler works with.
        self.host, self.where, self.query = host, unquote(url.path), url.query
        self.body = self.read_body()
        self.user, self.note = None, ""
        status, headers, answer = ROLES[host].answer(self)
        where = re.sub(r"[0-9a-f]{64}", "DIGEST", self.where)
        line = f"{host} {self.command} {where}{self.note} {status} {self.user or 'anonymous'}"
        with LOCK, open(os.path.join(self.server.directory, "received"), "a") as log:
            log.write(line + "\n")
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = handle_any

    def read_body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def authorised(self, name):
        """Whether the request carries token T_NAME: as bearer, as password, or plain."""
        import base64
        token = os.environ["T_" + name.upper()]
        said = self.headers.get("Authorization", "")
        kind, _, value = said.partition(" ")
        if kind.lower() == "basic":
            value = base64.b64decode(value).decode().partition(":")[2]
        if value and token in value:
            self.user = name
            return True
        return False

    def file(self, *parts):
        return os.path.join(self.server.directory, *parts)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, hosts, address, directory):
        self.hosts, self.directory = hosts, directory
        super().__init__((address, 443 if hosts[0] in TLS else 80), Handler)
        if hosts[0] in TLS:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(os.path.join(directory, "tls/cert.pem"), os.path.join(directory, "tls/key.pem"))
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request, address):
        # Who hangs up is no news.
        if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError)):
            super().handle_error(request, address)


def main():
    file, directory = sys.argv[1:]
    addresses = {}
    for address, *hosts in (line.split() for line in open(file)):
        threading.Thread(target=Server(hosts, address, directory).serve_forever, daemon=True).start()
        addresses.update(dict.fromkeys(hosts, address))
    sshd = forge.sshd(addresses["forge.test"], directory)
    print("ready", flush=True)
    # The harness holds the other end: when it goes, so do we.
    sys.stdin.read()
    sshd.terminate()


main()
