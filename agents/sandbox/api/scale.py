"""The scale subresource, the same for every workload that has replicas."""

from __future__ import annotations

from typing import Any

from agents.sandbox import errors
from agents.sandbox.api.message import Request, Response, as_json
from agents.sandbox.api.resources import Target, changed_by, writing
from agents.sandbox.cluster import Cluster
from agents.sandbox.objects import Object, at, copy_of, meta, name_of, spec_of, status_of
from agents.sandbox.registry import check_uid


def handle(cluster: Cluster, request: Request, target: Target) -> Response:
    """GET, PUT and PATCH of …/scale."""
    obj = cluster.store.get(target.kind, target.namespace, target.name)
    match request.method:
        case "GET":
            return as_json(scale_of(obj))
        case "PUT":
            return _store(cluster, request, target, obj, request.decoded())
        case "PATCH":
            wanted = changed_by(request, target.kind, scale_of(obj), request.decoded())
            return _store(cluster, request, target, obj, wanted)
        case _:
            raise errors.method_not_allowed(target.kind)


def scale_of(obj: Object) -> Object:
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    labels = at(spec_of(obj), "selector", "matchLabels", default={})
    status: Object = {"replicas": status_of(obj).get("replicas", 0)}
    if labels:
        status["selector"] = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: meta(obj)[key] for key in kept if key in meta(obj)},
        "spec": {"replicas": spec_of(obj).get("replicas", 0)},
        "status": status,
    }


def _store(
    cluster: Cluster, request: Request, target: Target, obj: Object, wanted: Any
) -> Response:
    replicas = at(wanted, "spec", "replicas", default=0)
    if not isinstance(replicas, int):
        raise errors.bad_request("json: cannot unmarshal into Go struct field ScaleSpec.replicas")
    if replicas < 0:
        cause = errors.Cause(
            field="spec.replicas",
            message=f"Invalid value: {replicas}: must be greater than or equal to 0",
        )
        raise errors.invalid(_Scale(), name_of(obj), [cause])
    check_uid(target.kind, wanted, obj)
    changed = copy_of(obj)
    changed["spec"]["replicas"] = replicas
    given = at(wanted, "metadata", "resourceVersion")
    changed["metadata"]["resourceVersion"] = given or meta(obj)["resourceVersion"]
    return as_json(scale_of(cluster.registry.update(target.kind, changed, writing(request))))


class _Scale:
    group = "autoscaling"
    plural = "scales"
    kind = "Scale"
