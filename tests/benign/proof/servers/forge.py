"""A forge: git over http and ssh, and the few calls of an API that release tools make."""

import json, os, subprocess

ASK = {"WWW-Authenticate": 'Basic realm="forge"'}


def answer(request):
    known = request.authorised("forge")
    if request.where.startswith("/api/"):
        return api(request) if known else (401, {}, b"{}")
    if not known:
        return 401, ASK, b""
    environment = {
        "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": request.file("forge"), "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": request.where, "QUERY_STRING": request.query, "REQUEST_METHOD": request.command,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(request.body)),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""), "REMOTE_USER": "ci",
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""), "REMOTE_ADDR": request.client_address[0],
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
    }
    request.note = "?" + request.query if request.query else ""
    done = subprocess.run(["git", "http-backend"], env=environment, input=request.body, stdout=subprocess.PIPE)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
    status = int(headers.pop("Status", "200").split()[0])
    return status, headers, body


def api(request):
    path = request.where.removeprefix("/api/v3")
    if request.command == "GET" and path.count("/") == 3 and path.startswith("/repos/"):
        name = path.removeprefix("/repos/")
        reply = {"full_name": name, "clone_url": f"http://forge.test/{name}.git", "permissions": {"push": True}}
        return 200, {"Content-Type": "application/json"}, json.dumps(reply).encode()
    if request.command == "POST" and path.endswith("/releases"):
        release = json.loads(request.body)
        request.note = f" {release['tag_name']}"
        reply = {"id": 1, "html_url": f"http://forge.test/releases/{release['tag_name']}", "upload_url": "http://forge.test/"}
        return 201, {"Content-Type": "application/json"}, json.dumps(reply).encode()
    return 404, {"Content-Type": "application/json"}, b"{}"


def sshd(address, directory):
    """Serves the same repositories to the key in `ssh/authorized_keys`."""
    here = os.path.join(directory, "ssh")
    os.makedirs("/run/sshd", exist_ok=True)
    config = f"""ListenAddress {address}
HostKey {here}/host_key
AuthorizedKeysFile {here}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
ForceCommand cd {directory}/forge && exec git-shell -c "$SSH_ORIGINAL_COMMAND"
"""
    with open(os.path.join(here, "config"), "w") as file:
        file.write(config)
    return subprocess.Popen(["/usr/sbin/sshd", "-D", "-q", "-f", os.path.join(here, "config")])
