"""A Python index: the files in `index/PROJECT/`, and the upload form."""

import html, os, re

PAGE = {"Content-Type": "text/html"}


def answer(request):
    if not request.authorised("index"):
        return 401, {"WWW-Authenticate": 'Basic realm="index"'}, b""
    if request.command == "POST" and request.where == "/legacy/":
        return upload(request)
    parts = request.where.strip("/").split("/")
    if parts[0] == "files" and len(parts) == 3:
        with open(request.file("index", parts[1], parts[2]), "rb") as file:
            return 200, {"Content-Type": "application/octet-stream"}, file.read()
    directory = request.file("index", *parts[1:])
    if parts[0] != "simple" or len(parts) != 2 or not os.path.isdir(directory):
        return 404, {}, b""
    links = [f'<a href="/files/{parts[1]}/{html.escape(f)}">{html.escape(f)}</a><br>' for f in sorted(os.listdir(directory))]
    return 200, PAGE, ("<!DOCTYPE html><html><body>" + "".join(links) + "</body></html>").encode()


def upload(request):
    fields = dict(re.findall(rb'name="(name|version|filetype)"\r\n\r\n([^\r]*)\r\n', request.body))
    request.note = " " + b" ".join(fields[key] for key in (b"name", b"version", b"filetype")).decode()
    return 200, {}, b""
