"""Making pods from templates, and telling which of them count."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import orjson

from agents.sandbox import clock, kinds
from agents.sandbox.cluster import Cluster
from agents.sandbox.computed import is_ready
from agents.sandbox.objects import (
    Object,
    at,
    copy_of,
    is_deleting,
    namespace_of,
    owner_reference,
    spec_of,
    status_of,
)

HASH = "pod-template-hash"
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_HASH_LENGTH = 10


def template_hash(template: Object) -> str:
    """Ten letters that stand for a pod template."""
    number = int.from_bytes(
        hashlib.sha256(orjson.dumps(template, option=orjson.OPT_SORT_KEYS)).digest()[:8], "big"
    )
    text = ""
    for _ in range(_HASH_LENGTH):
        number, rest = divmod(number, len(_LETTERS))
        text += _LETTERS[rest]
    return text


def pod_of(owner: Object, template: Object, *, name: str = "", prefix: str = "") -> Object:
    """A pod made from a template; `name` or the `prefix` of a generated one."""
    metadata = copy_of(template.get("metadata") or {})
    metadata.pop("creationTimestamp", None)
    metadata["namespace"] = namespace_of(owner)
    metadata["ownerReferences"] = [owner_reference(owner)]
    if name:
        metadata["name"] = name
    else:
        metadata["generateName"] = prefix
    spec = copy_of(template.get("spec") or {})
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def is_active(pod: Object) -> bool:
    """Neither finished nor on its way out."""
    return status_of(pod).get("phase") not in ("Succeeded", "Failed") and not is_deleting(pod)


def is_available(pod: Object, minimum_s: float) -> bool:
    """Ready for at least `minimum_s` seconds."""
    if not is_ready(pod) or is_deleting(pod):
        return False
    return clock.now() - clock.seconds_of(ready_since(pod)) >= minimum_s


def ready_since(pod: Object) -> str:
    conditions = status_of(pod).get("conditions") or ()
    return str(next(each for each in conditions if each["type"] == "Ready")["lastTransitionTime"])


def counts(pods: Iterable[Object], minimum_s: float = 0.0) -> dict[str, int]:
    """replicas, readyReplicas and availableReplicas, the last two left out at 0."""
    found = [pod for pod in pods if is_active(pod)]
    numbers = {
        "readyReplicas": sum(is_ready(pod) for pod in found),
        "availableReplicas": sum(is_available(pod, minimum_s) for pod in found),
    }
    return {"replicas": len(found)} | {key: value for key, value in numbers.items() if value}


def least_useful(pods: list[Object]) -> list[Object]:
    """In the order in which a scale-down removes them: unscheduled, pending, unready, youngest."""

    def rank(pod: Object) -> tuple[bool, bool, bool, int]:
        return (
            bool(spec_of(pod).get("nodeName")),
            status_of(pod).get("phase") == "Running",
            is_ready(pod),
            -int(pod["metadata"]["resourceVersion"]),
        )

    return sorted(pods, key=rank)


def remove(cluster: Cluster, pod: Object) -> None:
    """Delete a pod with its own grace period."""
    on_node = bool(spec_of(pod).get("nodeName"))
    grace = int(at(spec_of(pod), "terminationGracePeriodSeconds", default=30)) if on_node else 0
    metadata = pod["metadata"]
    cluster.store.delete(kinds.POD, metadata["namespace"], metadata["name"], grace_s=grace)


def portion(value: object, whole: int, *, up: bool) -> int:
    """An absolute number, or a percentage of `whole` rounded up or down."""
    text = str(value)
    if not text.endswith("%"):
        return int(text)
    share = whole * int(text[:-1])
    return -(-share // 100) if up else share // 100
