"""What the Argo CD API does to an application: sync, rollback, patch, delete."""

from __future__ import annotations

import json
from typing import Any

from agents.sandbox import clock, kinds, patch
from agents.sandbox.argo.failures import (
    EXISTS,
    INVALID,
    PRECONDITION,
    ArgoError,
    denied,
    not_found,
)
from agents.sandbox.argo.resources import FINALIZER
from agents.sandbox.argo.spec import project_of, source_of
from agents.sandbox.argo.windows import allows
from agents.sandbox.cluster import Cluster
from agents.sandbox.controllers.jobs import following
from agents.sandbox.deletion import delete
from agents.sandbox.objects import Object, at, copy_of, name_of, namespace_of, spec_of, status_of

NAMESPACE = "argocd"


class Verbs:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._store = cluster.store

    def find(self, name: str, *, project: str = "", namespace: str = "") -> Object:
        """The application; one that is not there is told from a forbidden one only to those who
        name its project.
        """
        found = self._store.find(kinds.APPLICATION, namespace or NAMESPACE, name)
        if found is None or (project and project_of(found) != project):
            raise not_found(name) if project else denied()
        return found

    def sync(self, app: Object, body: Object, user: str) -> Object:
        self._may_begin(app)
        automated = at(spec_of(app), "syncPolicy", "automated")
        revision, target = (
            body.get("revision") or "",
            source_of(app).get("targetRevision") or "HEAD",
        )
        if (
            (
                automated is not None
                and automated.get("enabled") is not False
                and not body.get("dryRun")
            )
            and revision
            and revision != target
        ):
            words = f"Cannot sync to {revision}: auto-sync currently set to {target}"
            raise ArgoError(PRECONDITION, words)
        sync: Object = {
            "revision": revision or target,
            "prune": bool(body.get("prune")),
            "dryRun": bool(body.get("dryRun")),
            "syncStrategy": body.get("strategy"),
            "resources": body.get("resources"),
            "syncOptions": at(body, "syncOptions", "items")
            or at(spec_of(app), "syncPolicy", "syncOptions"),
        }
        operation = {
            "sync": {key: value for key, value in sync.items() if value},
            "initiatedBy": {"username": user},
            "info": body.get("infos"),
            "retry": body.get("retryStrategy") or at(spec_of(app), "syncPolicy", "retry"),
        }
        return self._begin(app, operation)

    def rollback(self, app: Object, body: Object, user: str) -> Object:
        if at(spec_of(app), "syncPolicy", "automated") is not None:
            words = "rollback cannot be initiated when auto-sync is enabled"
            raise ArgoError(PRECONDITION, words)
        self._may_begin(app)
        history: list[Object] = status_of(app).get("history") or []
        wanted = int(body.get("id") or 0)
        entry = next((each for each in history if each["id"] == wanted), None)
        if entry is None:
            words = f"application {name_of(app)} does not have deployment with id {wanted}"
            raise ArgoError(INVALID, words)
        sync = {
            "revision": entry["revision"],
            "source": entry["source"],
            "prune": bool(body.get("prune")),
            "dryRun": bool(body.get("dryRun")),
            "syncStrategy": {"apply": {}},
            "syncOptions": at(spec_of(app), "syncPolicy", "syncOptions"),
        }
        operation = {
            "sync": {key: value for key, value in sync.items() if value},
            "initiatedBy": {"username": user},
        }
        return self._begin(app, operation)

    def _may_begin(self, app: Object) -> None:
        project = self._store.find(kinds.PROJECT, namespace_of(app), project_of(app))
        if not allows(app, project, clock.now(), following, manual=True):
            raise denied("cannot sync: blocked by sync window")
        if app["metadata"].get("deletionTimestamp"):
            raise ArgoError(PRECONDITION, "application is deleting")
        if app.get("operation"):
            raise ArgoError(PRECONDITION, "another operation is already in progress")

    def _begin(self, app: Object, operation: Object) -> Object:
        kept = {key: value for key, value in operation.items() if value}
        status = {k: v for k, v in status_of(app).items() if k != "operationState"}
        changed = {**app, "operation": kept, "status": status}
        return self._store.update(kinds.APPLICATION, changed)

    def terminate(self, app: Object) -> None:
        state = at(status_of(app), "operationState", default={})
        if not app.get("operation") or state.get("finishedAt"):
            words = "Unable to terminate operation. No operation is in progress"
            raise ArgoError(INVALID, words)
        status = {**status_of(app), "operationState": {**state, "phase": "Terminating"}}
        self._store.update(kinds.APPLICATION, {**app, "status": status})

    def patch(self, app: Object, body: Object) -> Object:
        """`patch` is JSON in a text, `patchType` merge or json."""
        try:
            given: Any = json.loads(body.get("patch") or "")
            kind = body.get("patchType") or "json"
            apply = patch.json_patch if kind == "json" else patch.merge
            changed = apply(app, given)
        except (ValueError, TypeError) as error:
            raise ArgoError(INVALID, f"error decoding patch: {error}") from None
        return self.replace(app, changed)

    def replace(self, app: Object, body: Object) -> Object:
        """Only spec, labels, annotations and finalizers are taken, as Argo CD does."""
        if not isinstance(body.get("spec"), dict):
            raise ArgoError(INVALID, "application spec is invalid: spec is required")
        changed = copy_of(app)
        changed["spec"] = body["spec"]
        for key in ("labels", "annotations", "finalizers"):
            value = at(body, "metadata", key)
            changed["metadata"].pop(key, None)
            if value:
                changed["metadata"][key] = value
        if not source_of(changed).get("repoURL"):
            words = "application spec for {0} is invalid: InvalidSpecError: spec.source.repoURL and"
            words += " either spec.source.path or spec.source.chart are required"
            raise ArgoError(INVALID, words.format(name_of(app)))
        return self._cluster.registry.update(kinds.APPLICATION, changed)

    def create(self, body: Object, *, upsert: bool) -> Object:
        name = str(at(body, "metadata", "name", default=""))
        namespace = str(at(body, "metadata", "namespace", default="") or NAMESPACE)
        found = self._store.find(kinds.APPLICATION, namespace, name)
        if found is not None:
            if found.get("spec") == body.get("spec"):
                return found
            if not upsert:
                words = "existing application spec is different, use upsert flag to force update"
                raise ArgoError(INVALID if name else EXISTS, words)
            return self.replace(found, body)
        metadata = {**(body.get("metadata") or {}), "namespace": namespace}
        obj = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": metadata,
            "spec": body.get("spec") or {},
        }
        return self._cluster.registry.create(kinds.APPLICATION, obj)

    def delete(self, app: Object, *, cascade: bool) -> None:
        changed = copy_of(app)
        others = [
            each
            for each in changed["metadata"].get("finalizers") or []
            if not each.startswith(FINALIZER)
        ]
        changed["metadata"]["finalizers"] = [*others, *([FINALIZER] if cascade else [])]
        self._store.update(kinds.APPLICATION, changed)
        delete(self._cluster, kinds.APPLICATION, namespace_of(app), name_of(app))

    def refresh(self, app: Object, how: str) -> Object:
        changed = copy_of(app)
        annotations = changed["metadata"].setdefault("annotations", {})
        annotations["argocd.argoproj.io/refresh"] = how
        return self._store.update(kinds.APPLICATION, changed)
