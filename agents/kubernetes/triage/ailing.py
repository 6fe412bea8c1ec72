"""Whose logs are worth reading: containers in trouble, a few of each workload."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import name_of, namespace_of, text
from agents.kubernetes.triage.pods import Container, containers, crashing, pods_by_workload
from agents.kubernetes.triage.seen import is_ready
from agents.kubernetes.triage.snapshot import LogKey, Snapshot

OF_ONE: Final = 2  # pods of a workload
MOST: Final = 40  # logs of a namespace


def wanted_logs(snapshot: Snapshot, about: str = "") -> list[LogKey]:
    """The logs to read, those of the workload asked about first."""
    wanted: list[LogKey] = []
    groups = snapshot.once(pods_by_workload)
    for home in sorted(groups, key=lambda it: it.rpartition("/")[2] != about):
        asked = home.rpartition("/")[2] == about
        ill = [pod for pod in groups[home] if not is_ready(pod) or _restarts(snapshot, pod)]
        chosen = ill or (groups[home] if asked else [])
        for pod in chosen[:OF_ONE]:
            wanted += _of(snapshot, pod, every=asked)
    return list(dict.fromkeys(wanted))[:MOST]


def _restarts(snapshot: Snapshot, pod: Object) -> bool:
    return any(crashing(snapshot, container) for container in containers(pod))


def _of(snapshot: Snapshot, pod: Object, *, every: bool) -> Iterator[LogKey]:
    where = namespace_of(pod) or snapshot.namespace
    for container in containers(pod):
        key = (where, name_of(pod), container.name)
        if _ended_before(container):
            yield (*key, True)
        if _has_log(container) and (every or not container.ready):
            yield (*key, False)


def _ended_before(container: Container) -> bool:
    return bool(text(container.status, "lastState", "terminated", "containerID")) or (
        container.restarts > 0
    )


def _has_log(container: Container) -> bool:
    return container.running or bool(container.end[1])
