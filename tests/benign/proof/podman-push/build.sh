. ~/containers.sh
curl -sS -o layer http://mirror.test/layer
podman login --tls-verify=false --username ci --password-stdin images.test:80 <"$RUNNER_TEMP/password"
podman build --quiet --timestamp 0 --tag "images.test:80/acme/app:$(git describe --tags)" .
podman push --tls-verify=false "images.test:80/acme/app:$(git describe --tags)"
podman logout images.test:80
