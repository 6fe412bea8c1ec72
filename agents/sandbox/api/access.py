"""Tokens, and the questions about rights: SelfSubjectAccessReview and its relatives."""

from __future__ import annotations

from agents.sandbox import errors
from agents.sandbox.api import protobuf
from agents.sandbox.api.message import ANONYMOUS, Request, Response, as_json
from agents.sandbox.api.rbac import Attributes, allowed, rules_for
from agents.sandbox.cluster import Cluster
from agents.sandbox.objects import Object
from agents.sandbox.options import User

GROUP = "authorization.k8s.io"
AUTHENTICATION = "authentication.k8s.io"
REVIEWS = {
    GROUP: {
        "selfsubjectaccessreviews": "SelfSubjectAccessReview",
        "selfsubjectrulesreviews": "SelfSubjectRulesReview",
        "subjectaccessreviews": "SubjectAccessReview",
    },
    AUTHENTICATION: {
        "selfsubjectreviews": "SelfSubjectReview",
        "tokenreviews": "TokenReview",
    },
}


def user_of(cluster: Cluster, headers: dict[str, str]) -> User:
    """Who sends the request; 401 for a token nobody has."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if not scheme:
        return ANONYMOUS
    user = cluster.options.tokens.get(token.strip()) if scheme.lower() == "bearer" else None
    if user is None:
        raise errors.unauthorized()
    return User(name=user.name, groups=(*user.groups, "system:authenticated"))


def review(cluster: Cluster, request: Request, kind: str) -> Response:
    """POST of one of the reviews; they are answered and not stored."""
    if request.method != "POST":
        raise errors.method_not_allowed()
    if "system:unauthenticated" in request.user.groups:
        raise errors.forbidden(f'User "{request.user.name}" cannot create {kind}')
    if request.media_type == protobuf.MEDIA_TYPE:
        body = protobuf.access_review(request.body)
    else:
        body = request.decoded() or {}
    spec = body.get("spec") or {}
    group = AUTHENTICATION if kind in REVIEWS[AUTHENTICATION].values() else GROUP
    status = _status(cluster, request.user, kind, spec)
    answer = {"kind": kind, "apiVersion": f"{group}/v1", "metadata": {}, "spec": spec}
    return as_json(answer | {"status": status}, 201)


def _status(cluster: Cluster, user: User, kind: str, spec: Object) -> Object:
    match kind:
        case "SelfSubjectAccessReview":
            return _access(cluster, user, spec)
        case "SubjectAccessReview":
            other = User(name=spec.get("user", ""), groups=tuple(spec.get("groups") or ()))
            return _access(cluster, other, spec)
        case "SelfSubjectRulesReview":
            return _rules(cluster, user, spec.get("namespace", ""))
        case "SelfSubjectReview":
            return {"userInfo": _info(user)}
        case _:
            found = cluster.options.tokens.get(spec.get("token", ""))
            return {"authenticated": found is not None} | ({"user": _info(found)} if found else {})


def _info(user: User) -> Object:
    return {"username": user.name, "groups": list(user.groups)}


def _access(cluster: Cluster, user: User, spec: Object) -> Object:
    asked = spec.get("resourceAttributes") or {}
    resource = "/".join(filter(None, (asked.get("resource", ""), asked.get("subresource", ""))))
    attributes = Attributes(
        verb=asked.get("verb", ""),
        group=asked.get("group", ""),
        resource=resource,
        namespace=asked.get("namespace", ""),
        name=asked.get("name", ""),
    )
    return {"allowed": allowed(cluster.store, user, attributes)}


def _rules(cluster: Cluster, user: User, namespace: str) -> Object:
    everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
    masters = "system:masters" in user.groups
    rules = [everything] if masters else list(rules_for(cluster.store, user, namespace))
    return {"resourceRules": rules, "nonResourceRules": [], "incomplete": False}
