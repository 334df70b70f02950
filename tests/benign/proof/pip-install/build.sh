/usr/bin/python3 -m venv .venv
.venv/bin/pip install --progress-bar off --disable-pip-version-check .
.venv/bin/python -m app
.venv/bin/pip freeze
