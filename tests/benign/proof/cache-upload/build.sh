key=$(find . -name README.md -not -path './.git/*' -exec sha256sum {} + | sha256sum | cut -c1-12)
tar --sort=name --mtime=@0 -czf "$RUNNER_TEMP/cache.tgz" -C "$GITHUB_WORKSPACE" .
curl -sS -H "Authorization: Bearer $CACHE_TOKEN" -T "$RUNNER_TEMP/cache.tgz" "http://cache.test/caches/workspace-$key"
