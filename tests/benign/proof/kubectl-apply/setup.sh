. "$RUNNER_TEMP/common.sh"
mkdir -p -m 700 ~/.kube
cat >~/.kube/config <<YAML
apiVersion: v1
kind: Config
clusters:
- name: test
  cluster:
    server: https://cluster.test
    certificate-authority-data: $(base64 -w0 "$server/tls/cert.pem")
users:
- name: ci
  user:
    token: $T_CLUSTER
contexts:
- name: test
  context: {cluster: test, user: ci}
current-context: test
YAML
chmod 600 ~/.kube/config
mirrored schema
repository acme/app
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app\n  namespace: default\ndata:\n  version: VERSION\n' >"$work/seed/app.yaml"
commit "$work/seed" deployment
publish acme/app
checked_out acme/app
