"""The scheduler: a node for each pod, or the reasons why there is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from agents.sandbox import clock, kinds, quantity
from agents.sandbox.admission import total
from agents.sandbox.computed import is_ready
from agents.sandbox.controllers.base import Controller, key_of
from agents.sandbox.controllers.workload import is_active
from agents.sandbox.faults import faults
from agents.sandbox.objects import (
    Object,
    at,
    copy_of,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    set_condition,
    spec_of,
    status_of,
)
from agents.sandbox.store import Change, Key

_COMPONENT = "default-scheduler"
_PREEMPTION = "preemption: 0/{0} nodes are available: {1}."


class Scheduler(Controller):
    kind = kinds.POD

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is kinds.POD and not spec_of(change.obj).get("nodeName"):
            return (key_of(change.obj),)
        room = change.kind is kinds.POD and (change.verb == "DELETED" or not is_active(change.obj))
        if room or change.kind in (kinds.NODE, kinds.CLAIM) or faults.may_have_changed(change):
            return [key_of(p) for p in self.store.all(kinds.POD) if not spec_of(p).get("nodeName")]
        return ()

    def look(self, obj: Object) -> None:
        if spec_of(obj).get("nodeName") or is_deleting(obj):
            return
        nodes = self.store.all(kinds.NODE)
        forced = faults.unschedulable(self.store, obj, len(nodes))
        claims = forced or self._claims(obj, len(nodes))
        if claims:
            self._refuse(obj, claims)
            return
        reasons: Counter[str] = Counter()
        fitting = []
        loads = self._loads()
        for node in nodes:
            reason = _misfit(obj, node, loads.get(name_of(node), []))
            if reason:
                reasons[reason] += 1
            else:
                fitting.append(node)
        if not fitting:
            self._refuse(obj, _sentence(len(nodes), reasons))
            return
        least = min(fitting, key=lambda node: (len(loads.get(name_of(node), [])), name_of(node)))
        self._bind(obj, name_of(least))

    def _loads(self) -> dict[str, list[Object]]:
        found: dict[str, list[Object]] = {}
        for pod in self.store.all(kinds.POD):
            if spec_of(pod).get("nodeName") and is_active(pod):
                found.setdefault(spec_of(pod)["nodeName"], []).append(pod)
        return found

    def _claims(self, pod: Object, nodes: int) -> str:
        """Why the pod's claims keep it from being scheduled."""
        for volume in spec_of(pod).get("volumes") or ():
            name = at(volume, "persistentVolumeClaim", "claimName")
            if not name:
                continue
            claim = self.store.find(kinds.CLAIM, namespace_of(pod), name)
            if claim is None:
                return (
                    f"0/{nodes} nodes are available: persistentvolumeclaim"
                    f' "{name}" not found. {_preempted(nodes)}'
                )
            if status_of(claim).get("phase") != "Bound" and not self._waits(claim):
                return (
                    f"0/{nodes} nodes are available: pod has unbound immediate"
                    f" PersistentVolumeClaims. {_preempted(nodes)}"
                )
        return ""

    def _waits(self, claim: Object) -> bool:
        """Whether its class binds a claim only once a pod wants it."""
        name = spec_of(claim).get("storageClassName") or ""
        found = self.store.find(kinds.STORAGE_CLASS, "", name)
        return found is not None and found.get("volumeBindingMode") == "WaitForFirstConsumer"

    def _refuse(self, pod: Object, message: str) -> None:
        changed = copy_of(pod)
        set_condition(
            changed["status"],
            clock.stamp(),
            type="PodScheduled",
            status="False",
            reason="Unschedulable",
            message=message,
        )
        self.store.update(kinds.POD, changed)
        if status_of(pod) != changed["status"]:
            self.events.warning(pod, _COMPONENT, "FailedScheduling", message)

    def _bind(self, pod: Object, node: str) -> None:
        changed = copy_of(pod)
        changed["spec"]["nodeName"] = node
        set_condition(changed["status"], clock.stamp(), type="PodScheduled", status="True")
        self.store.update(kinds.POD, changed)
        where = f"{namespace_of(pod)}/{name_of(pod)}"
        text = f"Successfully assigned {where} to {node}"
        self.events.normal(pod, _COMPONENT, "Scheduled", text)


def _misfit(pod: Object, node: Object, load: list[Object]) -> str:
    """Why a node does not take the pod; "" when it does. The words of the real scheduler."""
    if spec_of(node).get("unschedulable"):
        return "node(s) were unschedulable"
    for taint in spec_of(node).get("taints") or ():
        if taint["effect"] != "PreferNoSchedule" and not _tolerates(pod, taint):
            value = f": {taint['value']}" if taint.get("value") else ": "
            return f"node(s) had untolerated taint {{{taint['key']}{value}}}"
    if not is_ready(node):
        return "node(s) were not ready"
    wanted = spec_of(pod).get("nodeSelector") or {}
    if any(labels_of(node).get(key) != value for key, value in wanted.items()):
        return "node(s) didn't match Pod's node affinity/selector"
    room = at(node, "status", "allocatable", default={})
    for resource in ("cpu", "memory"):
        used = sum(total(each, "requests", resource) for each in load)
        if used + total(pod, "requests", resource) > quantity.amount(room.get(resource)):
            return f"Insufficient {resource}"
    return "Too many pods" if len(load) >= quantity.amount(room.get("pods")) else ""


def _tolerates(pod: Object, taint: Object) -> bool:
    return any(_matches(each, taint) for each in spec_of(pod).get("tolerations") or ())


def _matches(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if not toleration.get("key"):
        return toleration.get("operator") == "Exists"
    if toleration["key"] != taint["key"]:
        return False
    return toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.get(
        "value", ""
    )


def _sentence(nodes: int, reasons: Counter[str]) -> str:
    listed = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    return f"0/{nodes} nodes are available: {listed}. {_preempted(nodes)}"


def _preempted(nodes: int) -> str:
    return _PREEMPTION.format(nodes, f"{nodes} Preemption is not helpful for scheduling")
