"""From a path to a handler: the Kubernetes REST API."""

from __future__ import annotations

from collections.abc import Callable

from agents.sandbox import errors, kinds
from agents.sandbox.api import (
    access,
    discovery,
    openapi,
    pods,
    proxy,
    rbac,
    resources,
    scale,
    watching,
)
from agents.sandbox.api.message import Request, Response, as_json, as_text
from agents.sandbox.api.resources import Target
from agents.sandbox.cluster import Cluster
from agents.sandbox.kinds import Kind
from agents.sandbox.objects import name_of

Handler = Callable[[Cluster, Request, Target], Response]

_OBJECT: dict[str, tuple[str, Handler]] = {
    "GET": ("get", resources.read),
    "PUT": ("update", resources.replace),
    "PATCH": ("patch", resources.patched),
    "DELETE": ("delete", resources.remove),
}
_COLLECTION: dict[str, tuple[str, Handler]] = {
    "GET": ("list", resources.collection),
    "POST": ("create", resources.create),
    "DELETE": ("deletecollection", resources.remove_all),
}
_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_HEALTH = ("/healthz", "/livez", "/readyz")


def answer(cluster: Cluster, request: Request) -> Response:
    """The answer to any request of the Kubernetes API. Raises ApiError."""
    path = request.path.rstrip("/")
    parts = [part for part in path.split("/") if part]
    if parts[:1] in (["api"], ["apis"]):
        target = _target(cluster, parts)
        if target is not None:
            return _resource(cluster, request, target)
    rbac.check_path(request.user, request.method.lower(), request.path)
    review = _review_kind(parts)
    if review:
        return access.review(cluster, request, review)
    if path.startswith(_HEALTH):
        return as_text("ok")
    found = _document(cluster, request, parts)
    if found is None:
        raise errors.no_such_path()
    return as_json(found)


def _review_kind(parts: list[str]) -> str:
    if len(parts) == 4 and parts[0] == "apis" and parts[2] == "v1":  # noqa: PLR2004 apis/g/v/plural
        return access.REVIEWS.get(parts[1], {}).get(parts[3], "")
    return ""


def _document(  # noqa: C901, PLR0911 - one row a document
    cluster: Cluster, request: Request, parts: list[str]
) -> object | None:
    match parts:
        case []:
            return {"paths": ["/api", "/api/v1", "/apis", "/healthz", "/openapi/v2", "/version"]}
        case ["version"]:
            return discovery.version(cluster)
        case ["api"]:
            return discovery.api_versions(request.headers.get("host", ""))
        case ["api", version]:
            return discovery.resources(cluster, "", version)
        case ["apis"]:
            return discovery.group_list(cluster)
        case ["apis", group]:
            return discovery.group(cluster, group)
        case ["apis", group, version]:
            return discovery.resources(cluster, group, version)
        case ["openapi", *rest]:
            return _openapi(cluster, rest)
        case _:
            return None


def _openapi(cluster: Cluster, rest: list[str]) -> object | None:
    match rest:
        case ["v2"]:
            return openapi.swagger(cluster)
        case ["v3"]:
            return openapi.index(cluster)
        case ["v3", "api", version]:
            return openapi.document(cluster, "", version)
        case ["v3", "apis", group, version]:
            return openapi.document(cluster, group, version)
        case _:
            return None


# --- resources ------------------------------------------------------------------------------------


def _target(cluster: Cluster, parts: list[str]) -> Target | None:
    """What a resource path names; None for a path of another sort."""
    head = 2 if parts[0] == "api" else 3
    if len(parts) <= head:
        return None
    group, version = ("", parts[1]) if parts[0] == "api" else (parts[1], parts[2])
    rest = parts[head:]
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):  # noqa: PLR2004
        namespace, rest = rest[1], rest[2:]
    else:
        namespace = ""
    kind = cluster.kinds.at(group, version, rest[0])
    if kind is None or bool(namespace) > kind.namespaced:
        return None
    name = rest[1] if len(rest) > 1 else ""
    if name and kind.namespaced and not namespace:
        return None
    return Target(kind=kind, namespace=namespace, name=name, sub="/".join(rest[2:]))


def _resource(cluster: Cluster, request: Request, target: Target) -> Response:
    _authorize(cluster, request, target)
    if target.sub:
        return _subresource(cluster, request, target)
    if _is_watch(request):
        return watching.watch(cluster, request, target)
    table = _OBJECT if target.name else _COLLECTION
    known = table.get(request.method)
    if known is None or not _allows(target.kind, known[0]):
        raise errors.method_not_allowed(target.kind)
    if not target.namespace and target.kind.namespaced and known[0] == "create":
        raise errors.method_not_allowed(target.kind)
    return known[1](cluster, request, target)


def _allows(kind: Kind, verb: str) -> bool:
    return verb in kind.verbs and (kind is not kinds.NEW_EVENT or verb in ("get", "list"))


def _is_watch(request: Request) -> bool:
    return request.method == "GET" and request.flag("watch")


def _authorize(cluster: Cluster, request: Request, target: Target) -> None:
    table = _OBJECT if target.name else _COLLECTION
    verb = _VERBS.get(request.method, "")
    if not target.sub and request.method in table:
        verb = "watch" if _is_watch(request) and not target.name else table[request.method][0]
    sub = target.sub.partition("/")[0]
    asked = rbac.Attributes(
        verb=verb,
        group=target.kind.group,
        resource=f"{target.kind.plural}/{sub}" if sub else target.kind.plural,
        namespace=target.name if target.kind is kinds.NAMESPACE else target.namespace,
        name=target.name,
    )
    rbac.check(cluster.store, request.user, asked, target.kind)


def _subresource(cluster: Cluster, request: Request, target: Target) -> Response:
    name = target.sub.partition("/")[0]
    if name == "proxy" and target.kind is kinds.SERVICE:
        return proxy.answer(cluster, target)
    if target.sub not in target.kind.subresources:
        raise errors.no_such_path()
    if name == "status":
        if request.method not in ("GET", "PUT", "PATCH"):
            raise errors.method_not_allowed(target.kind)
        return _OBJECT[request.method][1](cluster, request, target)
    if name == "scale":
        return scale.handle(cluster, request, target)
    return _special(cluster, request, target)


def _special(cluster: Cluster, request: Request, target: Target) -> Response:
    match (target.sub, request.method):
        case ("log", "GET"):
            return pods.log(cluster, request, target)
        case ("eviction", "POST"):
            return pods.evict(cluster, request, target)
        case ("exec" | "attach" | "portforward", _):
            cluster.store.get(target.kind, target.namespace, target.name)
            return pods.refuse_stream(target)
        case ("token", "POST"):
            return _token(cluster, request, target)
        case ("resize" | "finalize", "GET" | "PUT" | "PATCH"):
            plain = Target(kind=target.kind, namespace=target.namespace, name=target.name)
            return _OBJECT[request.method][1](cluster, request, plain)
        case _:
            raise errors.method_not_allowed(target.kind)


def _token(cluster: Cluster, request: Request, target: Target) -> Response:
    """TokenRequest: a token of the service account, good until the process ends."""
    account = cluster.store.get(target.kind, target.namespace, target.name)
    body = request.decoded() or {}
    status = cluster.issue_token(target.namespace, name_of(account))
    answer = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": {}}
    return as_json({**answer, "spec": body.get("spec") or {}, "status": status}, 201)
