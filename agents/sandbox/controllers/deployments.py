"""Deployments: one replica set a template, and the way from one to the next."""

from __future__ import annotations

from agents.sandbox import clock, kinds
from agents.sandbox.cluster import Cluster
from agents.sandbox.controllers.base import Controller
from agents.sandbox.controllers.workload import HASH, portion, template_hash
from agents.sandbox.objects import (
    Object,
    annotations_of,
    at,
    copy_of,
    is_deleting,
    meta,
    name_of,
    namespace_of,
    owner_reference,
    set_condition,
    spec_of,
    status_of,
)

REVISION = "deployment.kubernetes.io/revision"
_DESIRED = "deployment.kubernetes.io/desired-replicas"
_MAXIMUM = "deployment.kubernetes.io/max-replicas"
_COMPONENT = "deployment-controller"
# A progress deadline of ten minutes is half a minute at the usual pace of a second.
DEADLINE_SHARE = 1 / 20
_OURS = "sandbox.aura.dev/"  # a fault is healed where it was put
_NOT_COPIED = (REVISION, _DESIRED, _MAXIMUM, "kubectl.kubernetes.io/last-applied-configuration")


class Deployments(Controller):
    kind = kinds.DEPLOYMENT
    owns = (kinds.REPLICA_SET,)

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._moments: dict[tuple[str, str], float] = {}

    def look(self, obj: Object) -> None:
        if is_deleting(obj):
            return
        sets = self.owned(kinds.REPLICA_SET, obj)
        new = self._new_set(obj, sets)
        paused = bool(spec_of(obj).get("paused"))
        if new is None and not paused:
            new = self._create_set(obj, sets)
        elif new is not None and not paused:
            new = self._newest(obj, new, sets)
        sets = self.owned(kinds.REPLICA_SET, obj)
        if new is not None and not paused:
            self._roll(obj, new, sets)
        elif paused:
            self._scale_paused(obj, new, sets)
        self._clean(obj, new)
        self._report(obj, new)

    # --- replica sets ---

    def _new_set(self, obj: Object, sets: list[Object]) -> Object | None:
        """The replica set of the present template."""
        wanted = _plain(spec_of(obj)["template"])
        return next((s for s in sets if _plain(spec_of(s)["template"]) == wanted), None)

    def _create_set(self, obj: Object, sets: list[Object]) -> Object:
        template = copy_of(spec_of(obj)["template"])
        digest = template_hash(_plain(template))
        template.setdefault("metadata", {}).setdefault("labels", {})[HASH] = digest
        selector = copy_of(spec_of(obj)["selector"])
        selector.setdefault("matchLabels", {})[HASH] = digest
        metadata = {
            "name": f"{name_of(obj)}-{digest}",
            "namespace": namespace_of(obj),
            "labels": template["metadata"]["labels"],
            "annotations": _annotations(obj, _last_revision(sets) + 1),
            "ownerReferences": [owner_reference(obj)],
        }
        spec = {"replicas": 0, "selector": selector, "template": template}
        if spec_of(obj).get("minReadySeconds"):
            spec["minReadySeconds"] = spec_of(obj)["minReadySeconds"]
        made = self.cluster.registry.create(
            kinds.REPLICA_SET,
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": spec},
        )
        self._note_revision(obj, annotations_of(made)[REVISION])
        return made

    def _newest(self, obj: Object, new: Object, sets: list[Object]) -> Object:
        """An older replica set that is used again becomes the newest revision."""
        others = [each for each in sets if name_of(each) != name_of(new)]
        last = _last_revision(others)
        if int(annotations_of(new).get(REVISION, "0")) <= last:
            changed = copy_of(new)
            changed["metadata"].setdefault("annotations", {}).update(_annotations(obj, last + 1))
            new = self.store.update(kinds.REPLICA_SET, changed)
        self._note_revision(obj, annotations_of(new)[REVISION])
        return new

    def _note_revision(self, obj: Object, revision: str) -> None:
        current = self.store.get(self.kind, namespace_of(obj), name_of(obj))
        if annotations_of(current).get(REVISION) != revision:
            changed = copy_of(current)
            changed["metadata"].setdefault("annotations", {})[REVISION] = revision
            self.store.update(self.kind, changed)

    # --- rolling ---

    def _scale_paused(self, obj: Object, new: Object | None, sets: list[Object]) -> None:
        """A paused deployment still follows its replicas, where one replica set has them all."""
        active = [each for each in sets if _replicas(each)]
        current = active[0] if len(active) == 1 else (new if not active else None)
        if current is not None:
            self._scale(obj, current, int(spec_of(obj).get("replicas", 1)))

    def _roll(self, obj: Object, new: Object, sets: list[Object]) -> None:
        wanted = int(spec_of(obj).get("replicas", 1))
        active = [each for each in sets if name_of(each) != name_of(new) and _replicas(each)]
        if at(obj, "spec", "strategy", "type") == "Recreate":
            self._recreate(obj, new, active, wanted)
            return
        surge, unavailable = _bounds(obj, wanted)
        total = sum(_replicas(each) for each in [new, *active])
        room = wanted + surge - total
        if _replicas(new) > wanted:
            self._scale(obj, new, wanted)
        elif _replicas(new) < wanted and room > 0:
            new = self._scale(obj, new, min(wanted, _replicas(new) + room))
        self._scale_old(obj, new, active, wanted - unavailable)

    def _recreate(self, obj: Object, new: Object, active: list[Object], wanted: int) -> None:
        for each in active:
            self._scale(obj, each, 0)
        if not any(status_of(each).get("replicas") for each in active):
            self._scale(obj, new, wanted)

    def _scale_old(self, obj: Object, new: Object, active: list[Object], least: int) -> None:
        """Take old pods away: the unhealthy first, then as many as `least` available ones allow."""
        unready = _replicas(new) - _available(new)
        total = sum(_replicas(each) for each in [new, *active])
        spare = total - least - unready
        for only_broken in (True, False):
            for each in active:
                current = self.store.get(kinds.REPLICA_SET, namespace_of(each), name_of(each))
                have = _replicas(current)
                broken = have - _available(current)
                cut = min(broken if only_broken else have, max(0, spare))
                if cut > 0:
                    self._scale(obj, current, have - cut)
                    spare -= cut

    def _scale(self, obj: Object, target: Object, replicas: int) -> Object:
        before = _replicas(target)
        if before == replicas:
            return target
        changed = copy_of(target)
        changed["spec"]["replicas"] = replicas
        wanted = int(spec_of(obj).get("replicas", 1))
        surge, _ = _bounds(obj, wanted)
        changed["metadata"].setdefault("annotations", {}).update(
            {_DESIRED: str(wanted), _MAXIMUM: str(wanted + surge)}
        )
        result = self.cluster.registry.update(kinds.REPLICA_SET, changed)
        direction = "up" if replicas > before else "down"
        text = f"Scaled {direction} replica set {name_of(target)} from {before} to {replicas}"
        self.events.normal(obj, _COMPONENT, "ScalingReplicaSet", text)
        return result

    def _clean(self, obj: Object, new: Object | None) -> None:
        """Keep no more empty replica sets than the history has room for."""
        sets = self.owned(kinds.REPLICA_SET, obj)
        empty = [
            each
            for each in sets
            if not _replicas(each)
            and not status_of(each).get("replicas")
            and (new is None or name_of(each) != name_of(new))
        ]
        limit = int(spec_of(obj).get("revisionHistoryLimit", 10))
        empty.sort(key=lambda each: int(annotations_of(each).get(REVISION, "0")))
        for each in empty[: max(0, len(empty) - limit)]:
            self.store.delete(kinds.REPLICA_SET, namespace_of(each), name_of(each))

    # --- status ---

    def _report(self, obj: Object, new: Object | None) -> None:
        obj = self.store.get(self.kind, namespace_of(obj), name_of(obj))
        sets = self.owned(kinds.REPLICA_SET, obj)
        wanted = int(spec_of(obj).get("replicas", 1))
        sums = {
            name: sum(status_of(each).get(name, 0) for each in sets)
            for name in ("replicas", "readyReplicas", "availableReplicas")
        }
        fresh = next((s for s in sets if new is not None and name_of(s) == name_of(new)), None)
        updated = status_of(fresh).get("replicas", 0) if fresh else 0
        total = sum(_replicas(each) for each in sets)
        sums["updatedReplicas"] = updated
        sums["unavailableReplicas"] = max(0, total - sums["availableReplicas"])
        status: Object = {key: value for key, value in sums.items() if value}
        status["observedGeneration"] = meta(obj).get("generation", 1)
        status["conditions"] = copy_of(status_of(obj).get("conditions") or [])
        _, unavailable = _bounds(obj, wanted)
        self._available(status, sums["availableReplicas"] >= wanted - unavailable)
        if fresh is not None and status_of(fresh).get("conditions"):
            failure = status_of(fresh)["conditions"][0]
            fields = {key: failure[key] for key in ("type", "status", "reason", "message")}
            set_condition(status, clock.stamp(), **fields)
        else:
            status["conditions"] = [
                each for each in status["conditions"] if each["type"] != "ReplicaFailure"
            ]
        complete = updated == wanted == sums["availableReplicas"] and sums["replicas"] == wanted
        self._progress(obj, status, fresh, complete=complete)
        self.set_status(obj, status)

    def _available(self, status: Object, enough: bool) -> None:  # noqa: FBT001
        said = "Deployment has minimum availability."
        lacks = "Deployment does not have minimum availability."
        now = clock.stamp()
        set_condition(
            status,
            now,
            type="Available",
            status="True" if enough else "False",
            reason="MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
            message=said if enough else lacks,
            lastUpdateTime=_updated(status, "Available", now),
        )

    def _progress(
        self, obj: Object, status: Object, fresh: Object | None, *, complete: bool
    ) -> None:
        now = clock.now()
        fields = {"type": "Progressing", "status": "True"}
        name = name_of(fresh) if fresh else ""
        said = at(status, "conditions", default=[])
        before: Object = next((each for each in said if each["type"] == "Progressing"), {})
        told = before.get("message", "")
        if spec_of(obj).get("paused"):
            fields |= {"status": "Unknown", "reason": "DeploymentPaused"}
            fields["message"] = "Deployment is paused"
        elif complete:
            fields["reason"] = "NewReplicaSetAvailable"
            fields["message"] = f'ReplicaSet "{name}" has successfully progressed.'
        elif f'"{name}"' in told and before.get("reason") == "ProgressDeadlineExceeded":
            return
        elif self._is_late(obj, before, status, name):
            fields |= {"status": "False", "reason": "ProgressDeadlineExceeded"}
            fields["message"] = f'ReplicaSet "{name}" has timed out progressing.'
        else:
            fields["reason"] = "ReplicaSetUpdated"
            fields["message"] = f'ReplicaSet "{name}" is progressing.'
        moved = _progressed(status, status_of(obj), before, fields)
        fields["lastUpdateTime"] = clock.micro_stamp(now) if moved else before["lastUpdateTime"]
        fields["lastUpdateTime"] = fields["lastUpdateTime"][:19] + "Z"
        set_condition(status, clock.stamp(now), **fields)
        if not complete and fields["reason"] == "ReplicaSetUpdated":
            self.again(obj, self._deadline(obj))

    def _is_late(self, obj: Object, before: Object, status: Object, name: str) -> bool:
        if before.get("reason") != "ReplicaSetUpdated" or f'"{name}"' not in before["message"]:
            self._since(obj, name, reset=True)
            return False
        counted = ("updatedReplicas", "readyReplicas", "availableReplicas")
        old = status_of(obj)
        if any(status.get(key, 0) > old.get(key, 0) for key in counted):
            self._since(obj, name, reset=True)
            return False
        return clock.now() - self._since(obj, name) >= self._deadline(obj) * 0.99

    def _since(self, obj: Object, name: str, *, reset: bool = False) -> float:
        """When the rollout to replica set `name` last got further."""
        key = (meta(obj)["uid"], name)
        if reset or key not in self._moments:
            self._moments[key] = clock.now()
        return self._moments[key]

    def _deadline(self, obj: Object) -> float:
        seconds = float(spec_of(obj).get("progressDeadlineSeconds", 600))
        return seconds * DEADLINE_SHARE * self.pace_s


