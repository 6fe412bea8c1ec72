"""Disruption budgets, quotas and autoscalers: what is counted and reported."""

from __future__ import annotations

from collections.abc import Iterable

from agents.sandbox import clock, computed, kinds, quantity
from agents.sandbox.admission import usage
from agents.sandbox.cluster import Cluster
from agents.sandbox.computed import is_ready
from agents.sandbox.controllers.base import Controller, key_of
from agents.sandbox.controllers.workload import is_active, portion
from agents.sandbox.objects import (
    Object,
    at,
    copy_of,
    labels_of,
    meta,
    namespace_of,
    set_condition,
    spec_of,
    status_of,
    uid_of,
)
from agents.sandbox.selectors import selects
from agents.sandbox.store import Change, Key

_SYNC = 15.0  # paces between two looks of an autoscaler
_STABLE = 300.0  # paces before it scales down


class Budgets(Controller):
    kind = kinds.PDB

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is kinds.POD:
            return [key_of(b) for b in self.store.all(self.kind, namespace_of(change.obj))]
        return super().keys(change)

    def look(self, obj: Object) -> None:
        spec = spec_of(obj)
        pods = [
            pod
            for pod in self.store.all(kinds.POD, namespace_of(obj))
            if selects(spec.get("selector"), labels_of(pod)) and is_active(pod)
        ]
        healthy, expected = sum(is_ready(pod) for pod in pods), len(pods)
        if "minAvailable" in spec:
            wanted = portion(spec["minAvailable"], expected, up=True)
        else:
            wanted = expected - portion(spec.get("maxUnavailable", 1), expected, up=True)
        allowed = max(0, healthy - wanted)
        status = copy_of(status_of(obj))
        status |= {
            "currentHealthy": healthy,
            "desiredHealthy": max(0, wanted),
            "expectedPods": expected,
            "disruptionsAllowed": allowed,
            "observedGeneration": meta(obj).get("generation", 1),
        }
        set_condition(
            status,
            clock.stamp(),
            type="DisruptionAllowed",
            status="True" if allowed else "False",
            reason="SufficientPods" if allowed else "InsufficientPods",
            message="",
        )
        self.set_status(obj, status)


class Quotas(Controller):
    kind = kinds.QUOTA

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is kinds.EVENT or not change.kind.namespaced:
            return ()
        return [key_of(quota) for quota in self.store.all(self.kind, namespace_of(change.obj))]

    def look(self, obj: Object) -> None:
        used = {key: quantity.of(key, number) for key, number in usage(self.store, obj).items()}
        self.set_status(obj, {"hard": at(obj, "spec", "hard", default={}), "used": used})


class Autoscalers(Controller):
    """Scales by the CPU that pods are said to use (`sandbox.aura.dev/cpu-usage`)."""

    kind = kinds.HPA

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._above: dict[str, float] = {}  # uid -> since when there are more than wanted

    def look(self, obj: Object) -> None:
        target = spec_of(obj)["scaleTargetRef"]
        kind = self.cluster.kinds.named(target.get("apiVersion", "apps/v1"), target["kind"])
        found = kind and self.store.find(kind, namespace_of(obj), target["name"])
        status = copy_of(status_of(obj))
        if not kind or not found:
            self._cannot(
                obj, status, f'{target["kind"].lower()}s.apps "{target["name"]}" not found'
            )
            return
        pods = [
            pod
            for pod in self.store.all(kinds.POD, namespace_of(obj))
            if selects(spec_of(found).get("selector"), labels_of(pod)) and is_ready(pod)
        ]
        replicas = int(spec_of(found).get("replicas", 1))
        used = computed.utilization(pods)
        wanted = self._stable(obj, replicas, self._wanted(obj, replicas, used))
        if replicas and wanted != replicas:
            changed = copy_of(found)
            changed["spec"]["replicas"] = wanted
            self.cluster.registry.update(kind, changed)
            text = f"New size: {wanted}; reason: cpu resource utilization"
            self.events.normal(obj, "horizontal-pod-autoscaler", "SuccessfulRescale", text)
        self._report(obj, status, replicas, wanted, used)
        self.again(obj, _SYNC * self.pace_s)

    def _stable(self, obj: Object, replicas: int, wanted: int) -> int:
        """Down only when that was right for five minutes of paces; up at once."""
        if wanted >= replicas or replicas > spec_of(obj)["maxReplicas"]:
            self._above.pop(uid_of(obj), None)
            return wanted
        since = self._above.setdefault(uid_of(obj), clock.now())
        return wanted if clock.now() - since >= _STABLE * self.pace_s else replicas

    def _cannot(self, obj: Object, status: Object, words: str) -> None:
        set_condition(
            status,
            clock.stamp(),
            type="AbleToScale",
            status="False",
            reason="FailedGetScale",
            message=f"the HPA controller was unable to get the target's current scale: {words}",
        )
        self.set_status(obj, {"currentReplicas": 0, "desiredReplicas": 0, **status})
        self.again(obj, _SYNC * self.pace_s)

    def _wanted(self, obj: Object, replicas: int, used: int | None) -> int:
        spec = spec_of(obj)
        target = at(spec, "metrics", 0, "resource", "target", "averageUtilization", default=80)
        wanted = replicas if used is None else -(-replicas * used // target)
        if used is not None and 0.9 < used / target < 1.1:  # noqa: PLR2004 - the usual tolerance
            wanted = replicas
        return int(min(max(wanted, spec.get("minReplicas", 1)), spec["maxReplicas"]))

    def _report(
        self, obj: Object, status: Object, replicas: int, wanted: int, used: int | None
    ) -> None:
        status |= {"currentReplicas": replicas, "desiredReplicas": wanted}
        status["observedGeneration"] = meta(obj).get("generation", 1)
        if used is not None:
            current = {"name": "cpu", "current": {"averageUtilization": used, "averageValue": "1m"}}
            status["currentMetrics"] = [{"type": "Resource", "resource": current}]
        able = "the HPA controller was able to get the target's current scale"
        set_condition(
            status,
            clock.stamp(),
            type="AbleToScale",
            status="True",
            reason="SucceededGetScale",
            message=able,
        )
        active = used is not None
        set_condition(
            status,
            clock.stamp(),
            type="ScalingActive",
            status="True" if active else "False",
            reason="ValidMetricFound" if active else "FailedGetResourceMetric",
            message="the HPA was able to successfully calculate a replica count from cpu resource"
            " utilization (percentage of request)"
            if active
            else "the HPA was unable to compute the replica count: failed to get cpu utilization:"
            " missing request for cpu",
        )
        self.set_status(obj, status)
