#!/usr/bin/env bash
# Honest twin of canisterworm-2026: a release step publishes a package with the token that it was given, to the registry that
# the policy names.
set -euo pipefail
: "${TMPDIR:?}" "${FORGE:?}" "${DEPLOY_TOKEN:?}"
package=$(mktemp -d "$TMPDIR/release.XXXXXX")
cd "$package"
echo '{"name": "released", "version": "1.0.0"}' > package.json
# As the set-up action writes it: npm itself puts the variable in.
printf '%s\n' "registry=http://$FORGE/registry/" "//$FORGE/registry/:_authToken=\${DEPLOY_TOKEN}" > .npmrc
export npm_config_cache="$TMPDIR/npm-cache" npm_config_globalconfig="$TMPDIR/npm-global" npm_config_update_notifier=false
npm publish --loglevel=error --tag latest
