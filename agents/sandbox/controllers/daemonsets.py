"""Daemon sets: a pod on every node that takes one."""

from __future__ import annotations

from collections.abc import Iterable

from agents.sandbox import kinds
from agents.sandbox.computed import is_ready
from agents.sandbox.controllers.base import Controller, key_of
from agents.sandbox.controllers.workload import is_active, pod_of, remove, template_hash
from agents.sandbox.objects import (
    Object,
    at,
    is_deleting,
    labels_of,
    meta,
    name_of,
    spec_of,
)
from agents.sandbox.store import Change, Key

_REVISION = "controller-revision-hash"
_COMPONENT = "daemonset-controller"
_TOLERATED = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


class DaemonSets(Controller):
    kind = kinds.DAEMON_SET
    owns = (kinds.POD,)

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is kinds.NODE:
            return [key_of(each) for each in self.store.all(self.kind)]
        return super().keys(change)

    def look(self, obj: Object) -> None:
        if is_deleting(obj):
            return
        digest = template_hash(spec_of(obj)["template"])
        nodes = [node for node in self.store.all(kinds.NODE) if _takes(node, obj)]
        pods = {spec_of(p).get("nodeName", ""): p for p in self.owned(kinds.POD, obj)}
        for node in nodes:
            if name_of(node) not in pods:
                self._create(obj, name_of(node), digest)
        for name, pod in pods.items():
            if name not in {name_of(node) for node in nodes} and is_active(pod):
                remove(self.cluster, pod)
        self._update(obj, list(pods.values()), digest)
        self._report(obj, nodes, digest)

    def _create(self, obj: Object, node: str, digest: str) -> None:
        pod = pod_of(obj, spec_of(obj)["template"], prefix=f"{name_of(obj)}-")
        pod["metadata"].setdefault("labels", {})[_REVISION] = digest
        pod["spec"]["nodeName"] = node
        tolerations = pod["spec"].setdefault("tolerations", [])
        tolerations += [
            {"key": key, "operator": "Exists", "effect": "NoExecute"} for key in _TOLERATED
        ]
        made = self.cluster.registry.create(kinds.POD, pod)
        text = f"Created pod: {name_of(made)}"
        self.events.normal(obj, _COMPONENT, "SuccessfulCreate", text)

    def _update(self, obj: Object, pods: list[Object], digest: str) -> None:
        """One pod at a time gives way to the new template."""
        if any(is_deleting(pod) for pod in pods):
            return
        old = [pod for pod in pods if labels_of(pod).get(_REVISION) != digest]
        unready = [pod for pod in pods if not is_ready(pod) and pod not in old]
        if old and not unready and at(obj, "spec", "updateStrategy", "type") != "OnDelete":
            remove(self.cluster, min(old, key=is_ready))

    def _report(self, obj: Object, nodes: list[Object], digest: str) -> None:
        pods = [pod for pod in self.owned(kinds.POD, obj) if is_active(pod)]
        ready = sum(is_ready(pod) for pod in pods)
        status = {
            "currentNumberScheduled": len(pods),
            "numberMisscheduled": 0,
            "desiredNumberScheduled": len(nodes),
            "numberReady": ready,
            "observedGeneration": meta(obj).get("generation", 1),
            "updatedNumberScheduled": sum(labels_of(p).get(_REVISION) == digest for p in pods),
            "numberAvailable": ready,
            "numberUnavailable": len(nodes) - ready,
        }
        self.set_status(obj, {key: value for key, value in status.items() if value or key in _KEPT})


_KEPT = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady")


def _takes(node: Object, obj: Object) -> bool:
    spec = at(obj, "spec", "template", "spec", default={})
    wanted = spec.get("nodeSelector") or {}
    if any(labels_of(node).get(key) != value for key, value in wanted.items()):
        return False
    tolerated = {each.get("key") for each in spec.get("tolerations") or ()}
    taints = [t["key"] for t in spec_of(node).get("taints") or () if t["key"] not in _TOLERATED]
    return None in tolerated or all(key in tolerated for key in taints)
