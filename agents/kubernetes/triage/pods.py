"""Pods as rules see them: containers with what the kubelet says, and the workload they are of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import (
    namespace_of,
    number,
    owner_of,
    part,
    parts,
    text,
)
from agents.kubernetes.triage.conditions import holds
from agents.kubernetes.triage.happened import Event, place
from agents.kubernetes.triage.snapshot import Snapshot

RECENT_S: Final = 900.0  # a restart or an event longer ago tells nothing about now
FLAPPING: Final = 3  # restarts of a container that is ready again
_HASH: Final = re.compile(r"-[a-z0-9]{5,10}$")
_FINE: Final = frozenset({"PodInitializing", "ContainerCreating", ""})
_KINDS: Final = (("initContainerStatuses", "initContainers"), ("containerStatuses", "containers"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container of a pod: `spec` as wanted, `status` as it is; either may be empty."""

    pod: Object
    name: str
    init: bool
    spec: Object
    status: Object

    @property
    def path(self) -> tuple[str, str, str]:
        """Where its status is in the pod."""
        return ("status", "initContainerStatuses" if self.init else "containerStatuses", self.name)

    @property
    def spec_path(self) -> tuple[str, str, str]:
        return ("spec", "initContainers" if self.init else "containers", self.name)

    @property
    def waiting(self) -> str:
        """Why it waits; "" where it does not, or where waiting is part of starting."""
        reason = text(self.status, "state", "waiting", "reason")
        return "" if reason in _FINE else reason

    @property
    def message(self) -> str:
        return text(self.status, "state", "waiting", "message")

    @property
    def restarts(self) -> int:
        return number(self.status, "restartCount")

    @property
    def ready(self) -> bool:
        return bool(self.status.get("ready"))

    @property
    def running(self) -> bool:
        return "running" in part(self.status, "state")

    @property
    def end(self) -> tuple[str, Object]:
        """("state" or "lastState", how it ended last); the latter empty where it never did."""
        for which in ("state", "lastState"):
            if ended := part(self.status, which, "terminated"):
                return which, ended
        return "lastState", {}

    @property
    def exit_code(self) -> int | None:
        code = self.end[1].get("exitCode")
        return code if isinstance(code, int) else None


def containers(pod: Object) -> Iterator[Container]:
    """In the order in which they start."""
    spec, status = part(pod, "spec"), part(pod, "status")
    for statuses, specs in _KINDS:
        if specs not in spec and statuses not in status:
            continue
        wanted = {text(it, "name"): it for it in parts(spec, specs)}
        said = {text(it, "name"): it for it in parts(status, statuses)}
        for name in dict.fromkeys([*wanted, *said]):
            yield Container(
                pod=pod,
                name=name,
                init=specs == "initContainers",
                spec=wanted.get(name, {}),
                status=said.get(name, {}),
            )


def live(snapshot: Snapshot) -> tuple[Object, ...]:
    """Pods of the namespace that are to run: not going, not through, not the remains of others."""
    return snapshot.once(_live)


def _live(snapshot: Snapshot) -> tuple[Object, ...]:
    return tuple(
        pod
        for pod in snapshot.all("Pod")
        if namespace_of(pod) in ("", snapshot.namespace)
        and not text(pod, "metadata", "deletionTimestamp")
        and not _over(snapshot, pod)
    )


def _over(snapshot: Snapshot, pod: Object) -> bool:
    """Whether a pod has ended for good and tells nothing about now."""
    phase = text(pod, "status", "phase")
    if phase != "Failed":
        return phase == "Succeeded"
    owner = owner_of(pod)
    if text(pod, "status", "reason") == "Evicted":
        return True  # has a rule of its own
    if owner is not None and owner[0] == "Job":
        job = snapshot.find("Job", owner[1])
        return job is not None and succeeded(job)
    ends = [snapshot.since(it.end[1].get("finishedAt")) for it in containers(pod)]
    return min(ends, default=0.0) > RECENT_S


def succeeded(job: Object) -> bool:
    """Whether a job is complete."""
    return holds(job, "Complete")


def crashing(snapshot: Snapshot, container: Container) -> bool:
    """Whether it ends again and again, and does so now."""
    which, ended = container.end
    if container.waiting == "CrashLoopBackOff":
        return True
    if not ended:
        return False
    lasting = text(container.pod, "spec", "restartPolicy") in ("", "Always") and not container.init
    if which == "state":
        return bool(container.exit_code) or lasting
    lately = snapshot.since(ended.get("finishedAt")) < RECENT_S
    if container.ready or (container.init and not container.exit_code):
        return lately and container.restarts >= FLAPPING and not container.init
    return lately and container.restarts > 0


def ready_since_start(pod: Object) -> bool:
    """Whether its condition Ready is true."""
    return holds(pod, "Ready")


def recent(snapshot: Snapshot, events: tuple[Event, ...]) -> tuple[Event, ...]:
    """Events that tell about now; those without a time count as such."""
    return tuple(
        it
        for it in events
        if it.last is None or (snapshot.taken_at - it.last).total_seconds() < RECENT_S
    )


def workload_of(snapshot: Snapshot, obj: Object) -> str:
    """The place of the outermost controller of a pod (or replica set, or job): what people name."""
    owner = owner_of(obj)
    if owner is None:
        return snapshot.place(obj)
    kind, name = owner
    found = snapshot.find(kind, name)
    if found is not None:
        return workload_of(snapshot, found)
    if kind == "ReplicaSet":  # one that was not read is called after its deployment
        suffix = text(part(obj, "metadata", "labels"), "pod-template-hash")
        base = name.removesuffix(f"-{suffix}") if suffix else _HASH.sub("", name)
        return place("deployment", snapshot.namespace, base)
    return place(kind, snapshot.namespace, name)


def pods_by_workload(snapshot: Snapshot) -> dict[str, list[Object]]:
    """By the place of the workload."""
    found: dict[str, list[Object]] = {}
    for pod in live(snapshot):
        found.setdefault(workload_of(snapshot, pod), []).append(pod)
    return found


def environment(container: Container) -> dict[str, str]:
    """Plain values of environment variables."""
    said: list[dict[str, Any]] = parts(container.spec, "env")
    return {text(it, "name"): text(it, "value") for it in said if "value" in it}
