. "$RUNNER_TEMP/common.sh"
repository acme/lib
repository acme/app
git -C "$work/seed" -c protocol.file.allow=always submodule --quiet add "$server/forge/acme/lib.git" lib
git -C "$work/seed" config -f .gitmodules submodule.lib.url http://forge.test/acme/lib.git
commit "$work/seed" "with lib"
publish acme/app
mirrored tool
rm -rf "$work/seed"
printf 'machine forge.test login ci password %s\n' "$T_FORGE" >~/.netrc
chmod 600 ~/.netrc
