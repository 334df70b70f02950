# Stands for the installer of a JavaScript runtime: a copy of this machine's own, under the other's name.
set -e
mkdir -p "$HOME/.bun/bin"
cp "$(command -v node)" "$HOME/.bun/bin/bun.new"
mv "$HOME/.bun/bin/bun.new" "$HOME/.bun/bin/bun"
