"""The Argo CD REST API over the same Application objects as the Kubernetes API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from agents.sandbox import clock, kinds
from agents.sandbox.api.message import Request, Response, as_json, encoded
from agents.sandbox.argo import diffing, failures, rendering, tree
from agents.sandbox.argo.applications import Applications, State
from agents.sandbox.argo.failures import INVALID, ArgoError
from agents.sandbox.argo.fetching import Fetcher, Snapshot
from agents.sandbox.argo.resources import Pair
from agents.sandbox.argo.spec import project_of, source_of
from agents.sandbox.argo.tokens import Tokens
from agents.sandbox.argo.verbs import NAMESPACE, Verbs
from agents.sandbox.argo.windows import allows, is_active, matching
from agents.sandbox.cluster import Cluster
from agents.sandbox.controllers.jobs import following
from agents.sandbox.errors import ApiError
from agents.sandbox.objects import (
    Object,
    annotations_of,
    at,
    labels_of,
    meta,
    name_of,
    namespace_of,
    spec_of,
    uid_of,
)
from agents.sandbox.selectors import parse_labels
from agents.sandbox.store import Change

VERSION = "v3.1.0+sandbox"
_JSON = "application/json"
_PATIENCE_S = 15.0
_STEP_S = 0.01
_STREAM_S = 1800.0


class ArgoServer:
    def __init__(self, cluster: Cluster, fetcher: Fetcher, controller: Applications) -> None:
        self._cluster = cluster
        self._store = cluster.store
        self._fetcher = fetcher
        self._controller = controller
        self._tokens = Tokens(cluster.options)
        self._verbs = Verbs(cluster)

    async def answer(self, request: Request) -> Response:
        """The answer to any request; failures have the shape of Argo CD."""
        try:
            return await self._route(request)
        except ArgoError as error:
            return error.response()
        except ApiError as error:
            return failures.of_kubernetes(error).response()

    async def _route(self, request: Request) -> Response:  # noqa: PLR0911 - one row a route
        parts = [part for part in request.path.split("/") if part]
        if request.method != "GET" and not request.headers.get("content-type", "").startswith(
            _JSON
        ):
            return Response(code=415, body=b"Invalid content type\n", media_type="text/plain")
        match (request.method, parts):
            case ("GET", ["healthz"]):
                return Response(body=b"ok", media_type="text/plain")
            case ("GET", ["api", "version"]):
                return as_json({"Version": VERSION})
            case ("POST", ["api", "v1", "session"]):
                return as_json({"token": self._tokens.log_in(_body(request))})
            case ("DELETE", ["api", "v1", "session"]):
                return as_json({"token": ""})
            case ("GET", ["api", "v1", "settings"]):
                return as_json(_SETTINGS)
            case (_, ["api", "v1", *rest]):
                user = self._tokens.user_of(dict(request.headers))
                return await self._signed_in(request, rest, user)
            case _:
                raise ArgoError(failures.NOT_FOUND, "Not Found")

    async def _signed_in(  # noqa: C901, PLR0911 - one row a route
        self, request: Request, parts: list[str], user: str
    ) -> Response:
        match (request.method, parts):
            case ("GET", ["session", "userinfo"]):
                return as_json({"loggedIn": True, "username": user, "iss": "argocd"})
            case ("GET", ["applications"]):
                return as_json(await self._list(request))
            case ("POST", ["applications"]):
                Tokens.check(user, "create", str(at(_body(request), "metadata", "name")))
                made = self._verbs.create(_body(request), upsert=request.flag("upsert"))
                return as_json(made)
            case ("GET", ["stream", "applications"]):
                return Response(stream=self._stream(request))
            case ("GET", ["stream", "applications", name, "resource-tree"]):
                return Response(stream=self._stream_tree(request, name))
            case (_, ["applications", name, *rest]):
                return await self._application(request, name, rest, user)
            case ("GET", ["projects", *rest]):
                return self._projects(rest)
            case ("GET", ["clusters"]):
                return as_json({"metadata": {}, "items": [_CLUSTER]})
            case ("GET", ["repositories"]):
                return as_json({"metadata": {}, "items": self._repositories()})
            case _:
                raise ArgoError(failures.NOT_FOUND, "Not Found")

    # --- one application ---

    def _find(self, request: Request, name: str) -> Object:
        project = request.one("project") or request.one("projects")
        return self._verbs.find(name, project=project, namespace=request.one("appNamespace"))

    async def _application(  # noqa: C901, PLR0911 - one row a route
        self, request: Request, name: str, rest: list[str], user: str
    ) -> Response:
        app = self._find(request, name)
        if request.method == "GET":
            return await self._read(request, app, rest)
        what = f"{project_of(app)}/{name}"
        body = _body(request)
        action = {"sync": "sync", "rollback": "sync", "operation": "sync"}.get(
            rest[0] if rest else "", "delete" if request.method == "DELETE" else "update"
        )
        Tokens.check(user, action, what)
        match (request.method, rest):
            case ("POST", ["sync"]):
                return as_json(self._verbs.sync(app, body, user))
            case ("POST", ["rollback"]):
                return as_json(self._verbs.rollback(app, body, user))
            case ("DELETE", ["operation"]):
                self._verbs.terminate(app)
                return as_json({})
            case ("PUT", []):
                return as_json(self._verbs.replace(app, body))
            case ("PUT", ["spec"]):
                changed = self._verbs.replace(app, {"metadata": app["metadata"], "spec": body})
                return as_json(changed["spec"])
            case ("PATCH", []):
                return as_json(self._verbs.patch(app, body))
            case ("DELETE", []):
                self._verbs.delete(app, cascade=request.one("cascade", "true") != "false")
                return as_json({})
            case _:
                raise ArgoError(12, "Method Not Allowed")

    async def _read(  # noqa: C901, PLR0911 - one row a route
        self, request: Request, app: Object, rest: list[str]
    ) -> Response:
        match rest:
            case []:
                return as_json(await self._refreshed(app, request.one("refresh")))
            case ["resource-tree"]:
                return as_json(tree.tree(self._cluster, (await self._state(app)).pairs))
            case ["managed-resources"]:
                pairs = (await self._state(app)).pairs
                return as_json({"items": [self._managed(pair) for pair in pairs]})
            case ["manifests"]:
                return as_json(await self._manifests(app, request.one("revision")))
            case ["revisions", revision, "metadata"]:
                return as_json(await self._revision(app, revision))
            case ["syncwindows"]:
                return as_json(self._windows(app))
            case ["events"]:
                return as_json(self._events(request, app))
            case ["resource"]:
                return as_json(await self._resource(request, app))
            case ["pods", pod, "logs"]:
                return self._logs(request, app, pod)
            case ["logs"]:
                return self._logs(request, app, request.one("podName"))
            case _:
                raise ArgoError(failures.NOT_FOUND, "Not Found")

    async def _refreshed(self, app: Object, how: str) -> Object:
        """The application, after Git was asked where `how` is normal or hard."""
        if how not in ("normal", "hard", "true"):
            return app
        self._verbs.refresh(app, "hard" if how == "hard" else "normal")
        marked = meta(self._verbs.find(name_of(app), namespace=namespace_of(app)))

        def done() -> bool:
            now = self._verbs.find(name_of(app), namespace=namespace_of(app))
            written = meta(now)["resourceVersion"] != marked["resourceVersion"]
            waiting = "argocd.argoproj.io/refresh" in annotations_of(now)
            return written and not waiting and self._controller.is_fresh(uid_of(now))

        await self._until(done)
        return self._verbs.find(name_of(app), namespace=namespace_of(app))

    async def _until(self, condition: Callable[[], bool]) -> None:
        deadline = clock.now() + _PATIENCE_S
        while not condition() and clock.now() < deadline:
            await asyncio.sleep(_STEP_S)

    async def _snapshot(self, app: Object, revision: str) -> Snapshot:
        """What Git says of a revision; it is asked where it was not before."""
        url = str(source_of(app).get("repoURL", ""))
        wanted = revision or str(source_of(app).get("targetRevision") or "HEAD")
        found = self._fetcher.known(url, wanted)
        if found is None:
            event = asyncio.Event()
            self._fetcher.look(url, wanted, event.set)
            await event.wait()
            found = self._fetcher.known(url, wanted)
        if found is None or found.problem:
            raise ArgoError(failures.INTERNAL, found.problem if found else "no such revision")
        return found

    async def _state(self, app: Object, revision: str = "") -> State:
        snapshot = await self._snapshot(app, revision)
        state = self._controller.compare(app, source_of(app), snapshot)
        if state.problem:
            raise ArgoError(2, state.problem)
        return state

    async def _manifests(self, app: Object, revision: str) -> Object:
        """As the repository server renders them: the controller adds namespaces and marks later."""
        state = await self._state(app, revision)
        files = (await self._snapshot(app, revision)).files or {}
        rendered = rendering.render(files, source_of(app))
        return {
            "manifests": [json.dumps(_hidden(each)) for each in rendered],
            "revision": state.revision,
            "sourceType": state.kind,
        }

    async def _revision(self, app: Object, revision: str) -> Object:
        about = (await self._snapshot(app, revision)).about
        if about is None:
            raise ArgoError(failures.NOT_FOUND, f"revision {revision} not found")
        return {"author": about.author, "date": about.date, "message": about.message}

    def _managed(self, pair: Pair) -> Object:
        group, kind, namespace, name = pair.id
        found = self._cluster.kinds.of(pair.any)
        custom = found is None or found.custom
        predicted, live = pair.target, pair.live
        if live is not None and pair.target is not None:
            predicted = diffing.predicted(live, pair.target, custom=custom)
        normalized = diffing.plain(live) if live is not None else None
        body = {
            "group": group,
            "kind": kind,
            "namespace": namespace,
            "name": name,
            "targetState": json.dumps(_hidden(pair.target)),
            "liveState": json.dumps(_hidden(live)),
            "normalizedLiveState": json.dumps(_hidden(normalized)),
            "predictedLiveState": json.dumps(_hidden(predicted)),
            "resourceVersion": str(meta(live or {}).get("resourceVersion", "")),
            "modified": not pair.synced,
        }
        return {key: value for key, value in body.items() if value != ""}

    def _windows(self, app: Object) -> Object:
        project = self._store.find(kinds.PROJECT, namespace_of(app), project_of(app))
        now = clock.now()
        found = matching(app, project)
        kept = ("kind", "schedule", "duration", "manualSync")
        shown = [{key: each.get(key) for key in kept if key in each} for each in found]
        active = [
            s for s, each in zip(shown, found, strict=True) if is_active(each, now, following)
        ]
        return {
            "activeWindows": active,
            "assignedWindows": shown,
            "canSync": allows(app, project, now, following, manual=True),
        }

    def _events(self, request: Request, app: Object) -> Object:
        uid = request.one("resourceUID") or uid_of(app)
        items = [e for e in self._store.all(kinds.EVENT) if at(e, "involvedObject", "uid") == uid]
        metadata = {"resourceVersion": str(self._store.version)}
        return {"metadata": metadata, "items": items}

    async def _resource(self, request: Request, app: Object) -> Object:
        nodes = tree.tree(self._cluster, (await self._state(app)).pairs)["nodes"]
        wanted = {
            "name": request.one("resourceName"),
            "kind": request.one("kind"),
            "namespace": request.one("namespace"),
        }
        for node in nodes:
            if all(node.get(key, "") == value for key, value in wanted.items()):
                group = node.get("group", "")
                kind = self._cluster.kinds.named(
                    f"{group}/{node['version']}" if group else node["version"], node["kind"]
                )
                if kind:
                    live = self._store.get(kind, node.get("namespace", ""), node["name"])
                    return {"manifest": json.dumps(_hidden(live))}
        words = f"{wanted['kind']} {wanted['name']} not found as part of application {name_of(app)}"
        raise ArgoError(INVALID, words)

    def _logs(self, request: Request, app: Object, pod: str) -> Response:
        default = at(spec_of(app), "destination", "namespace", default="default")
        namespace = request.one("namespace") or str(default)
        found = self._store.get(kinds.POD, namespace, pod)
        container = request.one("container") or found["spec"]["containers"][0]["name"]
        kept = self._cluster.logs.of(uid_of(found), container)
        lines = list((kept.previous if request.flag("previous") else kept.current) or ())
        tail = request.number("tailLines")
        lines = lines[-tail:] if tail else lines
        rows = [
            {"content": text, "timeStamp": clock.stamp(moment), "last": False, "podName": pod}
            | {"timeStampStr": clock.micro_stamp(moment)}
            for moment, text in lines
        ]
        rows.append({"content": "", "last": True, "podName": pod, "timeStampStr": ""})
        return Response(body=b"".join(encoded({"result": row}) + b"\n" for row in rows))

    # --- collections ---

    async def _list(self, request: Request) -> Object:
        items = self._selected(request)
        how = request.one("refresh")
        if how:
            items = [await self._refreshed(app, how) for app in items]
        metadata = {"resourceVersion": str(self._store.version)}
        return {"metadata": metadata, "items": items or None}

    def _selected(self, request: Request) -> list[Object]:
        return [app for app in self._store.all(kinds.APPLICATION) if self._matches(request, app)]

    def _matches(self, request: Request, app: Object) -> bool:
        projects = [*request.query.get("projects", []), *request.query.get("project", [])]
        repo = request.one("repo")
        return (
            request.one("name") in ("", name_of(app))
            and request.one("appNamespace") in ("", namespace_of(app))
            and (not any(projects) or project_of(app) in projects)
            and (not repo or source_of(app).get("repoURL") == repo)
            and all(r.matches(labels_of(app)) for r in parse_labels(request.one("selector")))
        )

    async def _stream(self, request: Request) -> AsyncIterator[bytes]:
        """Newline JSON: what is there first (unless a version is named), then every change."""
        queue: asyncio.Queue[Change] = asyncio.Queue()
        end = self._store.listen(queue.put_nowait)
        try:
            if not request.one("resourceVersion"):
                for app in self._selected(request):
                    yield _event("ADDED", app)
            deadline = clock.now() + _STREAM_S
            while (left := deadline - clock.now()) > 0:
                change = await asyncio.wait_for(queue.get(), left)
                if change.kind is kinds.APPLICATION and self._matches(request, change.obj):
                    yield _event(change.verb, change.obj)
        except TimeoutError:
            return
        finally:
            end()

    async def _stream_tree(self, request: Request, name: str) -> AsyncIterator[bytes]:
        before = b""
        deadline = clock.now() + _STREAM_S
        while clock.now() < deadline:
            state = await self._state(self._find(request, name))
            now = encoded({"result": tree.tree(self._cluster, state.pairs)}) + b"\n"
            if now != before:
                before = now
                yield now
            await asyncio.sleep(0.1)

    def _projects(self, rest: list[str]) -> Response:
        if rest:
            return as_json(self._store.get(kinds.PROJECT, NAMESPACE, rest[0]))
        metadata = {"resourceVersion": str(self._store.version)}
        return as_json({"metadata": metadata, "items": self._store.all(kinds.PROJECT, NAMESPACE)})

    def _repositories(self) -> list[Object]:
        urls = {str(source_of(app).get("repoURL")) for app in self._store.all(kinds.APPLICATION)}
        state = {"status": "Successful", "message": "", "attemptedAt": clock.stamp()}
        return [{"repo": url, "type": "git", "connectionState": state} for url in sorted(urls)]


_SETTINGS = {
    "appLabelKey": "app.kubernetes.io/instance",
    "trackingMethod": "annotation",
    "controllerNamespace": NAMESPACE,
    "resourceOverrides": {},
    "statusBadgeEnabled": False,
    "userLoginsDisabled": False,
    "execEnabled": False,
}
_CLUSTER = {
    "server": "https://kubernetes.default.svc",
    "name": "in-cluster",
    "config": {"tlsClientConfig": {"insecure": False}},
    "connectionState": {"status": "Successful", "message": "", "attemptedAt": None},
    "info": {"applicationsCount": 0},
}


def _body(request: Request) -> Object:
    try:
        found: Any = request.decoded()
    except ApiError as error:
        raise ArgoError(INVALID, error.message) from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ArgoError(INVALID, "json: cannot unmarshal into a request")
    return found


def _event(verb: str, app: Object) -> bytes:
    return encoded({"result": {"type": verb, "application": app}}) + b"\n"


def _hidden(obj: Object | None) -> Object | None:
    """Values of secrets are never shown."""
    if obj is None or obj.get("kind") != "Secret":
        return obj
    data = dict.fromkeys(obj.get("data") or {}, "++++++++")
    return {**{k: v for k, v in obj.items() if k != "stringData"}, "data": data}
