"""A cluster's API, as far as `kubectl apply` and `kubectl get` of one config map need it."""

import json

JSON = {"Content-Type": "application/json"}
MAPS = "/api/v1/namespaces/default/configmaps"
KEPT = {}


def answer(request):
    if not request.authorised("cluster"):
        return status(401, "Unauthorized")
    request.note = ""
    path, reply = request.where, None
    if path == "/version":
        reply = {"major": "1", "minor": "30", "gitVersion": "v1.30.0"}
    elif path == "/api":
        reply = {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
    elif path == "/apis":
        reply = {"kind": "APIGroupList", "apiVersion": "v1", "groups": []}
    elif path == "/api/v1":
        verbs = ["create", "get", "list", "patch", "update"]
        resource = {"name": "configmaps", "singularName": "configmap", "namespaced": True, "kind": "ConfigMap", "verbs": verbs, "shortNames": ["cm"]}
        reply = {"kind": "APIResourceList", "groupVersion": "v1", "resources": [resource]}
    elif path == MAPS and request.command == "POST":
        reply = json.loads(request.body)
        reply["metadata"].update(uid="1", resourceVersion="1", creationTimestamp="2026-01-01T00:00:00Z")
        KEPT[reply["metadata"]["name"]] = reply
        return 201, JSON, json.dumps(reply).encode()
    elif path.startswith(MAPS + "/"):
        reply = KEPT.get(path.rsplit("/", 1)[1])
    return (200, JSON, json.dumps(reply).encode()) if reply else status(404, "NotFound")


def status(code, reason):
    reply = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code, "message": reason}
    return code, JSON, json.dumps(reply).encode()
