# Sourced by what installs an npm package: `install DIRECTORY [FILE...]` packs the directory and the files as a package and
# installs that into a new project, offline, with the home's own .npmrc and with its lifecycle scripts. Newer versions of npm
# ask before they run those (allow_all_scripts), older ones do not know the question. The machine's configuration is left out.
install() {
  local project
  project=$(mktemp -d "$TMPDIR/project.XXXXXX")
  mkdir "$project/package"
  cp -r "$1"/. "${@:2}" "$project/package"
  tar -czf "$project/dependency.tgz" -C "$project" package
  rm -r "$project/package"
  echo '{"name": "project", "version": "1.0.0", "private": true, "dependencies": {"dependency": "file:dependency.tgz"}}' \
    > "$project/package.json"
  (
    cd "$project"
    export npm_config_cache="$TMPDIR/npm-cache" npm_config_globalconfig="$TMPDIR/npm-global" npm_config_update_notifier=false
    export npm_config_dangerously_allow_all_scripts=true
    npm install --offline --no-audit --no-fund --ignore-scripts=false > "$project/npm.log" 2>&1
  )
}
