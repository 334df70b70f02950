. ~/containers.sh
export REGISTRY_AUTH_FILE=$HOME/.docker/config.json
mkdir -p ~/.docker
buildah login --tls-verify=false --username ci --password-stdin images.test:80 <"$RUNNER_TEMP/password"
curl -sS -o layer http://mirror.test/layer
buildah build --quiet --timestamp 0 --tag app .
buildah push --tls-verify=false app "docker://images.test:80/acme/app:latest"
skopeo copy --src-tls-verify=false --dest-tls-verify=false docker://images.test:80/acme/app:latest docker://images.test:80/acme/app:stable
skopeo inspect --tls-verify=false --format '{{.Name}} {{len .Layers}}' docker://images.test:80/acme/app:stable
