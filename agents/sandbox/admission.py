"""What stands between a valid object and the store: namespaces, quotas, limit ranges, addresses."""

from __future__ import annotations

from agents.sandbox import clock, errors, kinds, quantity
from agents.sandbox.kinds import Kind
from agents.sandbox.objects import (
    Object,
    annotations_of,
    at,
    is_deleting,
    meta,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)
from agents.sandbox.store import Store

QUOTA_FAULT = "sandbox.aura.dev/quota-exceeded"
_COUNTED = {
    "pods": kinds.POD,
    "services": kinds.SERVICE,
    "configmaps": kinds.CONFIG_MAP,
    "secrets": kinds.SECRET,
    "persistentvolumeclaims": kinds.CLAIM,
    "resourcequotas": kinds.QUOTA,
    "count/deployments.apps": kinds.DEPLOYMENT,
    "count/jobs.batch": kinds.JOB,
    "count/ingresses.networking.k8s.io": kinds.INGRESS,
}


def admit(store: Store, kind: Kind, obj: Object) -> None:
    """Complete a new object in place, or raise what refuses it."""
    if kind.namespaced:
        _namespace(store, kind, obj)
    if kind is kinds.POD:
        _service_account(store, obj)
        _limit_range(store, obj)
    if kind is kinds.SERVICE:
        _address(store, obj)
    if kind.namespaced:
        _quotas(store, kind, obj)


def _namespace(store: Store, kind: Kind, obj: Object) -> None:
    namespace = store.find(kinds.NAMESPACE, "", namespace_of(obj))
    if namespace is None:
        raise errors.not_found(kinds.NAMESPACE, namespace_of(obj))
    if is_deleting(namespace):
        raise errors.refused(
            kind,
            name_of(obj),
            f"unable to create new content in namespace {namespace_of(obj)} because it is being"
            " terminated",
        )


def _service_account(store: Store, pod: Object) -> None:
    account = spec_of(pod).get("serviceAccountName", "default")
    if account != "default" and not store.find(kinds.SERVICE_ACCOUNT, namespace_of(pod), account):
        why = (
            f"error looking up service account {namespace_of(pod)}/{account}: serviceaccount"
            f' "{account}" not found'
        )
        raise errors.refused(kinds.POD, name_of(pod), why)


def _limit_range(store: Store, pod: Object) -> None:
    for limits in store.all(kinds.LIMIT_RANGE, namespace_of(pod)):
        for item in at(limits, "spec", "limits", default=[]):
            if item.get("type") == "Container":
                for container in spec_of(pod).get("containers") or ():
                    _limit(container, item, pod)


def _limit(container: Object, item: Object, pod: Object) -> None:
    resources = container.setdefault("resources", {})
    for part, defaults in (("limits", "default"), ("requests", "defaultRequest")):
        for resource, value in (item.get(defaults) or {}).items():
            resources.setdefault(part, {}).setdefault(resource, value)
    for resource, value in (item.get("max") or {}).items():
        given = at(resources, "limits", resource)
        if given is not None and quantity.amount(given) > quantity.amount(value):
            why = f"maximum {resource} usage per Container is {value}, but limit is {given}"
            raise errors.refused(kinds.POD, name_of(pod), why)


def _address(store: Store, service: Object) -> None:
    spec = service["spec"]
    if spec.get("type") == "ExternalName":
        return
    taken = {at(each, "spec", "clusterIP") for each in store.all(kinds.SERVICE)}
    free = (f"10.96.{i // 250}.{i % 250 + 1}" for i in range(1, 60_000))
    spec.setdefault("clusterIP", next(address for address in free if address not in taken))
    spec.setdefault("clusterIPs", [spec["clusterIP"]])
    if spec["type"] in ("NodePort", "LoadBalancer"):
        used = {
            port.get("nodePort")
            for each in store.all(kinds.SERVICE)
            for port in at(each, "spec", "ports", default=[])
        }
        for port in spec.get("ports") or ():
            port.setdefault("nodePort", next(n for n in range(30000, 32768) if n not in used))
            used.add(port["nodePort"])


