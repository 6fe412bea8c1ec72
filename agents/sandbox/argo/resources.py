"""The resources of an application: what Git wants beside what the cluster has."""

from __future__ import annotations

import json
from dataclasses import dataclass

from agents.sandbox.argo import diffing, health
from agents.sandbox.cluster import Cluster
from agents.sandbox.kinds import Kind
from agents.sandbox.objects import (
    Object,
    annotations_of,
    at,
    copy_of,
    meta,
    name_of,
    namespace_of,
    owner_of,
    spec_of,
)
from agents.sandbox.registry import Writing

HOOK = "argocd.argoproj.io/hook"
WAVE = "argocd.argoproj.io/sync-wave"
OPTIONS = "argocd.argoproj.io/sync-options"
FINALIZER = "resources-finalizer.argocd.argoproj.io"
# The order in which kinds are applied within a wave.
_KINDS = (
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SealedSecret",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "Ingress",
)

Id = tuple[str, str, str, str]  # group, kind, namespace, name


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A resource as Git wants it and as it is; one of them may be None."""

    id: Id
    version: str
    target: Object | None
    live: Object | None
    synced: bool
    ignored: bool = False  # compare-options: IgnoreExtraneous

    @property
    def any(self) -> Object:
        found = self.target or self.live
        return found if found is not None else {}

    @property
    def needs_prune(self) -> bool:
        return self.target is None and not self.ignored

    def health(self) -> health.Health | None:
        if self.live is None:
            return ("Missing", "")
        return health.of(self.live)


def id_of(obj: Object) -> Id:
    group = str(obj.get("apiVersion", "")).rpartition("/")[0]
    return (group, str(obj.get("kind", "")), namespace_of(obj), name_of(obj))


def tracking_id(app: Object, obj: Object) -> str:
    group, kind, namespace, name = id_of(obj)
    return f"{name_of(app)}:{group}/{kind}:{namespace}/{name}"


def is_hook(obj: Object) -> bool:
    return HOOK in annotations_of(obj)


def wave_of(obj: Object) -> int:
    text = annotations_of(obj).get(WAVE, "0")
    return int(text) if text.lstrip("-").isdigit() else 0


def order_of(obj: Object) -> tuple[int, int, str]:
    kind = str(obj.get("kind"))
    place = _KINDS.index(kind) if kind in _KINDS else len(_KINDS)
    return (wave_of(obj), place, name_of(obj))


def placed(cluster: Cluster, app: Object, objects: list[Object]) -> list[Object]:
    """The targets with the destination's namespace and the mark of the application."""
    default = str(at(spec_of(app), "destination", "namespace", default="") or "default")
    result = []
    for obj in objects:
        target = copy_of(obj)
        metadata = target.setdefault("metadata", {})
        kind = cluster.kinds.of(target)
        if kind is not None and kind.namespaced:
            metadata["namespace"] = metadata.get("namespace") or default
        elif kind is not None:
            metadata.pop("namespace", None)
        metadata.setdefault("annotations", {})[diffing.TRACKING] = tracking_id(app, target)
        result.append(target)
    return result


def tracked(cluster: Cluster, app: Object) -> list[Object]:
    """Live objects that say they belong to the application."""
    prefix = f"{name_of(app)}:"
    found = []
    for obj in cluster.store.everything():
        said = annotations_of(obj).get(diffing.TRACKING, "")
        if said == tracking_id(app, obj) and said.startswith(prefix) and owner_of(obj) is None:
            found.append(obj)
    return found


def compared(cluster: Cluster, app: Object, targets: list[Object]) -> list[Pair]:
    """Every resource of the application, hooks left out, in the order of their names."""
    rules = spec_of(app).get("ignoreDifferences") or []
    pairs = {}
    for target in targets:
        if is_hook(target):
            continue
        live = find(cluster, target)
        kind = cluster.kinds.of(target)
        custom = kind is None or kind.custom
        synced = live is not None and diffing.is_synced(live, target, rules, custom=custom)
        pairs[id_of(target)] = Pair(
            id=id_of(target), version=_version(target), target=target, live=live, synced=synced
        )
    for live in tracked(cluster, app):
        if id_of(live) not in pairs and not is_hook(live):
            ignored = "IgnoreExtraneous" in annotations_of(live).get(diffing.IGNORE, "")
            pairs[id_of(live)] = Pair(
                id=id_of(live),
                version=_version(live),
                target=None,
                live=live,
                synced=ignored,
                ignored=ignored,
            )
    return [pairs[key] for key in sorted(pairs)]


def find(cluster: Cluster, target: Object) -> Object | None:
    kind = cluster.kinds.of(target)
    return cluster.store.find(kind, namespace_of(target), name_of(target)) if kind else None


def _version(obj: Object) -> str:
    return str(obj.get("apiVersion", "")).rpartition("/")[2]


def applied(cluster: Cluster, kind: Kind, target: Object, *, dry_run: bool) -> str:
    """Apply a target as `kubectl apply` does; created, configured or unchanged."""
    how = Writing(manager="argocd-controller", dry_run=dry_run)
    obj = copy_of(target)
    annotations = obj["metadata"].setdefault("annotations", {})
    annotations[diffing.LAST_APPLIED] = json.dumps(_original(target), sort_keys=True)
    live = find(cluster, target)
    if live is None:
        cluster.registry.create(kind, obj, how)
        return "created"
    result = diffing.predicted(live, target, custom=kind.custom)
    kept = {k: v for k, v in meta(live).items() if k not in ("labels", "annotations")}
    marks = {k: v for k, v in annotations_of(live).items() if k.startswith("deployment.kubern")}
    metadata = {**kept, **meta(result)}
    metadata["annotations"] = {
        **marks,
        **(meta(result).get("annotations") or {}),
        diffing.LAST_APPLIED: annotations[diffing.LAST_APPLIED],
        diffing.TRACKING: annotations[diffing.TRACKING],
    }
    body = {**result, "metadata": metadata}
    if "status" in live:
        body["status"] = live["status"]
    after = cluster.registry.update(kind, body, how)
    same = meta(after).get("resourceVersion") == meta(live)["resourceVersion"]
    return "unchanged" if same and not dry_run else "configured"


def _original(target: Object) -> Object:
    body = copy_of(target)
    annotations = body["metadata"].get("annotations") or {}
    annotations.pop(diffing.LAST_APPLIED, None)
    return dict(body)
