"""A container registry, as far as login, push and pull need it."""

import hashlib, itertools, json, os
from urllib.parse import parse_qs

NUMBER = itertools.count(1)


def answer(request):
    if not request.authorised("images"):
        return 401, {"WWW-Authenticate": 'Basic realm="images"', "Docker-Distribution-Api-Version": "registry/2.0"}, b"{}"
    if request.where == "/v2/":
        return 200, {"Content-Type": "application/json"}, b"{}"
    name, kind, rest = split(request.where)
    if kind == "blobs/uploads":
        return upload(request, name, rest)
    place = request.file("images", name.replace("/", "+"), kind)
    if kind == "manifests" and request.command == "PUT":
        digest = keep(place, request.body, request.headers["Content-Type"])
        keep(place, request.body, request.headers["Content-Type"], rest)
        return 201, {"Location": f"/v2/{name}/manifests/{digest}", "Docker-Content-Digest": digest}, b""
    if kind == "tags":
        tags = [tag for tag in sorted(os.listdir(request.file("images", name.replace("/", "+"), "manifests"))) if ":" not in tag]
        return 200, {"Content-Type": "application/json"}, json.dumps({"name": name, "tags": tags}).encode()
    try:
        with open(os.path.join(place, rest), "rb") as file:
            kept = file.read()
    except FileNotFoundError:
        return 404, {"Content-Type": "application/json"}, b'{"errors":[]}'
    media, _, body = kept.partition(b"\n")
    digest = "sha256:" + hashlib.sha256(body).hexdigest()
    headers = {"Content-Type": media.decode(), "Docker-Content-Digest": digest, "Content-Length": str(len(body))}
    return 200, headers, body


def split(where):
    for kind in ("blobs/uploads", "blobs", "manifests", "tags"):
        name, found, rest = where.removeprefix("/v2/").partition(f"/{kind}/")
        if found:
            return name, kind, rest
    return where, "", ""


def upload(request, name, session):
    if request.command == "POST":
        session = str(next(NUMBER))
    os.makedirs(request.file("images"), exist_ok=True)
    part = request.file("images", "upload-" + session)
    with open(part, "ab") as file:
        file.write(request.body)
    # Sessions are numbered, and layers go up side by side.
    request.where = f"/v2/{name}/blobs/uploads/"
    digest = parse_qs(request.query).get("digest")
    if digest:
        with open(part, "rb") as file:
            keep(request.file("images", name.replace("/", "+"), "blobs"), file.read(), "application/octet-stream")
        os.remove(part)
        return 201, {"Location": f"/v2/{name}/blobs/{digest[0]}", "Docker-Content-Digest": digest[0]}, b""
    length = os.path.getsize(part)
    headers = {"Location": f"/v2/{name}/blobs/uploads/{session}", "Range": f"0-{max(length - 1, 0)}", "Docker-Upload-UUID": session}
    return 202, headers, b""


def keep(place, body, media, name=None):
    digest = "sha256:" + hashlib.sha256(body).hexdigest()
    os.makedirs(place, exist_ok=True)
    with open(os.path.join(place, name or digest), "wb") as file:
        file.write(media.encode() + b"\n" + body)
    return digest
