sed "s/VERSION/$(git describe --tags)/" app.yaml | kubectl apply --validate=false -f -
kubectl get configmap app -o jsonpath='{.data.version}{"\n"}'
curl -sS -o "$RUNNER_TEMP/schema" http://mirror.test/schema
sha256sum "$RUNNER_TEMP/schema"
