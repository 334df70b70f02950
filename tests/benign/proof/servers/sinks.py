"""Hosts that hand out files of `HOST/`, and take what is put or posted."""

import os


def answer(request):
    if request.command in ("PUT", "POST"):
        request.authorised(request.host.partition(".")[0]) if request.host != "mirror.test" else None
        request.note = "" if request.body else " empty"
        return 201, {}, b"kept\n"
    path = os.path.normpath(request.where).strip("/")
    try:
        with open(request.file(request.host, path), "rb") as file:
            return 200, {"Content-Type": "application/octet-stream"}, file.read()
    except (FileNotFoundError, IsADirectoryError):
        return 404, {}, b""
