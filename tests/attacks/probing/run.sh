#!/usr/bin/env bash
# Emulates the first step of many thefts: which credential files are there? Nothing is opened, most is absent.
# Harmless: it asks below a scratch HOME of made-up secrets, and prints how many there are.
set -euo pipefail
: "${HOME:?}"
bash "$(dirname "$(readlink -f "$0")")/ask.sh"
