"""The verbs on resources: get, list, create, update, patch, delete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agents.sandbox import apply, computed, decoding, errors, events, kinds, patch
from agents.sandbox.api.listing import listed, selection, shown, stored
from agents.sandbox.api.message import Request, Response, as_json, success
from agents.sandbox.cluster import Cluster
from agents.sandbox.deletion import Deleting, delete
from agents.sandbox.kinds import Kind
from agents.sandbox.objects import Object, meta, name_of, uid_of
from agents.sandbox.registry import Writing, fields_of

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
_PATCHES = (JSON_PATCH, MERGE, STRATEGIC, APPLY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a path names. `namespace` is "" at the cluster scope, `sub` a subresource or ""."""

    kind: Kind
    namespace: str
    name: str = ""
    sub: str = ""


def read(cluster: Cluster, request: Request, target: Target) -> Response:
    """GET of one object; its status subresource is the whole object too."""
    return as_json(shown(request, target.kind, _found(cluster, target)))


def _found(cluster: Cluster, target: Target) -> Object:
    if target.kind is kinds.NEW_EVENT:
        event = cluster.store.get(kinds.EVENT, target.namespace, target.name)
        return events.in_new_api(event)
    if target.kind.group == "metrics.k8s.io":
        found = computed.metrics(cluster, target.kind, target.namespace or None)
        named = next((each for each in found if name_of(each) == target.name), None)
        if named is None:
            raise errors.not_found(target.kind, target.name)
        return named
    return cluster.store.get(target.kind, target.namespace, target.name)


def collection(cluster: Cluster, request: Request, target: Target) -> Response:
    """GET of a collection."""
    chosen = selection(request, target.kind, target.namespace or None)
    body = listed(cluster, request, chosen)
    if target.kind is kinds.NEW_EVENT:
        body["items"] = [events.in_new_api(event) for event in body["items"]]
    return as_json(shown(request, target.kind, body))


def create(cluster: Cluster, request: Request, target: Target) -> Response:
    """POST to a collection."""
    obj, warnings = _decoded(request, target.kind)
    _place(obj, target)
    made = cluster.registry.create(target.kind, obj, writing(request))
    return as_json(shown(request, target.kind, made), 201, warnings)


def replace(cluster: Cluster, request: Request, target: Target) -> Response:
    """PUT of an object or of its status."""
    obj, warnings = _decoded(request, target.kind)
    _place(obj, target)
    if name_of(obj) != target.name:
        raise errors.bad_request(
            f"the name of the object ({name_of(obj)}) does not match the name on the URL"
            f" ({target.name})"
        )
    before = cluster.store.get(target.kind, target.namespace, target.name)
    _same_uid(target.kind, obj, before)
    made = cluster.registry.update(target.kind, obj, writing(request), sub=_status(target))
    return as_json(shown(request, target.kind, made), 200, warnings)


def patched(cluster: Cluster, request: Request, target: Target) -> Response:
    """PATCH with any of the four media types."""
    if request.media_type not in _PATCHES:
        raise errors.unsupported_media_type(_PATCHES)
    body = request.decoded()
    if request.media_type == APPLY:
        return _applied(cluster, request, target, body)
    before = cluster.store.get(target.kind, target.namespace, target.name)
    changed = changed_by(request, target.kind, before, body)
    obj, warnings = _checked(request, target.kind, changed)
    _place(obj, target)
    _same_uid(target.kind, obj, before)
    how = writing(request)
    made = cluster.registry.update(target.kind, obj, how, sub=_status(target))
    return as_json(shown(request, target.kind, made), 200, warnings)


def changed_by(request: Request, kind: Kind, before: Object, body: Any) -> Object:
    """`before` with the patch of the request applied; 415 and 422 as the server says them."""
    try:
        if request.media_type == JSON_PATCH:
            changed = patch.json_patch(before, body)
        elif request.media_type == STRATEGIC:
            if kind.custom:
                raise errors.unsupported_media_type((JSON_PATCH, MERGE, APPLY))
            changed = patch.strategic(before, body, fields_of(kind))
        else:
            changed = patch.merge(before, body)
    except patch.PatchError as error:
        text = "the server rejected our request due to an error in our request"
        raise errors.ApiError(422, "Invalid", text, {"causes": [{"message": str(error)}]}) from None
    if not isinstance(changed, dict) or not isinstance(body, dict | list):
        raise errors.bad_request("error decoding patch: not an object")
    return changed


