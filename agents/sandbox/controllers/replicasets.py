"""Replica sets: as many pods as wanted."""

from __future__ import annotations

from agents.sandbox import clock, kinds
from agents.sandbox.controllers.base import Controller
from agents.sandbox.controllers.workload import counts, is_active, least_useful, pod_of, remove
from agents.sandbox.errors import ApiError
from agents.sandbox.objects import (
    Object,
    is_deleting,
    labels_of,
    meta,
    name_of,
    set_condition,
    spec_of,
    status_of,
)
from agents.sandbox.selectors import selects

_COMPONENT = "replicaset-controller"
_RETRIES = 5.0  # paces between two attempts to create what was refused


class ReplicaSets(Controller):
    kind = kinds.REPLICA_SET
    owns = (kinds.POD,)

    def look(self, obj: Object) -> None:
        pods = [pod for pod in self.owned(kinds.POD, obj) if is_active(pod)]
        refusal = ""
        if not is_deleting(obj):
            refusal = self._scale(obj, pods)
        self._report(obj, refusal)

    def _scale(self, obj: Object, pods: list[Object]) -> str:
        wanted = int(spec_of(obj).get("replicas", 1))
        for pod in least_useful(pods)[: max(0, len(pods) - wanted)]:
            remove(self.cluster, pod)
            text = f"Deleted pod: {name_of(pod)}"
            self.events.normal(obj, _COMPONENT, "SuccessfulDelete", text)
        for _ in range(wanted - len(pods)):
            try:
                pod = self.cluster.registry.create(
                    kinds.POD, pod_of(obj, spec_of(obj)["template"], prefix=f"{name_of(obj)}-")
                )
            except ApiError as error:
                text = f"Error creating: {error.message}"
                self.events.warning(obj, _COMPONENT, "FailedCreate", text)
                self.again(obj, _RETRIES * self.pace_s)
                return error.message
            text = f"Created pod: {name_of(pod)}"
            self.events.normal(obj, _COMPONENT, "SuccessfulCreate", text)
        return ""

    def _report(self, obj: Object, refusal: str) -> None:
        pods = self.owned(kinds.POD, obj)
        minimum = float(spec_of(obj).get("minReadySeconds", 0))
        labels = labels_of(spec_of(obj)["template"])
        status: Object = counts(pods, minimum)
        status["fullyLabeledReplicas"] = sum(
            selects({"matchLabels": labels}, labels_of(pod)) for pod in pods if is_active(pod)
        )
        if not status["fullyLabeledReplicas"]:
            del status["fullyLabeledReplicas"]
        status["observedGeneration"] = meta(obj).get("generation", 1)
        if refusal:
            status["conditions"] = list(status_of(obj).get("conditions") or [])
            set_condition(
                status,
                clock.stamp(),
                type="ReplicaFailure",
                status="True",
                reason="FailedCreate",
                message=refusal,
            )
        current = self.store.get(self.kind, obj["metadata"]["namespace"], name_of(obj))
        self.set_status(current, status)
        if minimum and status.get("readyReplicas", 0) != status.get("availableReplicas", 0):
            self.again(obj, minimum / 2)
