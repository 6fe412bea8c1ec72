"""Which fault concerns which pod, and what it does to its containers."""

from __future__ import annotations

from dataclasses import dataclass

from agents.sandbox import kinds, quantity
from agents.sandbox.faults import catalogue, stories
from agents.sandbox.faults.stories import Crash
from agents.sandbox.objects import (
    Object,
    annotations_of,
    at,
    name_of,
    namespace_of,
    owner_of,
    spec_of,
)
from agents.sandbox.store import Change, Store

FAULT = "sandbox.aura.dev/fault"
CONTAINER = "sandbox.aura.dev/fault-container"  # the first container otherwise
_LEAST_MEMORY = 4 * 1024**2  # bytes; nothing starts in less

_OWNERS = {
    "ReplicaSet": kinds.REPLICA_SET,
    "Deployment": kinds.DEPLOYMENT,
    "StatefulSet": kinds.STATEFUL_SET,
    "DaemonSet": kinds.DAEMON_SET,
    "Job": kinds.JOB,
}
_SOURCES = frozenset({*_OWNERS.values(), kinds.NAMESPACE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What is wrong with one container; every "" is fine.

    `pull` and `config` are the words of the kubelet, `mount` those of a volume that cannot be
    mounted; `readiness` and `liveness` the output of a failing probe; `lines` what it logs.
    """

    pull: str = ""
    mount: str = ""
    config: str = ""
    crash: Crash | None = None
    readiness: str = ""
    liveness: str = ""
    lines: tuple[str, ...] = ()


FINE = Behaviour()


def of(obj: Object) -> tuple[str, str] | None:
    """(name, variant) of the fault an object is annotated with."""
    return catalogue.read(annotations_of(obj).get(FAULT, ""))


def on(store: Store, pod: Object) -> tuple[str, str] | None:
    """The fault that concerns a pod: its own, its owners', its namespace's."""
    found = of(pod)
    owner: Object | None = pod
    while found is None and owner is not None:
        owner = _owner(store, owner)
        found = of(owner) if owner else None
    if found is None:
        namespace = store.find(kinds.NAMESPACE, "", namespace_of(pod))
        found = of(namespace) if namespace else None
    return found


def _owner(store: Store, obj: Object) -> Object | None:
    reference = owner_of(obj)
    kind = _OWNERS.get(reference["kind"]) if reference else None
    return store.find(kind, namespace_of(obj), reference["name"]) if kind and reference else None


def may_have_changed(change: Change) -> bool:
    """Whether the fault of some pods may be another one after this change."""
    if change.kind not in _SOURCES:
        return False
    before = annotations_of(change.before or {}).get(FAULT)
    return bool(before != annotations_of(change.obj).get(FAULT))


def unschedulable(store: Store, pod: Object, nodes: int) -> str:
    """The scheduler's words where a fault keeps the pod from every node."""
    found = on(store, pod)
    return stories.unschedulable(found[1], nodes) if found and found[0] == "pending" else ""


def behaviour(
    store: Store, pod: Object, container: Object, missing_images: tuple[str, ...]
) -> Behaviour:
    """What a container does: by its fault, or by what its spec asks for."""
    image = str(container.get("image", ""))
    found = on(store, pod)
    if found is not None and _concerns(pod, container):
        return _by_fault(*found, pod, container)
    if any(part in image for part in missing_images):
        return Behaviour(pull=stories.pull("tag", image))
    if "crash" in image.rpartition("/")[2].partition(":")[2]:
        return Behaviour(crash=stories.crash("panic", container["name"]))
    limit = quantity.amount(at(container, "resources", "limits", "memory"))
    if 0 < limit < _LEAST_MEMORY:
        return Behaviour(crash=stories.out_of_memory(container["name"]))
    return FINE


def _concerns(pod: Object, container: Object) -> bool:
    named = annotations_of(pod).get(CONTAINER)
    first = at(spec_of(pod), "containers", 0, "name")
    return bool(container["name"] == (named or first))


def _by_fault(  # noqa: C901, PLR0911 - one row a fault
    name: str, variant: str, pod: Object, container: Object
) -> Behaviour:
    own = str(container["name"])
    match name:
        case "crash-loop":
            return Behaviour(crash=stories.crash(variant, own))
        case "oom-kill":
            return Behaviour(crash=stories.out_of_memory(own))
        case "image-pull":
            return Behaviour(pull=stories.pull(variant, str(container.get("image", ""))))
        case "readiness-probe":
            return Behaviour(readiness=stories.probe_output(container, "readinessProbe"))
        case "liveness-probe":
            return Behaviour(liveness=stories.probe_output(container, "livenessProbe"))
        case "missing-configmap":
            return Behaviour(config=f'configmap "{_base(pod)}-config" not found')
        case "missing-secret":
            return Behaviour(config=f'secret "{_base(pod)}-credentials" not found')
        case "missing-volume":
            name = f"{_base(pod)}-config"
            return Behaviour(
                mount=f'MountVolume.SetUp failed for volume "config" : configmap "{name}" not found'
            )
        case "dns" | "network-policy" | "certificate-expired":
            output = stories.probe_output(container, "readinessProbe")
            return Behaviour(readiness=output, lines=stories.lines(name, namespace_of(pod)))
        case _:
            return FINE


def _base(pod: Object) -> str:
    """The name of the workload, as the objects that go with it are called."""
    owner = owner_of(pod)
    if owner is None:
        return name_of(pod)
    named = str(owner["name"])
    return named.rpartition("-")[0] if owner["kind"] == "ReplicaSet" else named
