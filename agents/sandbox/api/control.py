"""/sandbox: what a simulated cluster can do that a real one cannot."""

from __future__ import annotations

from typing import Any

from agents.sandbox import errors, seeds
from agents.sandbox.api import access
from agents.sandbox.api.message import Request, Response, as_json
from agents.sandbox.cluster import Cluster
from agents.sandbox.faults import catalogue
from agents.sandbox.faults.faults import FAULT
from agents.sandbox.kinds import BUILT_IN, Kind
from agents.sandbox.objects import (
    Object,
    annotations_of,
    copy_of,
    name_of,
    namespace_of,
    spec_of,
    uid_of,
)

PREFIX = "/sandbox"


class Control:
    """For holders of a token with all rights."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def answer(self, request: Request) -> Response:
        user = access.user_of(self._cluster, dict(request.headers))
        if "system:masters" not in user.groups:
            raise errors.forbidden(f'User "{user.name}" cannot use /sandbox')
        match (request.method, request.path.rstrip("/")):
            case ("GET", "/faults"):
                return as_json({"faults": _known(), "active": list(self._active())})
            case ("POST", "/faults"):
                return self._fault(request.decoded())
            case ("POST", "/objects"):
                return self._seed(request.decoded())
            case ("POST", "/logs"):
                return self._log(request.decoded())
            case ("POST", "/compact"):
                self._cluster.store.compact()
                return as_json({"version": self._cluster.store.version})
            case _:
                raise errors.no_such_path()

    def _active(self) -> list[Object]:
        return [
            {
                "kind": obj["kind"],
                "namespace": namespace_of(obj),
                "name": name_of(obj),
                "fault": annotations_of(obj)[FAULT],
            }
            for obj in self._cluster.store.everything()
            if FAULT in annotations_of(obj)
        ]

    def _fault(self, body: Any) -> Response:
        """{kind, namespace, name, fault}; an empty fault heals."""
        kind = _kind(body)
        text = str(body.get("fault") or "")
        if text and (problem := catalogue.problem(text, kind.kind)):
            raise errors.bad_request(problem)
        namespace = str(body.get("namespace") or "default") if kind.namespaced else ""
        obj = copy_of(self._cluster.store.get(kind, namespace, str(body.get("name") or "")))
        annotations = obj["metadata"].setdefault("annotations", {})
        annotations.pop(FAULT, None)
        if text:
            annotations[FAULT] = text
        return as_json(self._cluster.store.update(kind, obj))

    def _seed(self, body: Any) -> Response:
        """Objects as they are, with their status; one or a list."""
        given = body if isinstance(body, list) else [body]
        try:
            return as_json([seeds.put(self._cluster, each) for each in given])
        except (KeyError, TypeError) as error:
            raise errors.bad_request(f"not an object the cluster knows: {error}") from None

    def _log(self, body: Any) -> Response:
        """{namespace, pod, container, lines}"""
        pod_kind = BUILT_IN.named("v1", "Pod")
        if pod_kind is None or not isinstance(body, dict):
            raise errors.bad_request("namespace, pod and lines are needed")
        namespace = str(body.get("namespace") or "default")
        pod = self._cluster.store.get(pod_kind, namespace, str(body.get("pod") or ""))
        container = str(body.get("container") or spec_of(pod)["containers"][0]["name"])
        self._cluster.logs.write(uid_of(pod), container, *map(str, body.get("lines") or ()))
        return as_json({})


def _known() -> list[Object]:
    return [
        {"name": f.name, "on": list(f.on), "variants": list(f.variants), "shows": f.shows}
        for f in catalogue.BY_NAME.values()
    ]


def _kind(body: Any) -> Kind:
    wanted = str(body.get("kind") or "").lower() if isinstance(body, dict) else ""
    for kind in BUILT_IN:
        if wanted in (kind.kind.lower(), kind.plural, *kind.short):
            return kind
    raise errors.bad_request(f"there is no kind {wanted!r}")
