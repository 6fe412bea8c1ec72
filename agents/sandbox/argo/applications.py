"""The application controller: compares, reports, synchronises."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from agents.sandbox import clock, kinds
from agents.sandbox.argo import health, operations, permits, rendering, reports, windows
from agents.sandbox.argo.documents import RenderError
from agents.sandbox.argo.fetching import Fetcher, Snapshot
from agents.sandbox.argo.operations import DONE, SUCCESS, Failed, Operations, Running
from agents.sandbox.argo.resources import FINALIZER, Pair, compared, placed, tracked
from agents.sandbox.argo.spec import operation_source, project_of, source_of
from agents.sandbox.cluster import Cluster
from agents.sandbox.controllers.base import Controller, key_of
from agents.sandbox.controllers.jobs import following
from agents.sandbox.deletion import delete
from agents.sandbox.faults import faults
from agents.sandbox.objects import (
    Object,
    annotations_of,
    at,
    copy_of,
    is_deleting,
    meta,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from agents.sandbox.store import Change, Key

REFRESH = "argocd.argoproj.io/refresh"
_COMPONENT = "argocd-application-controller"
_SETTLES = 0.1  # paces between the end of an operation and the comparison after it
_HEALS = 1.0  # paces between two attempts to heal
_BLOCKED = "Sync operation blocked by sync window"
_SYNC_FAULT = (
    'one or more objects failed to apply, reason: admission webhook "policy.sandbox.aura.dev"'
    " denied the request: this application may not be changed"
)


@dataclass(slots=True)
class _Known:
    """What is remembered of an application between two looks."""

    refreshed: bool = False
    asking: bool = False
    running: Running | None = None
    meddled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One comparison of Git with the cluster; `problem` where Git could not be rendered."""

    revision: str = ""
    kind: str = "Directory"
    targets: list[Object] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    problem: str = ""

    @property
    def sync(self) -> str:
        if self.problem:
            return "Unknown"
        return "Synced" if all(pair.synced for pair in self.pairs) else "OutOfSync"