# --- quotas ---------------------------------------------------------------------------------------


def _quotas(store: Store, kind: Kind, obj: Object) -> None:
    for quota in store.all(kinds.QUOTA, namespace_of(obj)):
        _quota(store, quota, kind, obj)
    _quota_by_fault(store, kind, obj)


def _quota(store: Store, quota: Object, kind: Kind, obj: Object) -> None:
    asked = demand(kind, obj)
    hard = at(quota, "spec", "hard", default={})
    used = usage(store, quota)
    for resource, limit in hard.items():
        wanted = asked.get(resource, 0.0)
        if kind is kinds.POD and not wanted and resource in _COMPUTE:
            why = f"failed quota: {name_of(quota)}: must specify {resource} for: {_first(obj)}"
            raise errors.refused(kind, name_of(obj), why)
        if wanted and used[resource] + wanted > quantity.amount(limit):
            why = (
                f"exceeded quota: {name_of(quota)},"
                f" requested: {resource}={quantity.of(resource, wanted)},"
                f" used: {resource}={quantity.of(resource, used[resource])},"
                f" limited: {resource}={limit}"
            )
            raise errors.refused(kind, name_of(obj), why)


_COMPUTE = {
    "cpu": ("requests", "cpu"),
    "memory": ("requests", "memory"),
    "requests.cpu": ("requests", "cpu"),
    "requests.memory": ("requests", "memory"),
    "limits.cpu": ("limits", "cpu"),
    "limits.memory": ("limits", "memory"),
}


def _quota_by_fault(store: Store, kind: Kind, obj: Object) -> None:
    """A namespace that is said to be full refuses pods as one with a quota does."""
    namespace = store.find(kinds.NAMESPACE, "", namespace_of(obj))
    if kind is kinds.POD and namespace and QUOTA_FAULT in annotations_of(namespace):
        pods = len(store.all(kinds.POD, namespace_of(obj)))
        why = f"exceeded quota: compute, requested: pods=1, used: pods={pods}, limited: pods={pods}"
        raise errors.refused(kind, name_of(obj), why)


def _first(pod: Object) -> str:
    return str(at(spec_of(pod), "containers", 0, "name", default=""))


def demand(kind: Kind, obj: Object) -> dict[str, float]:
    """What one object takes from a quota, by the quota's resource names."""
    asked = {name: 1.0 for name, counted in _COUNTED.items() if counted is kind}
    asked[f"count/{errors.qualified(kind)}"] = 1.0
    if kind is kinds.POD:
        for resource, (part, name) in _COMPUTE.items():
            asked[resource] = total(obj, part, name)
    if kind is kinds.CLAIM:
        storage = at(spec_of(obj), "resources", "requests", "storage")
        asked["requests.storage"] = quantity.amount(storage)
    return asked


def total(pod: Object, part: str, resource: str) -> float:
    """The sum of `part` ("requests" or "limits") of a resource over the pod's containers."""
    containers = spec_of(pod).get("containers") or ()
    return sum(quantity.amount(at(each, "resources", part, resource)) for each in containers)


def usage(store: Store, quota: Object) -> dict[str, float]:
    """What is used of each resource the quota names."""
    hard = at(quota, "spec", "hard", default={})
    used = dict.fromkeys(hard, 0.0)
    for kind in {*_COUNTED.values(), kinds.CLAIM}:
        for obj in store.all(kind, namespace_of(quota)):
            if kind is kinds.POD and status_of(obj).get("phase") in ("Succeeded", "Failed"):
                continue
            for resource, number in demand(kind, obj).items():
                if resource in used:
                    used[resource] += number
    return used


def stamp_new(obj: Object) -> None:
    """Metadata that a dry run shows although nothing is stored."""
    metadata = meta(obj)
    metadata.setdefault("uid", "00000000-0000-4000-8000-000000000000")
    metadata.setdefault("creationTimestamp", clock.stamp())
