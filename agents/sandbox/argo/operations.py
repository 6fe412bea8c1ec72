"""Sync operations: from `.operation` to `.status.operationState`, step by step.

An operation runs in groups: PreSync, Sync, PostSync, and within them the waves. A group is over
when its hooks have completed and, if another one follows, its resources are healthy.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from agents.sandbox import clock, kinds
from agents.sandbox.argo import health
from agents.sandbox.argo.resources import (
    HOOK,
    OPTIONS,
    Pair,
    applied,
    find,
    id_of,
    is_hook,
    order_of,
    wave_of,
)
from agents.sandbox.cluster import Cluster
from agents.sandbox.deletion import Deleting, delete
from agents.sandbox.errors import ApiError
from agents.sandbox.kinds import Kind
from agents.sandbox.objects import (
    Object,
    annotations_of,
    at,
    copy_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)

DONE = ("Succeeded", "Failed", "Error")
SUCCESS = "successfully synced (all tasks run)"
_PHASES = ("PreSync", "Sync", "PostSync")
_HOOK_POLICY = "argocd.argoproj.io/hook-delete-policy"
_NO_KIND = (
    "The Kubernetes API could not find {0} for requested resource {1}/{2}. Make sure the"
    ' "{3}" CRD is installed on the destination cluster.'
)


class Failed(Exception):
    """The operation is over; the text is its message."""


@dataclass(slots=True)
class Task:
    """One resource of an operation. `target` None is a prune."""

    phase: str
    pair: Pair
    target: Object | None
    done: bool = False

    @property
    def wave(self) -> int:
        return wave_of(self.target) if self.target else 0

    @property
    def is_hook(self) -> bool:
        return self.target is not None and is_hook(self.target)


@dataclass(slots=True)
class Running:
    """What is remembered of an operation between its steps."""

    groups: list[list[Task]] = field(default_factory=list)
    results: dict[tuple[str, str, str, str], Object] = field(default_factory=dict)
    asked: bool = False  # of Git, what is to be deployed
    answered: bool = False
    begun: bool = False


def begin(app: Object) -> Object:
    """The state of an operation that starts now."""
    return {
        "operation": app["operation"],
        "phase": "Running",
        "startedAt": clock.stamp(),
        "retryCount": 0,
        "message": "",
    }


def plan(running: Running, app: Object, targets: list[Object], pairs: list[Pair]) -> None:
    """Give the operation its tasks, in groups."""
    sync = at(app, "operation", "sync", default={})
    chosen = sync.get("resources") or []
    known = {pair.id: pair for pair in pairs}
    tasks = []
    for target in targets:
        pair = known.get(id_of(target)) or Pair(
            id=id_of(target), version="", target=target, live=None, synced=False
        )
        phases = _phases_of(target)
        tasks += [
            Task(phase=phase, pair=pair, target=target)
            for phase in phases
            if _is_chosen(pair, chosen, hook=is_hook(target)) and _is_wanted(pair, sync, app)
        ]
    tasks += [
        Task(phase="Sync", pair=pair, target=None)
        for pair in pairs
        if pair.needs_prune and _is_chosen(pair, chosen, hook=False)
    ]
    tasks.sort(key=lambda t: (_PHASES.index(t.phase), t.wave, t.target is None, _order(t)))
    grouped = itertools.groupby(tasks, key=lambda t: (t.phase, t.wave))
    running.groups = [list(group) for _, group in grouped]
    running.begun = True


def _phases_of(target: Object) -> list[str]:
    if not is_hook(target):
        return ["Sync"]
    named = [each.strip() for each in annotations_of(target)[HOOK].split(",")]
    return [each for each in named if each in _PHASES]


def _order(task: Task) -> tuple[int, int, str]:
    return order_of(task.pair.any)


def _is_chosen(pair: Pair, chosen: list[Object], *, hook: bool) -> bool:
    if not chosen:
        return True
    group, kind, namespace, name = pair.id
    return not hook and any(
        each.get("kind") == kind
        and each.get("name") == name
        and each.get("group", "") == group
        and each.get("namespace") in (None, "", namespace)
        for each in chosen
    )


def _is_wanted(pair: Pair, sync: Object, app: Object) -> bool:
    """Everything, unless ApplyOutOfSyncOnly leaves out what is as Git wants it."""
    return not (pair.synced and "ApplyOutOfSyncOnly=true" in options(app, sync))


def options(app: Object, sync: Object) -> list[str]:
    own = at(spec_of(app), "syncPolicy", "syncOptions", default=[])
    return [*own, *(sync.get("syncOptions") or [])]


class Operations:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def validate(self, app: Object, running: Running) -> None:
        """Try everything without doing it. Raises Failed."""
        tasks = [task for group in running.groups for task in group if task.target]
        made = {id_of(t.target)[3] for t in tasks if t.target and t.target["kind"] == "Namespace"}
        if self._creates_namespace(app):
            made.add(str(at(app, "spec", "destination", "namespace", default="")))
        problems = []
        for task in tasks:
            target = task.target or {}
            problem = self._problem(target, made)
            if problem:
                problems.append(problem)
                self._result(running, task, "SyncFailed", problem)
        unknown = [text for text in problems if text.startswith("The Kubernetes API could not")]
        if unknown:
            raise Failed("one or more synchronization tasks are not valid")
        if problems:
            listed = ",".join(dict.fromkeys(problems))
            raise Failed(f"one or more objects failed to apply (dry run), reason: {listed}")

    def _problem(self, target: Object, made: set[str]) -> str:
        kind = self.cluster.kinds.of(target)
        namespace, name = namespace_of(target), name_of(target)
        if kind is None:
            group, word, _, _ = id_of(target)
            return _NO_KIND.format(f"{group}/{word}".lstrip("/"), namespace, name, word)
        known = self.cluster.store.find(kinds.NAMESPACE, "", namespace) is not None
        try:
            if (not known and namespace in made) or is_hook(target):
                self.cluster.registry.check(kind, target)
                return ""
            applied(self.cluster, kind, target, dry_run=True)
        except ApiError as error:
            return error.message
        except (KeyError, TypeError, AttributeError) as error:
            return f"{kind.kind} {name} cannot be read: {error}"
        return ""

    def step(self, app: Object, running: Running) -> bool:
        """Go on with the first group that is not over; whether all are. Raises Failed."""
        sync = at(app, "operation", "sync", default={})
        if self._creates_namespace(app) and not sync.get("dryRun"):
            self._namespace(str(at(app, "spec", "destination", "namespace", default="")))
        for number, group in enumerate(running.groups):
            for task in group:
                if not task.done:
                    self._do(app, running, task)
                    task.done = True
            self._raise_failures(running)
            if sync.get("dryRun"):
                continue
            if not self._is_over(running, group, last=number == len(running.groups) - 1):
                return False
        return True

    def _creates_namespace(self, app: Object) -> bool:
        sync = at(app, "operation", "sync", default={})
        return "CreateNamespace=true" in options(app, sync)

    def _namespace(self, name: str) -> None:
        if name and self.cluster.store.find(kinds.NAMESPACE, "", name) is None:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            self.cluster.registry.create(kinds.NAMESPACE, body)

    # --- one task ---

    def _do(self, app: Object, running: Running, task: Task) -> None:
        sync = at(app, "operation", "sync", default={})
        dry = bool(sync.get("dryRun"))
        if task.target is None:
            self._prune(running, task, prune=bool(sync.get("prune")), dry=dry)
            return
        kind = self.cluster.kinds.of(task.target)
        if kind is None:
            self._result(running, task, "SyncFailed", "unknown kind")
            return
        try:
            if task.is_hook and not dry:
                self._replace_hook(kind, task.target)
            verb = applied(self.cluster, kind, task.target, dry_run=dry)
        except ApiError as error:
            self._result(running, task, "SyncFailed", error.message)
            return
        shown = f"{kind.singular}.{kind.group}" if kind.group else kind.singular
        said = f"{shown}/{name_of(task.target)} {verb}" + (" (dry run)" if dry else "")
        self._result(running, task, "Synced", said)

    def _prune(self, running: Running, task: Task, *, prune: bool, dry: bool) -> None:
        live = task.pair.live or {}
        kept = "Prune=false" in annotations_of(live).get(OPTIONS, "")
        if not prune or kept:
            said = "ignored (no prune)" if kept else "ignored (requires pruning)"
            self._result(running, task, "PruneSkipped", said)
            return
        kind = self.cluster.kinds.of(live)
        if kind is not None and not dry and find(self.cluster, live) is not None:
            delete(self.cluster, kind, namespace_of(live), name_of(live), Deleting())
        self._result(running, task, "Pruned", "pruned" + (" (dry run)" if dry else ""))

    def _replace_hook(self, kind: Kind, target: Object) -> None:
        policy = annotations_of(target).get(_HOOK_POLICY, "BeforeHookCreation")
        if "BeforeHookCreation" in policy and find(self.cluster, target) is not None:
            delete(self.cluster, kind, namespace_of(target), name_of(target))

    def _result(self, running: Running, task: Task, status: str, message: str) -> None:
        group, kind, namespace, name = task.pair.id
        body: Object = {
            "group": group,
            "version": task.pair.version or str(at(task.target, "apiVersion", default="v1")),
            "kind": kind,
            "namespace": namespace,
            "name": name,
            "message": message,
            "syncPhase": task.phase,
        }
        body["version"] = body["version"].rpartition("/")[2]
        if task.is_hook:
            body |= {"hookType": task.phase, "hookPhase": "Running"}
        else:
            body |= {"status": status, "hookPhase": "Running"}
        if status == "SyncFailed":
            body |= {"status": status, "hookPhase": "Failed"}
        elif status in ("PruneSkipped", "Pruned"):
            body["hookPhase"] = "Succeeded"
        running.results[task.pair.id] = body

    def _raise_failures(self, running: Running) -> None:
        failed = [r["message"] for r in running.results.values() if r.get("status") == "SyncFailed"]
        if failed:
            listed = ",".join(dict.fromkeys(failed))
            raise Failed(f"one or more objects failed to apply, reason: {listed}")

    # --- waiting ---

    def _is_over(self, running: Running, group: list[Task], *, last: bool) -> bool:
        over = True
        for task in group:
            if task.target is None:
                continue
            live = find(self.cluster, task.target)
            found = health.of(live) if live is not None else health.HEALTHY
            state, message = found or health.HEALTHY
            result = running.results[task.pair.id]
            if task.is_hook and state == "Degraded":
                result |= {"hookPhase": "Failed", "message": message}
                raise Failed("one or more synchronization tasks completed unsuccessfully")
            if state == "Degraded" and not last:
                result |= {"hookPhase": "Failed", "message": message}
                raise Failed("one or more synchronization tasks completed unsuccessfully")
            if state in ("Healthy", "Suspended"):
                result["hookPhase"] = "Succeeded" if task.is_hook else "Running"
                self._clean_hook(task)
            elif task.is_hook or not last:
                over = False
        return over

    def _clean_hook(self, task: Task) -> None:
        target = task.target
        if target is None or not task.is_hook:
            return
        policy = annotations_of(target).get(_HOOK_POLICY, "")
        kind = self.cluster.kinds.of(target)
        if "HookSucceeded" in policy and kind and find(self.cluster, target) is not None:
            delete(self.cluster, kind, namespace_of(target), name_of(target))


def finished(
    state: Object, *, phase: str, message: str, running: Running, revision: str, source: Object
) -> Object:
    """The operation's state at its end."""
    results = [copy_of(each) for each in running.results.values()]
    if phase == "Succeeded":
        for each in results:
            each["hookPhase"] = "Succeeded" if "hookType" in each else each["hookPhase"]
    return {
        **state,
        "phase": phase,
        "message": message,
        "finishedAt": clock.stamp(),
        "syncResult": {"resources": results, "revision": revision, "source": source},
    }


def history(app: Object, state: Object) -> list[Object]:
    """The deployments so far with this one behind them; whole syncs that succeeded count."""
    sync = at(state, "operation", "sync", default={})
    before: list[Object] = status_of(app).get("history") or []
    if state["phase"] != "Succeeded" or sync.get("dryRun") or sync.get("resources"):
        return before
    entry = {
        "id": 1 + max((each["id"] for each in before), default=-1),
        "revision": state["syncResult"]["revision"],
        "source": state["syncResult"]["source"],
        "deployStartedAt": state["startedAt"],
        "deployedAt": state["finishedAt"],
        "initiatedBy": at(state, "operation", "initiatedBy", default={}),
    }
    limit = int(spec_of(app).get("revisionHistoryLimit", 10))
    return [*before, entry][-limit:] if limit else []
