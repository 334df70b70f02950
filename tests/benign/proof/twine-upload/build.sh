/usr/bin/python3 setup.py -q sdist bdist_wheel
ls dist
twine check dist/*
twine upload --non-interactive --disable-progress-bar --repository private dist/*