def _applied(cluster: Cluster, request: Request, target: Target, body: Any) -> Response:
    manager = request.one("fieldManager")
    if not manager:
        text = "PatchOptions.meta.k8s.io"
        cause = errors.Cause(
            field="fieldManager",
            message="Required value: is required for apply patch",
            reason="FieldValueRequired",
        )
        raise errors.ApiError(
            422, "Invalid", f'{text} "" is invalid: {cause}', {"causes": [{"field": cause.field}]}
        )
    config, warnings = _checked(request, target.kind, body)
    _place(config, target)
    config["metadata"].setdefault("name", target.name)
    if config["metadata"].get("managedFields"):
        raise errors.bad_request("metadata.managedFields must be nil")
    live = cluster.store.find(target.kind, target.namespace, target.name)
    _same_uid(target.kind, config, live or {})
    obj = apply.applied(
        live, config, fields_of(target.kind), manager=manager, force=request.flag("force")
    )
    how = writing(request, tracked=False)
    if live is None:
        return as_json(cluster.registry.create(target.kind, obj, how), 201, warnings)
    made = cluster.registry.update(target.kind, obj, how, sub=_status(target))
    return as_json(shown(request, target.kind, made), 200, warnings)


def remove(cluster: Cluster, request: Request, target: Target) -> Response:
    """DELETE of one object."""
    how = _deleting(request)
    left = delete(cluster, target.kind, target.namespace, target.name, how)
    if left is not None:
        return as_json(shown(request, target.kind, left))
    return as_json(success(_deleted_details(target, how.uid)))


def remove_all(cluster: Cluster, request: Request, target: Target) -> Response:
    """DELETE of a collection."""
    chosen = selection(request, target.kind, target.namespace or None)
    how = _deleting(request)
    body = listed(cluster, request, chosen)
    for obj in [each for each in stored(cluster, chosen) if chosen.matches(each)]:
        delete(cluster, target.kind, meta(obj).get("namespace", ""), name_of(obj), how)
    return as_json(body)


# --- what a write is made of ----------------------------------------------------------------------


def _decoded(request: Request, kind: Kind) -> tuple[Object, tuple[tuple[str, str], ...]]:
    return _checked(request, kind, request.decoded())


def _checked(request: Request, kind: Kind, body: Any) -> tuple[Object, tuple[tuple[str, str], ...]]:
    """The object and the warnings about its unknown fields, as `fieldValidation` asks."""
    obj, unknown = decoding.decoded(kind, body)
    level = request.one("fieldValidation", "Warn")
    if unknown and level == "Strict":
        raise decoding.strict_failure(kind, unknown)
    if level != "Warn":
        return obj, ()
    return obj, tuple(("warning", f'299 - "unknown field \\"{path}\\""') for path in unknown)


def _place(obj: Object, target: Target) -> None:
    """The namespace is that of the path."""
    given = meta(obj).get("namespace")
    if not target.kind.namespaced:
        obj["metadata"].pop("namespace", None)
    elif given and given != target.namespace:
        raise errors.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    else:
        obj["metadata"]["namespace"] = target.namespace


def _same_uid(kind: Kind, obj: Object, before: Object) -> None:
    given = uid_of(obj)
    if given and given != uid_of(before):
        why = f"Precondition failed: UID in precondition: {given}, UID in object meta: "
        raise errors.conflict(kind, name_of(obj), why + uid_of(before))


def writing(request: Request, *, tracked: bool = True) -> Writing:
    """How the request wants its write done: who it is, and whether it is a dry run."""
    agent = request.headers.get("user-agent", "unknown").partition("/")[0][:128]
    manager = request.one("fieldManager") or agent or "unknown"
    return Writing(
        manager=manager if tracked else "",
        dry_run=_is_dry(request.query.get("dryRun", [])),
        check_version=True,
    )


def _is_dry(given: list[str]) -> bool:
    wrong = [each for each in given if each not in ("All", "")]
    if wrong:
        cause = errors.Cause(
            field="dryRun", message=f'Unsupported value: "{wrong[0]}": supported values: "All"'
        )
        raise errors.ApiError(422, "Invalid", f"{cause}", {"causes": [{"field": "dryRun"}]})
    return "All" in given


def _status(target: Target) -> str:
    return "status" if target.sub == "status" else ""


def _deleting(request: Request) -> Deleting:
    body = request.decoded()
    options = body if isinstance(body, dict) else {}
    conditions = options.get("preconditions") or {}
    grace = options.get("gracePeriodSeconds", request.number("gracePeriodSeconds"))
    orphan = options.get("orphanDependents")
    policy = options.get("propagationPolicy") or request.one("propagationPolicy")
    return Deleting(
        grace_s=grace,
        propagation=policy or ("Orphan" if orphan else "Background"),
        dry_run=_is_dry([*(options.get("dryRun") or ()), *request.query.get("dryRun", [])]),
        uid=conditions.get("uid", ""),
        version=conditions.get("resourceVersion", ""),
    )


def _deleted_details(target: Target, uid: str) -> Object:
    details = {"name": target.name, "group": target.kind.group, "kind": target.kind.plural}
    details["uid"] = uid
    return {key: value for key, value in details.items() if value}
