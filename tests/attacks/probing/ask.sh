# As installers' hooks do: tests of the shell, one of them after a change into the home.
found=0
for path in "$HOME/.config/gcloud/application_default_credentials.json" "$HOME/.azure/msal_token_cache.json" \
  "$HOME/.vault-token" "$HOME/.docker/config.json" "$HOME//.cargo/./credentials.toml" "$HOME/.m2/settings.xml" \
  "$HOME/.kube/config" "$HOME/.pgpass" "$HOME/.config/gh/hosts.yml"; do
  if [ -r "$path" ] || [ -L "$path" ]; then found=$((found + 1)); fi
done
cd "$HOME"
for path in .ssh/id_rsa .ssh/id_ed25519 .gnupg/secring.gpg .netrc; do
  if [ -f "$path" ]; then found=$((found + 1)); fi
done
echo "$found"
