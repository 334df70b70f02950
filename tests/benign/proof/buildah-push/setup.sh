. "$RUNNER_TEMP/common.sh"
mirrored layer
repository acme/app
printf 'FROM scratch\nCOPY . /src\nCOPY layer /layer\nLABEL version=1\n' >"$work/seed/Containerfile"
printf '.git\n' >"$work/seed/.containerignore"
echo layer >"$work/seed/.gitignore"
commit "$work/seed" image
publish acme/app
checked_out acme/app
printf '%s' "$T_IMAGES" >"$RUNNER_TEMP/password"
storage="$HOME/.local/share/containers" && mkdir -p "$storage" ~/.config/containers ~/run
printf '[storage]\ndriver = "vfs"\nrunroot = "%s/run"\ngraphroot = "%s/storage"\n' "$HOME/run" "$storage" >~/.config/containers/storage.conf
printf '[engine]\ntmp_dir = "%s/libpod"\nlock_type = "file"\nevents_logger = "none"\ncgroup_manager = "cgroupfs"\n[network]\nnetwork_config_dir = "%s/cni"\n' "$HOME/run" "$HOME/run" >~/.config/containers/containers.conf
printf '{"default": [{"type": "insecureAcceptAnything"}]}\n' >~/.config/containers/policy.json
printf 'export XDG_RUNTIME_DIR=~/run CONTAINERS_STORAGE_CONF=~/.config/containers/storage.conf CONTAINERS_CONF=~/.config/containers/containers.conf BUILDAH_ISOLATION=chroot\n' >~/containers.sh
