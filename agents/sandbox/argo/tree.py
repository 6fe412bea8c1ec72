"""The resource tree of an application: what it manages, and everything that belongs to that."""

from __future__ import annotations

from agents.sandbox import clock
from agents.sandbox.api.columns.pods import reason
from agents.sandbox.argo import health
from agents.sandbox.argo.resources import Pair, id_of
from agents.sandbox.cluster import Cluster
from agents.sandbox.objects import (
    Object,
    at,
    labels_of,
    meta,
    name_of,
    namespace_of,
    pod_template,
    spec_of,
    status_of,
    uid_of,
)

_NO_NODES = ("Event", "Lease")


def tree(cluster: Cluster, pairs: list[Pair]) -> Object:
    """{nodes, orphanedNodes, hosts} with parents before their children."""
    children: dict[str, list[Object]] = {}
    for obj in cluster.store.everything():
        if obj["kind"] not in _NO_NODES:
            for reference in meta(obj).get("ownerReferences") or ():
                children.setdefault(reference["uid"], []).append(obj)
    nodes: list[Object] = []
    for pair in pairs:
        if pair.live is None:
            nodes.append(_missing(pair))
        else:
            _descend(pair.live, None, children, nodes)
            if pair.live["kind"] == "Service":
                nodes += _endpoints(cluster, pair.live)
    return {"nodes": nodes, "orphanedNodes": [], "hosts": _hosts(cluster, nodes)}


def _descend(
    obj: Object, parent: Object | None, children: dict[str, list[Object]], nodes: list[Object]
) -> None:
    nodes.append(_node(obj, parent))
    for child in sorted(children.get(uid_of(obj), []), key=id_of):
        _descend(child, obj, children, nodes)


def _endpoints(cluster: Cluster, service: Object) -> list[Object]:
    return [
        _node(obj, service)
        for obj in cluster.store.everything()
        if obj["kind"] == "Endpoints" and id_of(obj)[2:] == id_of(service)[2:]
    ]


def _reference(obj: Object) -> Object:
    group, kind, namespace, name = id_of(obj)
    body = {
        "group": group,
        "version": str(obj.get("apiVersion", "")).rpartition("/")[2],
        "kind": kind,
        "namespace": namespace,
        "name": name,
        "uid": uid_of(obj),
    }
    return {key: value for key, value in body.items() if value}


def _missing(pair: Pair) -> Object:
    reference = _reference(pair.any)
    return reference | {"health": {"status": "Missing"}}


def _node(obj: Object, parent: Object | None) -> Object:
    body = _reference(obj)
    if parent is not None:
        body["parentRefs"] = [_reference(parent)]
    body["resourceVersion"] = meta(obj).get("resourceVersion", "")
    body["createdAt"] = meta(obj).get("creationTimestamp", clock.stamp())
    info = _info(obj)
    if info:
        body["info"] = info
    images = _images(obj)
    if images:
        body["images"] = images
    network = _network(obj)
    if network:
        body["networkingInfo"] = network
    found = health.of(obj)
    if found is not None:
        body["health"] = {"status": found[0]} | ({"message": found[1]} if found[1] else {})
    return body


def _info(obj: Object) -> list[Object]:
    if obj["kind"] == "Pod":
        statuses = status_of(obj).get("containerStatuses") or ()
        ready = sum(bool(each.get("ready")) for each in statuses)
        restarts = sum(each.get("restartCount", 0) for each in statuses)
        rows = [
            ("Status Reason", reason(obj)),
            ("Node", str(spec_of(obj).get("nodeName", ""))),
            ("Containers", f"{ready}/{len(spec_of(obj).get('containers') or ())}"),
        ]
        rows += [("Restart Count", str(restarts))] if restarts else []
        return [{"name": name, "value": value} for name, value in rows if value]
    revision = at(meta(obj), "annotations", "deployment.kubernetes.io/revision")
    if obj["kind"] == "ReplicaSet" and revision:
        return [{"name": "Revision", "value": f"Rev:{revision}"}]
    return []


def _images(obj: Object) -> list[str]:
    spec = spec_of(obj) if obj["kind"] == "Pod" else at(pod_template(obj), "spec", default={})
    return sorted({str(each.get("image")) for each in spec.get("containers") or ()})


def _network(obj: Object) -> Object:
    if obj["kind"] == "Pod":
        return {"labels": labels_of(obj)} if labels_of(obj) else {}
    if obj["kind"] == "Service" and spec_of(obj).get("selector"):
        return {"targetLabels": spec_of(obj)["selector"]}
    return {}


def _hosts(cluster: Cluster, nodes: list[Object]) -> list[Object]:
    used = {
        info["value"]
        for node in nodes
        if node["kind"] == "Pod"
        for info in node.get("info") or ()
        if info["name"] == "Node"
    }
    return [
        {"name": name_of(obj), "systemInfo": at(obj, "status", "nodeInfo", default={})}
        for obj in cluster.store.everything()
        if obj["kind"] == "Node" and name_of(obj) in used and not namespace_of(obj)
    ]