class Applications(Controller):
    kind = kinds.APPLICATION

    def __init__(self, cluster: Cluster, fetcher: Fetcher) -> None:
        super().__init__(cluster)
        self.fetcher = fetcher
        self.operations = Operations(cluster)
        self._known: dict[str, _Known] = {}

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind is kinds.APPLICATION:
            return (key_of(change.obj),)
        if change.kind is kinds.EVENT:
            return ()
        if change.kind is kinds.PROJECT or change.kind.group == "metrics.k8s.io":
            return [key_of(app) for app in self.store.all(kinds.APPLICATION)]
        said = annotations_of(change.obj).get("argocd.argoproj.io/tracking-id", "")
        name = said.partition(":")[0]
        return [key_of(a) for a in self.store.all(kinds.APPLICATION) if name and name_of(a) == name]

    def is_fresh(self, uid: str) -> bool:
        """Whether nothing is asked of Git for this application that is not reported yet."""
        known = self._known.get(uid)
        return known is not None and not known.refreshed and not known.asking

    # --- one look ---

    def look(self, obj: Object) -> None:
        known = self._known.setdefault(uid_of(obj), _Known())
        if is_deleting(obj):
            self._delete(obj)
            return
        problem = self._invalid(obj)
        if problem:
            self._refuse(obj, problem, known)
            return
        source = source_of(obj)
        snapshot = self._snapshot(obj, source, known)
        if snapshot is None:
            return
        state = self.compare(obj, source, snapshot)
        obj = self._report(obj, state, known, condition="ComparisonError")
        self._meddle(obj, state, known)
        if obj.get("operation"):
            self._operate(obj, known)
        else:
            known.running = None
            self._auto_sync(obj, state)

    def _refuse(self, app: Object, problem: str, known: _Known) -> None:
        """An application that cannot be looked at is not waited for either."""
        if REFRESH in annotations_of(app):
            self._unmark(app)
        app = self._report(app, State(problem=problem), known, condition="InvalidSpecError")
        if app.get("operation"):
            status = {**status_of(app), "operationState": operations.begin(app)}
            app = self.store.update(kinds.APPLICATION, {**app, "status": status})
            self._end(app, known, "Error", f"InvalidSpecError: {problem}")

    def _invalid(self, app: Object) -> str:
        project = project_of(app)
        found = self.store.find(kinds.PROJECT, namespace_of(app), project)
        if found is None:
            return f"application '{name_of(app)}' references project {project} which does not exist"
        if not source_of(app).get("repoURL"):
            return (
                "spec.source.repoURL and either spec.source.path or spec.source.chart are required"
            )
        return permits.refusal(app, found)

    def _snapshot(self, app: Object, source: Object, known: _Known) -> Snapshot | None:
        """What Git says, asked again when it is time or somebody wants to know."""
        url, revision = str(source["repoURL"]), str(source.get("targetRevision") or "HEAD")
        found = self.fetcher.known(url, revision)
        wanted = annotations_of(app).get(REFRESH)
        poll = self.cluster.options.poll_s
        if wanted or (self.fetcher.age(url, revision) >= poll and not known.asking):
            if wanted:
                self._unmark(app)
            key = key_of(app)

            known.asking = True

            def then() -> None:
                known.asking = False
                known.refreshed = known.refreshed or bool(wanted) or found is None
                self.cluster.engine.look(self, key)

            self.fetcher.look(url, revision, then)
        self.again(app, poll)
        return None if wanted else found

    def _unmark(self, app: Object) -> None:
        changed = copy_of(app)
        del changed["metadata"]["annotations"][REFRESH]
        if not changed["metadata"]["annotations"]:
            del changed["metadata"]["annotations"]
        self.store.update(kinds.APPLICATION, changed)

    def compare(self, app: Object, source: Object, snapshot: Snapshot) -> State:
        """Git beside the cluster."""
        if snapshot.problem or snapshot.files is None:
            return State(problem=reports.unloadable(snapshot.problem))
        kind = rendering.source_type(snapshot.files, str(source.get("path") or "."))
        try:
            targets = placed(self.cluster, app, rendering.render(snapshot.files, source))
            pairs = compared(self.cluster, app, targets)
        except RenderError as error:
            return State(
                revision=snapshot.commit, kind=kind, problem=reports.unloadable(str(error))
            )
        except (KeyError, TypeError, AttributeError) as error:
            words = f"a manifest has a part of the wrong type: {error}"
            return State(revision=snapshot.commit, kind=kind, problem=reports.unloadable(words))
        return State(revision=snapshot.commit, kind=kind, targets=targets, pairs=pairs)

    # --- status ---

    def _report(self, app: Object, state: State, known: _Known, *, condition: str) -> Object:
        app = self.store.get(kinds.APPLICATION, *key_of(app))
        status = copy_of(status_of(app))
        source = source_of(app)
        status["resources"] = [reports.resource(pair) for pair in state.pairs]
        destination = at(spec_of(app), "destination", default={})
        status["sync"] = {
            "status": state.sync,
            "revision": state.revision,
            "comparedTo": {"source": source, "destination": destination},
        }
        status["health"] = self._health(app, state)
        before = at(status_of(app), "health", default={})
        same = before.get("status") == status["health"]["status"]
        status["health"]["lastTransitionTime"] = (
            before.get("lastTransitionTime") if same else clock.stamp()
        )
        status["sourceType"] = state.kind
        status["summary"] = {"images": reports.images(state.pairs)}
        status["controllerNamespace"] = namespace_of(app)
        reports.set_problem(status, condition, state.problem)
        if status == status_of(app) and not known.refreshed:
            return app
        known.refreshed = False
        status["reconciledAt"] = clock.stamp()
        self._tell(app, status)
        return self.store.update(kinds.APPLICATION, {**app, "status": status})

    def _health(self, app: Object, state: State) -> Object:
        fault = faults.of(app)
        if fault is not None and fault[0] == "degraded":
            return {"status": "Degraded", "message": "degraded by a fault of the sandbox"}
        if state.problem:
            return {"status": at(status_of(app), "health", "status", default="Unknown")}
        found = [pair.health() for pair in state.pairs if not pair.needs_prune]
        return {"status": health.worst(each[0] for each in found if each is not None)}

    def _tell(self, app: Object, status: Object) -> None:
        for part in ("sync", "health"):
            before = at(status_of(app), part, "status", default="")
            after = status[part]["status"]
            if before != after:
                text = f"Updated {part} status: {before} -> {after}"
                self.events.normal(app, _COMPONENT, "ResourceUpdated", text)

    # --- operations ---

    def _operate(self, app: Object, known: _Known) -> None:
        state = at(status_of(app), "operationState", default={})
        if state.get("phase") == "Terminating":
            self._end(app, known, "Failed", "Operation terminated")
            return
        if known.running is None or state.get("finishedAt") or not state:
            known.running = Running()
            self._set_state(app, operations.begin(app))
            self.events.normal(app, _COMPONENT, "OperationStarted", reports.started(app))
            return
        try:
            done = self._advance(app, known, known.running)
        except Failed as error:
            self._failed(app, known, str(error))
            return
        if done:
            sync = at(app, "operation", "sync", default={})
            dry = "successfully synced (dry run)"
            self._end(app, known, "Succeeded", dry if sync.get("dryRun") else SUCCESS)
        elif known.running.begun:
            self.again(app, 0.2 * self.pace_s)

    def _advance(self, app: Object, known: _Known, running: Running) -> bool:
        fault = faults.of(app)
        if fault is not None and fault[0] == "sync-failed":
            raise Failed(_SYNC_FAULT)
        if not running.begun and not self._may_sync(app):
            self._message(app, _BLOCKED)
            self.again(app, self.pace_s)
            return False
        source, revision = operation_source(app)
        if not running.asked:
            running.asked = True
            self._ask(app, running, str(source["repoURL"]), revision)
        if not running.answered:
            return False
        snapshot = self.fetcher.known(str(source["repoURL"]), revision)
        if snapshot is None:
            return False
        if not running.begun:
            state = self.compare(app, source, snapshot)
            if state.problem:
                raise Failed(f"ComparisonError: {state.problem}")
            operations.plan(running, app, state.targets, state.pairs)
            self.operations.validate(app, running)
        return self.operations.step(app, running)

    def _ask(self, app: Object, running: Running, url: str, revision: str) -> None:
        """What Git has now is what is deployed, not what was read for the last comparison."""
        key = key_of(app)

        def then() -> None:
            running.answered = True
            self.cluster.engine.look(self, key)

        self.fetcher.look(url, revision, then)

    def _may_sync(self, app: Object) -> bool:
        manual = not at(app, "operation", "initiatedBy", "automated")
        project = self.store.find(kinds.PROJECT, namespace_of(app), project_of(app))
        return windows.allows(app, project, clock.now(), following, manual=manual)

    def _message(self, app: Object, words: str) -> None:
        state = copy_of(at(status_of(app), "operationState", default={}))
        if state.get("message") != words:
            state["message"] = words
            self._set_state(app, state)

    def _failed(self, app: Object, known: _Known, words: str) -> None:
        """The end, or another attempt where the operation allows one."""
        state = copy_of(at(status_of(app), "operationState", default={}))
        limit = int(at(app, "operation", "retry", "limit", default=0))
        tried = int(state.get("retryCount", 0))
        if limit < 0 or tried < limit:
            state["retryCount"] = tried + 1
            state["message"] = f"{words}. Retrying attempt #{tried + 1}."
            known.running = Running()
            self._set_state(app, state)
            return
        phase = "Error" if words.startswith("ComparisonError") else "Failed"
        suffix = f" (retried {tried} times)." if tried else ""
        self._end(app, known, phase, words + suffix)

    def _end(self, app: Object, known: _Known, phase: str, message: str) -> None:
        app = self.store.get(kinds.APPLICATION, *key_of(app))
        source, revision = operation_source(app)
        snapshot = self.fetcher.known(str(source.get("repoURL", "")), revision)
        state = operations.finished(
            at(status_of(app), "operationState", default={}),
            phase=phase,
            message=message,
            running=known.running or Running(),
            revision=snapshot.commit if snapshot and snapshot.commit else revision,
            source=source,
        )
        status = {**status_of(app), "operationState": state}
        status["history"] = operations.history(app, state)
        changed = {key: value for key, value in app.items() if key != "operation"}
        known.running, known.refreshed = None, True
        self.store.update(kinds.APPLICATION, {**changed, "status": status})
        self._tell_end(app, state)
        self.again(app, _SETTLES * self.pace_s)

    def _tell_end(self, app: Object, state: Object) -> None:
        revision = state["syncResult"]["revision"]
        if state["phase"] == "Succeeded":
            text = f"Sync operation to {revision} succeeded"
            self.events.normal(app, _COMPONENT, "OperationCompleted", text)
        else:
            text = f"Sync operation to {revision} failed: {state['message']}"
            self.events.warning(app, _COMPONENT, "OperationCompleted", text)

    def _set_state(self, app: Object, state: Object) -> None:
        status = {**status_of(app), "operationState": state}
        self.store.update(kinds.APPLICATION, {**app, "status": status})

    # --- auto-sync ---

    def _auto_sync(self, app: Object, state: State) -> None:
        policy = at(spec_of(app), "syncPolicy", "automated")
        if policy is None or policy.get("enabled") is False or state.sync != "OutOfSync":
            return
        if not policy.get("prune") and all(p.synced or p.needs_prune for p in state.pairs):
            return
        if not state.targets and not policy.get("allowEmpty"):
            words = (
                f"Skipping sync attempt to {state.revision}: auto-sync will wipe out all resources"
            )
            self._sync_error(app, words)
            return
        last = at(status_of(app), "operationState", default={})
        if at(last, "syncResult", "revision") == state.revision and last.get("phase") in DONE:
            if last["phase"] != "Succeeded":
                words = f"Failed last sync attempt to [{state.revision}]: {last.get('message')}"
                self._sync_error(app, words)
                return
            left = clock.seconds_of(last["finishedAt"]) + _HEALS * self.pace_s - clock.now()
            if not policy.get("selfHeal"):
                return
            if left > 0:
                self.again(app, left)
                return
        self._start_auto_sync(app, state, policy)

    def _start_auto_sync(self, app: Object, state: State, policy: Object) -> None:
        sync: Object = {"revision": state.revision}
        if policy.get("prune"):
            sync["prune"] = True
        operation: Object = {"sync": sync, "initiatedBy": {"automated": True}}
        retry = at(spec_of(app), "syncPolicy", "retry")
        if retry:
            operation["retry"] = retry
        trial = {**app, "operation": operation}
        if not self._may_sync(trial):
            self.again(app, self.pace_s)
            return
        current = self.store.get(kinds.APPLICATION, *key_of(app))
        status = dict(status_of(current))
        status["conditions"] = [
            c for c in status.get("conditions") or [] if c["type"] != "SyncError"
        ]
        if not status["conditions"]:
            del status["conditions"]
        self.store.update(kinds.APPLICATION, {**current, "operation": operation, "status": status})

    def _sync_error(self, app: Object, words: str) -> None:
        current = self.store.get(kinds.APPLICATION, *key_of(app))
        conditions = list(status_of(current).get("conditions") or [])
        if any(each["type"] == "SyncError" and each["message"] == words for each in conditions):
            return
        kept = [each for each in conditions if each["type"] != "SyncError"]
        kept.append({"type": "SyncError", "message": words, "lastTransitionTime": clock.stamp()})
        status = {**status_of(current), "conditions": kept}
        self.store.update(kinds.APPLICATION, {**current, "status": status})

    # --- the rest ---

    def _meddle(self, app: Object, state: State, known: _Known) -> None:
        """The fault out-of-sync: somebody scales a deployment, or edits a ConfigMap, by hand."""
        fault = faults.of(app)
        if fault is None or fault[0] != "out-of-sync":
            known.meddled = False
            return
        if known.meddled:
            return
        for pair in state.pairs:
            kind = self.cluster.kinds.of(pair.any)
            if pair.live is None or kind not in (kinds.DEPLOYMENT, kinds.CONFIG_MAP):
                continue
            changed = copy_of(pair.live)
            if kind is kinds.DEPLOYMENT:
                changed["spec"]["replicas"] = int(changed["spec"].get("replicas", 1)) + 1
            else:
                changed["data"] = dict.fromkeys(changed.get("data") or {}, "edited by hand")
            known.meddled = True
            self.cluster.registry.update(kind, changed)
            return

    def _delete(self, app: Object) -> None:
        """With the resources finalizer everything the application owns goes first."""
        finalizers = meta(app).get("finalizers") or []
        mine = [each for each in finalizers if each.startswith(FINALIZER)]
        if not mine:
            return
        left = tracked(self.cluster, app)
        for obj in left:
            kind = self.cluster.kinds.of(obj)
            if kind is not None and not is_deleting(obj):
                delete(self.cluster, kind, namespace_of(obj), name_of(obj))
        if tracked(self.cluster, app):
            self.again(app, 0.2 * self.pace_s)
            return
        changed = copy_of(app)
        changed["metadata"]["finalizers"] = [f for f in finalizers if f not in mine]
        self.store.update(kinds.APPLICATION, changed)
