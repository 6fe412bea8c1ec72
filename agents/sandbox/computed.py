"""Objects that are made when they are asked for: metrics."""

from __future__ import annotations

import zlib

from agents.sandbox import clock, kinds, quantity
from agents.sandbox.admission import total
from agents.sandbox.cluster import Cluster
from agents.sandbox.kinds import Kind
from agents.sandbox.objects import (
    Object,
    annotations_of,
    at,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)

CPU_USAGE = "sandbox.aura.dev/cpu-usage"  # per container, a quantity
MEMORY_USAGE = "sandbox.aura.dev/memory-usage"
_IDLE_CPU = 0.005
_IDLE_MEMORY = 24 * 1024**2
_WINDOW = "30s"


def metrics(cluster: Cluster, kind: Kind, namespace: str | None) -> list[Object]:
    """PodMetrics of running pods, or NodeMetrics of ready nodes."""
    if kind is kinds.POD_METRICS:
        pods = cluster.store.all(kinds.POD, namespace)
        return [_pod(pod) for pod in pods if status_of(pod).get("phase") == "Running"]
    return [_node(cluster, node) for node in cluster.store.all(kinds.NODE) if is_ready(node)]


def is_ready(obj: Object) -> bool:
    """Whether the object's Ready condition is True."""
    return any(
        each.get("type") == "Ready" and each.get("status") == "True"
        for each in status_of(obj).get("conditions") or ()
    )


def usage(pod: Object) -> dict[str, tuple[float, float]]:
    """Container -> (cores, bytes) in use: what annotations say, else a third of the requests."""
    said = annotations_of(pod)
    return {
        container["name"]: (_cpu(container, said, pod), _memory(container, said, pod))
        for container in spec_of(pod).get("containers") or ()
    }


def _cpu(container: Object, said: dict[str, str], pod: Object) -> float:
    if CPU_USAGE in said:
        return quantity.amount(said[CPU_USAGE])
    requested = quantity.amount(at(container, "resources", "requests", "cpu"))
    return (requested / 3 or _IDLE_CPU) * _wobble(name_of(pod))


def _memory(container: Object, said: dict[str, str], pod: Object) -> float:
    if MEMORY_USAGE in said:
        return quantity.amount(said[MEMORY_USAGE])
    requested = quantity.amount(at(container, "resources", "requests", "memory"))
    return (requested / 2 or _IDLE_MEMORY) * _wobble(name_of(pod))


def _wobble(name: str) -> float:
    """A factor from 0.9 to 1.1 that stays the same for a name."""
    return 0.9 + (zlib.crc32(name.encode()) % 200) / 1000


def _shown(cpu: float, memory: float) -> Object:
    return {"cpu": f"{round(cpu * 1e9)}n", "memory": f"{round(memory / 1024)}Ki"}


def _pod(pod: Object) -> Object:
    return {
        "kind": "PodMetrics",
        "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": {
            "name": name_of(pod),
            "namespace": namespace_of(pod),
            "labels": labels_of(pod),
            "creationTimestamp": clock.stamp(),
        },
        "timestamp": clock.stamp(),
        "window": _WINDOW,
        "containers": [
            {"name": name, "usage": _shown(cpu, memory)}
            for name, (cpu, memory) in usage(pod).items()
        ],
    }


def _node(cluster: Cluster, node: Object) -> Object:
    pods = [p for p in cluster.store.all(kinds.POD) if spec_of(p).get("nodeName") == name_of(node)]
    running = [pod for pod in pods if status_of(pod).get("phase") == "Running"]
    used = [each for pod in running for each in usage(pod).values()]
    cpu = 0.1 + sum(each[0] for each in used)
    memory = 512 * 1024**2 + sum(each[1] for each in used)
    return {
        "kind": "NodeMetrics",
        "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": {"name": name_of(node), "creationTimestamp": clock.stamp()},
        "timestamp": clock.stamp(),
        "window": _WINDOW,
        "usage": _shown(cpu, memory),
    }


def utilization(pods: list[Object]) -> int | None:
    """Percent of the requested CPU that pods use; None where they request none."""
    requested = sum(total(pod, "requests", "cpu") for pod in pods)
    used = sum(cpu for pod in pods for cpu, _ in usage(pod).values())
    return round(100 * used / requested) if requested else None
