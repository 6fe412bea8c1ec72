"""Claims get a volume from their storage class, or an event that says why not."""

from __future__ import annotations

from collections.abc import Iterable

from agents.sandbox import kinds, quantity
from agents.sandbox.controllers.base import Controller, key_of
from agents.sandbox.faults import faults
from agents.sandbox.objects import (
    Object,
    annotations_of,
    at,
    copy_of,
    is_deleting,
    name_of,
    namespace_of,
    reference_to,
    spec_of,
    status_of,
    uid_of,
)
from agents.sandbox.store import Change, Key

_COMPONENT = "persistentvolume-controller"
_DEFAULT = "storageclass.kubernetes.io/is-default-class"
_RETRY = 5.0  # paces


class Claims(Controller):
    kind = kinds.CLAIM

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind in (kinds.STORAGE_CLASS, kinds.VOLUME):
            return [key_of(c) for c in self.store.all(self.kind) if _phase(c) == "Pending"]
        if change.kind is kinds.POD and change.verb == "ADDED":
            volumes = spec_of(change.obj).get("volumes") or ()
            names = [at(each, "persistentVolumeClaim", "claimName") for each in volumes]
            return [(namespace_of(change.obj), name) for name in names if name]
        return super().keys(change)

    def look(self, obj: Object) -> None:
        if _phase(obj) == "Bound" or is_deleting(obj):
            return
        obj = self._classed(obj)
        name = spec_of(obj).get("storageClassName") or ""
        found = self.store.find(kinds.STORAGE_CLASS, "", name)
        fault = faults.of(obj)
        if fault is not None and fault[0] == "pvc-pending":
            words = f'failed to provision volume with StorageClass "{name}": rpc error: code ='
            words += " ResourceExhausted desc = no capacity left in pool"
            self._fail(obj, words)
        elif volume := self._existing(obj):
            self._bind(obj, volume)
        elif found is None:
            self._fail(obj, f'storageclass.storage.k8s.io "{name}" not found')
        elif found.get("volumeBindingMode") == "WaitForFirstConsumer" and not self._wanted(obj):
            words = "waiting for first consumer to be created before binding"
            self.events.normal(obj, _COMPONENT, "WaitForFirstConsumer", words)
        else:
            self._provision(obj, found)

    def _fail(self, obj: Object, words: str) -> None:
        self.events.warning(obj, _COMPONENT, "ProvisioningFailed", words)
        self.again(obj, _RETRY * self.pace_s)

    def _classed(self, obj: Object) -> Object:
        """The default class, for a claim that names none."""
        if spec_of(obj).get("storageClassName") is not None:
            return obj
        for each in self.store.all(kinds.STORAGE_CLASS):
            if annotations_of(each).get(_DEFAULT) == "true":
                changed = copy_of(obj)
                changed["spec"]["storageClassName"] = name_of(each)
                return self.store.update(kinds.CLAIM, changed)
        return obj

    def _wanted(self, claim: Object) -> bool:
        return any(
            at(volume, "persistentVolumeClaim", "claimName") == name_of(claim)
            for pod in self.store.all(kinds.POD, namespace_of(claim))
            for volume in spec_of(pod).get("volumes") or ()
        )

    def _existing(self, claim: Object) -> Object | None:
        wanted = quantity.amount(at(spec_of(claim), "resources", "requests", "storage"))
        for volume in self.store.all(kinds.VOLUME):
            spec = spec_of(volume)
            if (
                _phase(volume) == "Available"
                and spec.get("storageClassName", "") == spec_of(claim).get("storageClassName", "")
                and quantity.amount(at(spec, "capacity", "storage")) >= wanted
                and set(spec_of(claim)["accessModes"]) <= set(spec.get("accessModes") or ())
            ):
                return volume
        return None

    def _provision(self, claim: Object, found: Object) -> None:
        spec = spec_of(claim)
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"pvc-{uid_of(claim)}"},
            "spec": {
                "capacity": {"storage": at(spec, "resources", "requests", "storage")},
                "accessModes": spec["accessModes"],
                "storageClassName": name_of(found),
                "persistentVolumeReclaimPolicy": found.get("reclaimPolicy", "Delete"),
                "hostPath": {"path": f"/var/local-path/{name_of(claim)}"},
            },
        }
        made = self.cluster.registry.create(kinds.VOLUME, volume)
        words = f"Successfully provisioned volume {name_of(made)}"
        self.events.normal(claim, str(found.get("provisioner")), "ProvisioningSucceeded", words)
        self._bind(claim, made)

    def _bind(self, claim: Object, volume: Object) -> None:
        taken = copy_of(volume)
        taken["spec"]["claimRef"] = reference_to(claim)
        taken["status"] = {"phase": "Bound"}
        self.store.update(kinds.VOLUME, taken)
        bound = copy_of(claim)
        bound["spec"]["volumeName"] = name_of(volume)
        bound["status"] = {
            "phase": "Bound",
            "accessModes": spec_of(claim)["accessModes"],
            "capacity": spec_of(volume)["capacity"],
        }
        self.store.update(kinds.CLAIM, bound)


class Volumes(Controller):
    """What becomes of a volume whose claim is gone."""

    kind = kinds.VOLUME

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is kinds.CLAIM and change.verb == "DELETED":
            return [("", spec_of(change.obj).get("volumeName", ""))]
        return ()

    def look(self, obj: Object) -> None:
        if spec_of(obj).get("persistentVolumeReclaimPolicy") == "Delete":
            self.store.delete(kinds.VOLUME, "", name_of(obj))
        else:
            self.set_status(obj, {"phase": "Released"})


def _phase(obj: Object) -> str:
    return str(status_of(obj).get("phase", ""))
