. "$RUNNER_TEMP/common.sh"
mirrored browser
repository acme/app
cat >"$work/seed/service.py" <<'PY'
import http.server, sys


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = self.headers.get("Authorization") == "Bearer " + sys.argv[1]
        self.send_response(200 if known else 401)
        self.end_headers()
        self.wfile.write(b"hello" if known else b"")

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
PY
cat >"$work/seed/test_service.py" <<'PY'
import subprocess, sys, unittest, urllib.request

with open(".env") as file:
    SETTINGS = dict(line.strip().split("=", 1) for line in file)
VERSION = subprocess.check_output(["git", "describe", "--tags"], text=True)


class Service(unittest.TestCase):
    def setUp(self):
        command = [sys.executable, "service.py", SETTINGS["API_KEY"]]
        self.service = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(self.service.stdout.readline())

    def tearDown(self):
        self.service.kill()
        self.service.wait()
        self.service.stdout.close()

    def ask(self, key):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/", headers={"Authorization": "Bearer " + key})
        with urllib.request.urlopen(request) as answer:
            return answer.read()

    def test_known(self):
        self.assertEqual(self.ask(SETTINGS["API_KEY"]), b"hello")

    def test_unknown(self):
        with self.assertRaises(urllib.error.HTTPError) as raised:
            self.ask("nobody")
        raised.exception.close()

    def test_version(self):
        self.assertTrue(VERSION.startswith("v1.2.0"))

    def test_fixture(self):
        with urllib.request.urlopen("http://mirror.test/browser") as answer:
            self.assertGreater(len(answer.read()), 1000)


unittest.main(verbosity=2)
PY
echo .env >"$work/seed/.gitignore"
commit "$work/seed" service
publish acme/app
checked_out acme/app
printf 'API_KEY=%s\nDEBUG=1\n' "$T_CACHE" >"$project/.env"
