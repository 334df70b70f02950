"""An npm registry: packages that the set-up left in `registry/NAME/VERSION.tgz`, and publish."""

import base64, hashlib, json, os
from urllib.parse import unquote

JSON = {"Content-Type": "application/json"}


def answer(request):
    if not request.authorised("npm"):
        return 401, JSON, b"{}"
    name = request.where.strip("/")
    if name == "-/whoami":
        return 200, JSON, b'{"username":"ci"}'
    if "/-/" in name and name.endswith(".tgz"):
        package, _, archive = name.partition("/-/")
        with open(request.file("registry", package, archive.rsplit("-", 1)[1]), "rb") as file:
            return 200, {"Content-Type": "application/octet-stream"}, file.read()
    if request.command == "PUT":
        return publish(request, name)
    directory = request.file("registry", name)
    if name.startswith("-/") or not os.path.isdir(directory):
        return 404, JSON, b"{}"
    archives = [file for file in os.listdir(directory) if file.endswith(".tgz")]
    versions = {file.removesuffix(".tgz"): described(directory, name, file.removesuffix(".tgz")) for file in archives}
    document = {"name": name, "dist-tags": {"latest": max(versions)}, "versions": versions}
    return 200, JSON, json.dumps(document).encode()


def described(directory, name, version):
    with open(os.path.join(directory, version + ".tgz"), "rb") as file:
        archive = file.read()
    with open(os.path.join(directory, version + ".json")) as file:
        manifest = json.load(file)
    manifest["dist"] = {
        "tarball": f"http://registry.test/{name}/-/{name.split('/')[-1]}-{version}.tgz",
        "integrity": "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode(),
        "shasum": hashlib.sha1(archive).hexdigest(),
    }
    if "install" in manifest.get("scripts", {}) or "postinstall" in manifest.get("scripts", {}):
        manifest["hasInstallScript"] = True
    return manifest


def publish(request, name):
    document = json.loads(request.body)
    (version, manifest), = document["versions"].items()
    (attached, archive), = document["_attachments"].items()
    directory = request.file("registry", name)
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, version + ".tgz"), "wb") as file:
        file.write(base64.b64decode(archive["data"]))
    with open(os.path.join(directory, version + ".json"), "w") as file:
        json.dump(manifest, file)
    request.note = f" {version}"
    return 201, JSON, b'{"ok":true}'
