"""Argo CD over its REST API, with a token."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import httpx

from agents.argocd.desk import CALL, ArgoAway, ArgoFailed
from agents.argocd.operations import ailing, call_ids
from agents.argocd.state import Application, Object
from agents.argocd.windows import Window, of_project, readable

TIMEOUT_S: Final = 10.0
APPLICATIONS: Final = "/api/v1/applications"
BAD_TOKEN, FORBIDDEN, NOT_FOUND, TOO_MANY, FAULT = 401, 403, 404, 429, 500


class Rest:
    """`server`: its URL; a host alone is asked over https."""

    def __init__(self, server: str, token: str, *, namespace: str = "") -> None:
        base = server if "://" in server else f"https://{server}"
        self._namespace = namespace
        self._http = httpx.Client(
            base_url=base.rstrip("/"),
            headers={"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT_S,
            trust_env=False,
            follow_redirects=False,
        )

    def applications(self) -> list[Application]:
        items = self._asked("GET", APPLICATIONS).get("items") or []
        return sorted((Application.of(each) for each in items), key=lambda app: app.name)

    def get(self, name: str, *, refresh: bool = False) -> Application:
        return Application.of(self.object(name, refresh=refresh))

    def manifests(self, name: str, revision: str) -> list[Object]:
        query = f"?revision={quote(revision, safe='')}"
        listed = self._asked("GET", f"{self._path(name)}/manifests{query}").get("manifests") or []
        return [found for text in listed if isinstance(found := json.loads(text), dict)]

    def windows(self, app: Application) -> list[Window]:
        try:
            project = quote(app.project or "default", safe="")
            return of_project(self._asked("GET", f"/api/v1/projects/{project}"), app)
        except ArgoFailed:  # a token that may not read projects is told all but the time zones
            told = self._asked("GET", f"{self._path(app.name)}/syncwindows")
            return readable(told.get("assignedWindows") or [])

    def sync(
        self,
        name: str,
        *,
        revision: str = "",
        prune: bool = False,
        dry_run: bool = False,
        call_id: str,
    ) -> None:
        wish = {"prune": prune, "dryRun": dry_run, "infos": _infos(call_id), "revision": revision}
        said = {key: value for key, value in wish.items() if value or key == "prune"}
        self._asked("POST", f"{self._path(name)}/sync", said)

    def rollback(self, name: str, *, to: int, call_id: str) -> None:
        del call_id  # the API takes no information along with a rollback
        self._asked("POST", f"{self._path(name)}/rollback", {"id": to, "prune": False})

    def retarget(self, name: str, *, old: str, new: str) -> None:
        path = "/spec/source/targetRevision"
        tested = [{"op": "test", "path": path, "value": old}] if old else []
        change = {"op": "replace" if old else "add", "path": path, "value": new}
        if not new:
            change = {"op": "remove", "path": path}
        patch = {"name": name, "patch": json.dumps([*tested, change]), "patchType": "json"}
        self._asked("PATCH", self._path(name), patch)

    def create(self, obj: Object) -> None:
        self._asked("POST", APPLICATIONS, obj)

    def delete(self, name: str, *, namespace: str) -> None:
        del namespace  # of namespaces Argo CD deletes only those that a repository holds
        self._asked("DELETE", f"{self._path(name)}?cascade=true", {})

    def ill(self, name: str) -> list[str]:
        tree = self._asked("GET", f"{self._path(name)}/resource-tree")
        return sorted(ailing(tree.get("nodes") or []))

    def begun_by(self, name: str) -> frozenset[str]:
        return call_ids(self.object(name))

    def object(self, name: str, *, refresh: bool = False) -> Object:
        query = "?refresh=normal" if refresh else ""
        return self._asked("GET", f"{self._path(name)}{query}")

    def _path(self, name: str) -> str:
        return f"{APPLICATIONS}/{quote(name, safe='')}"

    def _asked(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        try:
            answer = self._http.request(method, path, json=body)
        except httpx.TimeoutException:
            raise ArgoAway(f"Argo CD did not answer within {TIMEOUT_S:.0f} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ArgoAway(f"Argo CD cannot be reached at {self._http.base_url}: {error}") from None
        said = _object_of(answer)
        if answer.is_success:
            return said
        raise _failure(answer.status_code, str(said.get("message") or said.get("error") or ""))


def _object_of(answer: httpx.Response) -> dict[str, Any]:
    try:
        said = json.loads(answer.content or b"{}")
    except (ValueError, RecursionError):
        said = None
    if isinstance(said, dict):
        return said
    if answer.is_success:
        raise ArgoFailed("what answers at AURA_ARGOCD_SERVER is not Argo CD's API")
    return {}


def _failure(status: int, message: str) -> ArgoFailed | ArgoAway:
    words: Mapping[int, str] = {
        BAD_TOKEN: "Argo CD does not take the token of AURA_ARGOCD_TOKEN; make a new one",
        FORBIDDEN: (
            "Argo CD does not let this token do it, or there is no such application; argo_app_list"
            " tells which may be seen"
        ),
        NOT_FOUND: "Argo CD knows no such application; argo_app_list tells which there are",
    }
    said = words.get(status, f"Argo CD answered {status}")
    text = f"{said}: {message}" if message else said
    return ArgoAway(text) if status >= FAULT or status == TOO_MANY else ArgoFailed(text)


def _infos(call_id: str) -> list[dict[str, str]]:
    return [{"name": CALL, "value": call_id}]
