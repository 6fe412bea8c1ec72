"""Stateful sets: pods with numbers, one after the other, each with its own claims."""

from __future__ import annotations

from agents.sandbox import kinds
from agents.sandbox.computed import is_ready
from agents.sandbox.controllers.base import Controller
from agents.sandbox.controllers.workload import counts, is_active, pod_of, remove, template_hash
from agents.sandbox.errors import ApiError
from agents.sandbox.objects import (
    Object,
    at,
    copy_of,
    is_deleting,
    labels_of,
    meta,
    name_of,
    namespace_of,
    owner_reference,
    spec_of,
    status_of,
)

REVISION = "controller-revision-hash"
_INDEX = "apps.kubernetes.io/pod-index"
_POD_NAME = "statefulset.kubernetes.io/pod-name"
_COMPONENT = "statefulset-controller"


class StatefulSets(Controller):
    kind = kinds.STATEFUL_SET
    owns = (kinds.POD,)

    def look(self, obj: Object) -> None:
        if is_deleting(obj):
            return
        revision = f"{name_of(obj)}-{template_hash(spec_of(obj)['template'])}"
        self._keep_revision(obj, revision)
        pods = {name_of(pod): pod for pod in self.owned(kinds.POD, obj)}
        self._replace_ended(list(pods.values()))
        if not self._fill(obj, pods, revision):
            self._shrink_or_update(obj, pods, revision)
        self._report(obj, revision)

    def _replace_ended(self, pods: list[Object]) -> None:
        for pod in pods:
            if status_of(pod).get("phase") in ("Succeeded", "Failed") and not is_deleting(pod):
                remove(self.cluster, pod)

    def _fill(self, obj: Object, pods: dict[str, Object], revision: str) -> bool:
        """Create the next pod; whether one is missing or not ready yet, so that all wait for it."""
        ordered = spec_of(obj).get("podManagementPolicy") == "OrderedReady"
        for number in range(int(spec_of(obj).get("replicas", 1))):
            pod = pods.get(f"{name_of(obj)}-{number}")
            if pod is None:
                if not self._create(obj, number, revision):
                    return True
            elif is_ready(pod) and is_active(pod):
                continue
            elif labels_of(pod).get(REVISION) != revision and is_active(pod):
                remove(self.cluster, pod)  # a broken pod of an old template blocks nothing
            if ordered:
                return True
        return False

    def _create(self, obj: Object, number: int, revision: str) -> bool:
        name = f"{name_of(obj)}-{number}"
        pod = pod_of(obj, spec_of(obj)["template"], name=name)
        labels = pod["metadata"].setdefault("labels", {})
        labels |= {REVISION: revision, _INDEX: str(number), _POD_NAME: name}
        pod["spec"]["hostname"] = name
        pod["spec"]["subdomain"] = spec_of(obj).get("serviceName", "")
        try:
            self._claims(obj, pod)
            self.cluster.registry.create(kinds.POD, pod)
        except ApiError as error:
            text = f"create Pod {name} in StatefulSet {name_of(obj)} failed error: {error.message}"
            self.events.warning(obj, _COMPONENT, "FailedCreate", text)
            self.again(obj, 5 * self.pace_s)
            return False
        text = f"create Pod {name} in StatefulSet {name_of(obj)} successful"
        self.events.normal(obj, _COMPONENT, "SuccessfulCreate", text)
        return True

    def _claims(self, obj: Object, pod: Object) -> None:
        volumes = pod["spec"].setdefault("volumes", [])
        for template in spec_of(obj).get("volumeClaimTemplates") or ():
            base = name_of(template)
            name = f"{base}-{pod['metadata']['name']}"
            if self.store.find(kinds.CLAIM, namespace_of(obj), name) is None:
                claim = copy_of(template) | {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
                claim["metadata"] = {
                    "name": name,
                    "namespace": namespace_of(obj),
                    "labels": at(obj, "spec", "selector", "matchLabels", default={}),
                }
                claim.pop("status", None)
                self.cluster.registry.create(kinds.CLAIM, claim)
            volumes.append({"name": base, "persistentVolumeClaim": {"claimName": name}})

    def _shrink_or_update(self, obj: Object, pods: dict[str, Object], revision: str) -> None:
        """From the highest number down, one at a time."""
        wanted = int(spec_of(obj).get("replicas", 1))
        numbered = sorted(
            ((_number(name), pod) for name, pod in pods.items()),
            reverse=True,
            key=lambda each: each[0],
        )
        if any(is_deleting(pod) for _, pod in numbered):
            return
        for number, pod in numbered:
            if number >= wanted:
                remove(self.cluster, pod)
                text = f"delete Pod {name_of(pod)} in StatefulSet {name_of(obj)} successful"
                self.events.normal(obj, _COMPONENT, "SuccessfulDelete", text)
                return
        if at(obj, "spec", "updateStrategy", "type") != "RollingUpdate":
            return
        first = int(at(obj, "spec", "updateStrategy", "rollingUpdate", "partition", default=0))
        for number, pod in numbered:
            if number >= first and labels_of(pod).get(REVISION) != revision:
                remove(self.cluster, pod)
                return

    def _keep_revision(self, obj: Object, revision: str) -> None:
        if self.store.find(kinds.REVISION, namespace_of(obj), revision) is not None:
            return
        known = self.owned(kinds.REVISION, obj)
        metadata = {
            "name": revision,
            "namespace": namespace_of(obj),
            "labels": labels_of(spec_of(obj)["template"]),
            "ownerReferences": [owner_reference(obj)],
        }
        data = {"spec": {"template": {**copy_of(spec_of(obj)["template"]), "$patch": "replace"}}}
        self.cluster.registry.create(
            kinds.REVISION,
            {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": metadata}
            | {"data": data, "revision": 1 + max((r["revision"] for r in known), default=0)},
        )

    def _report(self, obj: Object, revision: str) -> None:
        pods = self.owned(kinds.POD, obj)
        status: Object = {"availableReplicas": 0, **counts(pods)}
        updated = [pod for pod in pods if labels_of(pod).get(REVISION) == revision]
        old = next((labels_of(p)[REVISION] for p in pods if p not in updated), revision)
        status["updatedReplicas"] = len([pod for pod in updated if is_active(pod)])
        status["currentReplicas"] = len(
            [p for p in pods if labels_of(p).get(REVISION) == old and is_active(p)]
        )
        status |= {"currentRevision": old, "updateRevision": revision, "collisionCount": 0}
        status["observedGeneration"] = meta(obj).get("generation", 1)
        self.set_status(obj, status)


def _number(name: str) -> int:
    return int(name.rpartition("-")[2])