def _progressed(status: Object, old: Object, before: Object, fields: Object) -> bool:
    if not before or before.get("reason") != fields.get("reason"):
        return True
    counted = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    return any(status.get(key, 0) != old.get(key, 0) for key in counted)


def _updated(status: Object, kind: str, now: str) -> str:
    before = next((c for c in status["conditions"] if c["type"] == kind), None)
    return str(before.get("lastUpdateTime", now)) if before else now


def _plain(template: Object) -> Object:
    """A template without the label that its replica set adds."""
    metadata = dict(template.get("metadata") or {})
    labels = {key: val for key, val in (metadata.get("labels") or {}).items() if key != HASH}
    metadata["labels"] = labels
    metadata.pop("creationTimestamp", None)
    return {
        "metadata": {key: val for key, val in metadata.items() if val},
        "spec": template["spec"],
    }


def _annotations(obj: Object, revision: int) -> dict[str, str]:
    kept = {
        key: val
        for key, val in annotations_of(obj).items()
        if key not in _NOT_COPIED and not key.startswith(_OURS)
    }
    return kept | {REVISION: str(revision)}


def _last_revision(sets: list[Object]) -> int:
    return max((int(annotations_of(each).get(REVISION, "0")) for each in sets), default=0)


def _replicas(replica_set: Object) -> int:
    return int(spec_of(replica_set).get("replicas", 0))


def _available(replica_set: Object) -> int:
    return int(status_of(replica_set).get("availableReplicas", 0))


def _bounds(obj: Object, wanted: int) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) in pods; at least one of them is not 0."""
    rolling = at(obj, "spec", "strategy", "rollingUpdate", default={})
    if at(obj, "spec", "strategy", "type") == "Recreate":
        return 0, wanted
    surge = portion(rolling.get("maxSurge", "25%"), wanted, up=True)
    unavailable = portion(rolling.get("maxUnavailable", "25%"), wanted, up=False)
    return surge, unavailable or (0 if surge else 1)
