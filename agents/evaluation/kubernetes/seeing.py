"""When a fault is there: what a person would see with kubectl, and never what the triage says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from agents.evaluation.kubernetes.target import SandboxTarget
from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import name_of, number, parts, text
from agents.kubernetes.triage.conditions import holds

Seen = Callable[[SandboxTarget], Any]


def _containers(target: SandboxTarget) -> Iterator[Object]:
    for pod in target.list("pods"):
        yield from parts(pod, "status", "initContainerStatuses")
        yield from parts(pod, "status", "containerStatuses")


def waits(*reasons: str) -> Seen:
    """A container waits for one of these reasons."""
    return lambda target: any(
        text(each, "state", "waiting", "reason") in reasons for each in _containers(target)
    )


def restarted(times: int = 2) -> Seen:
    """A container was started again this often."""
    return lambda target: any(number(each, "restartCount") >= times for each in _containers(target))


def happened(reason: str, word: str = "", times: int = 1) -> Seen:
    """An event of this reason, with this word in it, that came this often."""
    return lambda target: any(
        text(event, "reason") == reason
        and word in text(event, "message")
        and number(event, "count", usual=1) >= times
        for event in target.list("events")
    )


def unready(target: SandboxTarget) -> bool:
    """A pod runs and is not ready."""
    return any(
        text(pod, "status", "phase") == "Running" and not all(_ready(pod))
        for pod in target.list("pods")
    )


def _ready(pod: Object) -> Iterator[bool]:
    for status in parts(pod, "status", "containerStatuses"):
        yield bool(status.get("ready"))


def node_lost(target: SandboxTarget) -> bool:
    """A node is not ready, and the pods on it are not either."""
    nodes = {name_of(it) for it in target.list("nodes") if not holds(it, "Ready")}
    return any(
        text(pod, "spec", "nodeName") in nodes and not holds(pod, "Ready")
        for pod in target.list("pods")
    )


def endless(name: str) -> Seen:
    """A Service has no address."""

    def seen(target: SandboxTarget) -> bool:
        found = [it for it in target.list("endpoints") if name_of(it) == name]
        return all(
            not parts(subset, "addresses") for it in found for subset in parts(it, "subsets")
        )

    return seen


def well(target: SandboxTarget) -> bool:
    """Every deployment has all its pods ready, and every claim its volume."""
    return all(
        number(it, "status", "readyReplicas") == number(it, "spec", "replicas")
        and number(it, "status", "observedGeneration") == number(it, "metadata", "generation")
        for it in target.list("deployments")
    ) and all(
        text(it, "status", "phase") == "Bound" for it in target.list("persistentvolumeclaims")
    )


def phase(kind: str, *phases: str) -> Seen:
    """An object of this kind is in one of these phases."""
    return lambda target: any(text(it, "status", "phase") in phases for it in target.list(kind))


def at_once(_: SandboxTarget) -> bool:
    """It is there as soon as it is made."""
    return True
