export UV_INDEX_URL=http://index.test/simple/ UV_PYTHON_DOWNLOADS=never
uv venv --python /usr/bin/python3 .venv
uv pip install --python .venv .
.venv/bin/python -m app
uv pip freeze --python .venv
