"""Endpoints and endpoint slices: which pods a service leads to."""

from __future__ import annotations

from collections.abc import Iterable

from agents.sandbox import kinds
from agents.sandbox.computed import is_ready
from agents.sandbox.controllers.base import Controller, key_of
from agents.sandbox.errors import ApiError
from agents.sandbox.kinds import Kind
from agents.sandbox.objects import (
    Object,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    owner_reference,
    spec_of,
    status_of,
)
from agents.sandbox.selectors import has_labels
from agents.sandbox.store import Change, Key

_SERVICE_NAME = "kubernetes.io/service-name"


class Endpoints(Controller):
    kind = kinds.SERVICE

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is kinds.SERVICE:
            return (key_of(change.obj),)
        if change.kind is not kinds.POD or _unchanged(change):
            return ()
        pods = [change.obj, *([change.before] if change.before else [])]
        return [
            key_of(service)
            for service in self.store.all(kinds.SERVICE, namespace_of(change.obj))
            if any(has_labels(pod, spec_of(service).get("selector") or {}) for pod in pods)
        ]

    def look(self, obj: Object) -> None:
        selector = spec_of(obj).get("selector") or {}
        if not selector or spec_of(obj).get("type") == "ExternalName" or is_deleting(obj):
            return
        pods = [
            pod
            for pod in self.store.all(kinds.POD, namespace_of(obj))
            if has_labels(pod, selector)
            and status_of(pod).get("podIP")
            and status_of(pod).get("phase") == "Running"
            and not is_deleting(pod)
        ]
        self._put(kinds.ENDPOINTS, obj, name_of(obj), {"subsets": _subsets(obj, pods)})
        body = {"addressType": "IPv4", **_slice(obj, pods)}
        self._put(kinds.ENDPOINT_SLICE, obj, f"{name_of(obj)}-{_short(obj)}", body)

    def _put(self, kind: Kind, service: Object, name: str, body: Object) -> None:
        namespace = namespace_of(service)
        found = self.store.find(kind, namespace, name)
        body = {key: value for key, value in body.items() if value or key != "subsets"}
        if found is not None:
            kept = {key: found[key] for key in ("apiVersion", "kind", "metadata")}
            self.store.update(kind, {**kept, **body})
            return
        metadata: Object = {"name": name, "namespace": namespace, "labels": labels_of(service)}
        if kind is kinds.ENDPOINT_SLICE:
            metadata["labels"] = {**labels_of(service), _SERVICE_NAME: name_of(service)}
        metadata["ownerReferences"] = [owner_reference(service)]
        if kind is kinds.ENDPOINTS:
            del metadata["ownerReferences"]
        obj = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **body}
        try:
            self.store.create(kind, obj)
        except ApiError:
            self.again(service, self.pace_s)


def _unchanged(change: Change) -> bool:
    """Whether nothing of a pod changed that its endpoints show."""
    before = change.before
    return (
        change.verb == "MODIFIED"
        and before is not None
        and is_ready(before) == is_ready(change.obj)
        and status_of(before).get("podIP") == status_of(change.obj).get("podIP")
        and status_of(before).get("phase") == status_of(change.obj).get("phase")
        and labels_of(before) == labels_of(change.obj)
        and is_deleting(before) == is_deleting(change.obj)
    )


def _short(service: Object) -> str:
    return str(service["metadata"]["uid"])[:5]


def _ports(service: Object, pods: list[Object]) -> list[Object]:
    found = []
    for port in spec_of(service).get("ports") or ():
        number = _number(port, pods)
        if number:
            body = {"port": number, "protocol": port.get("protocol", "TCP")}
            found.append(({"name": port["name"]} if port.get("name") else {}) | body)
    return found


def _number(port: Object, pods: list[Object]) -> int | None:
    """The pods' port behind a service's port; None where no pod has one of that name."""
    target = port.get("targetPort", port.get("port"))
    if isinstance(target, int):
        return target
    for pod in pods:
        for container in spec_of(pod)["containers"]:
            for each in container.get("ports") or ():
                if each.get("name") == target:
                    return int(each["containerPort"])
    return None


def _subsets(service: Object, pods: list[Object]) -> list[Object]:
    ports = _ports(service, pods)
    subset: Object = {}
    for name, ready in (("addresses", True), ("notReadyAddresses", False)):
        addresses = [_address(pod) for pod in pods if is_ready(pod) is ready]
        if addresses:
            subset[name] = addresses
    return [subset | {"ports": ports}] if subset else []


def _address(pod: Object) -> Object:
    reference = {
        "kind": "Pod",
        "namespace": namespace_of(pod),
        "name": name_of(pod),
        "uid": pod["metadata"]["uid"],
    }
    where = {"ip": status_of(pod)["podIP"], "nodeName": spec_of(pod).get("nodeName", "")}
    return {**where, "targetRef": reference}


def _slice(service: Object, pods: list[Object]) -> Object:
    endpoints = []
    for pod in pods:
        address, ready = _address(pod), is_ready(pod)
        endpoints.append(
            {
                "addresses": [address["ip"]],
                "conditions": {"ready": ready, "serving": ready, "terminating": False},
                "nodeName": address["nodeName"],
                "targetRef": address["targetRef"],
            }
        )
    ports = [{"name": "", **port} for port in _ports(service, pods)]  # the server fills it in
    return {"endpoints": endpoints, "ports": ports}
