"""Nodes: capacity, conditions, and what happens when one stops answering."""

from __future__ import annotations

from agents.sandbox import clock, kinds
from agents.sandbox.controllers.base import Controller
from agents.sandbox.faults import faults
from agents.sandbox.objects import Object, annotations_of, copy_of, name_of, set_condition, spec_of

_UNREACHABLE = "node.kubernetes.io/unreachable"
_FINE = {
    "MemoryPressure": ("KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
}
_LOST = ("NodeStatusUnknown", "Kubelet stopped posting node status.")


class Nodes(Controller):
    kind = kinds.NODE

    def look(self, obj: Object) -> None:
        fault = faults.of(obj)
        lost = fault is not None and fault[0] == "not-ready"
        obj = self._taint(obj, lost=lost)
        status = self._base(obj)
        now = clock.stamp()
        for kind, fine in _FINE.items():
            reason, message = _LOST if lost else fine
            state = "Unknown" if lost else "False"
            set_condition(status, now, type=kind, status=state, reason=reason, message=message)
        ready = ("Unknown", *_LOST)
        if not lost:
            ready = ("True", "KubeletReady", "kubelet is posting ready status")
        before = copy_of(obj.get("status") or {})
        set_condition(status, now, type="Ready", status=ready[0], reason=ready[1], message=ready[2])
        if status == before:
            return
        self.set_status(obj, status)
        word = "NodeNotReady" if lost else "NodeReady"
        text = f"Node {name_of(obj)} status is now: {word}"
        self.events.normal(obj, "node-controller" if lost else "kubelet", word, text)

    def _base(self, obj: Object) -> Object:
        said = annotations_of(obj)
        room = {
            "cpu": said.get("sandbox.aura.dev/cpu", self.cluster.options.node_cpu),
            "memory": said.get("sandbox.aura.dev/memory", self.cluster.options.node_memory),
            "pods": said.get("sandbox.aura.dev/pods", "1100"),
            "ephemeral-storage": "100Gi",
        }
        status: Object = copy_of(obj.get("status") or {})
        address = said.get("sandbox.aura.dev/address", "10.0.0.99")
        status.setdefault("capacity", room)
        status.setdefault("allocatable", room)
        status.setdefault(
            "addresses",
            [
                {"type": "InternalIP", "address": address},
                {"type": "Hostname", "address": name_of(obj)},
            ],
        )
        status.setdefault("daemonEndpoints", {"kubeletEndpoint": {"Port": 10250}})
        status.setdefault("nodeInfo", _info(self.cluster.options.version))
        return status

    def _taint(self, obj: Object, *, lost: bool) -> Object:
        taints = [t for t in spec_of(obj).get("taints") or [] if t["key"] != _UNREACHABLE]
        if lost:
            taints += [{"key": _UNREACHABLE, "effect": e} for e in ("NoSchedule", "NoExecute")]
        if taints == (spec_of(obj).get("taints") or []):
            return obj
        changed = copy_of(obj)
        changed.setdefault("spec", {})["taints"] = taints
        if not taints:
            del changed["spec"]["taints"]
        return self.store.update(kinds.NODE, changed)


def _info(version: str) -> Object:
    return {
        "machineID": "5f4dcc3b5aa765d61d8327deb882cf99",
        "systemUUID": "5f4dcc3b-5aa7-65d6-1d83-27deb882cf99",
        "bootID": "7c6a180b-36b9-45e0-8bc2-7dc1d5e0b3f1",
        "kernelVersion": "6.1.0",
        "osImage": "Debian GNU/Linux 12 (bookworm)",
        "containerRuntimeVersion": "containerd://2.0.0",
        "kubeletVersion": f"v{version}.0",
        "kubeProxyVersion": "",
        "operatingSystem": "linux",
        "architecture": "amd64",
    }
