"""A module proxy: the files that the set-up left in `modules/`."""

import os


def answer(request):
    if not request.authorised("modules"):
        return 401, {"WWW-Authenticate": 'Basic realm="modules"'}, b""
    path = os.path.normpath(request.where).strip("/")
    try:
        with open(request.file("modules", path), "rb") as file:
            return 200, {}, file.read()
    except (FileNotFoundError, IsADirectoryError):
        return 404, {}, b""
