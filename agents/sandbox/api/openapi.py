"""OpenAPI documents, made from the table of fields: enough for kubectl and its validation."""

from __future__ import annotations

import hashlib

from agents.sandbox.cluster import Cluster
from agents.sandbox.fields import Field, of_kind, types
from agents.sandbox.kinds import Kind
from agents.sandbox.objects import Object

_PREFIX = "io.k8s.sandbox."
_ANY: Object = {"x-kubernetes-preserve-unknown-fields": True, "type": "object"}
_LEAVES: dict[str, Object] = {
    "s": {"type": "string"},
    "t": {"type": "string", "format": "date-time"},
    "i": {"type": "integer", "format": "int32"},
    "n": {"type": "number", "format": "double"},
    "b": {"type": "boolean"},
    "q": {"type": "string"},
    "io": {"type": "string", "format": "int-or-string"},
    "m": {"type": "object", "additionalProperties": {"type": "string"}},
    "qm": {"type": "object", "additionalProperties": {"type": "string"}},
    "o": _ANY,
    "x": {},
}


def index(cluster: Cluster) -> Object:
    """GET /openapi/v3"""
    paths = {}
    for group, version in sorted({(kind.group, kind.version) for kind in cluster.kinds}):
        root = f"apis/{group}/{version}" if group else f"api/{version}"
        digest = hashlib.sha256(root.encode()).hexdigest()[:32].upper()
        paths[root] = {"serverRelativeURL": f"/openapi/v3/{root}?hash={digest}"}
    return {"paths": paths}


def document(cluster: Cluster, group: str, version: str) -> Object | None:
    """GET /openapi/v3/apis/{group}/{version}; None where there is no such group version."""
    found = cluster.kinds.in_version(group, version)
    if not found:
        return None
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": f"v{cluster.options.version}.0"},
        "paths": {path: item for kind in found for path, item in _paths(kind).items()},
        "components": {"schemas": _schemas(found, "#/components/schemas/")},
    }


def swagger(cluster: Cluster) -> Object:
    """GET /openapi/v2"""
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": f"v{cluster.options.version}.0"},
        "paths": {},
        "definitions": _schemas(list(cluster.kinds), "#/definitions/"),
    }


def _schemas(found: list[Kind], root: str) -> Object:
    schemas = {
        _PREFIX + name: _type(fields, root)
        for name, fields in types().items()
        if of_kind(name) is None or name not in {kind.kind for kind in found}
    }
    for kind in found:
        fields = of_kind(kind.kind)
        body = _type(fields, root) if fields and not kind.custom else dict(_ANY)
        body["x-kubernetes-group-version-kind"] = [_gvk(kind)]
        schemas[_name(kind)] = body
    return schemas


def _name(kind: Kind) -> str:
    return f"{_PREFIX}{kind.group or 'core'}.{kind.version}.{kind.kind}"


def _gvk(kind: Kind) -> Object:
    return {"group": kind.group, "version": kind.version, "kind": kind.kind}


def _type(fields: dict[str, Field], root: str) -> Object:
    return {
        "type": "object",
        "properties": {name: _field(field, root) for name, field in fields.items()},
    }


def _field(field: Field, root: str) -> Object:
    inner: Object = (
        _LEAVES[field.type] if field.is_leaf else {"$ref": f"{root}{_PREFIX}{field.type}"}
    )
    if not field.is_list:
        return inner
    schema: Object = {"type": "array", "items": inner}
    if field.merge_key is not None:
        schema["x-kubernetes-patch-strategy"] = "merge"
    if field.merge_key:
        schema["x-kubernetes-patch-merge-key"] = field.merge_key
    return schema


def _paths(kind: Kind) -> Object:
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    scope = "/namespaces/{namespace}" if kind.namespaced else ""
    options = [
        {"name": name, "in": "query", "schema": {"type": "string"}}
        for name in ("dryRun", "fieldManager", "fieldValidation", "pretty")
    ]
    verbs = {"post": ("create", ""), "put": ("update", "/{name}"), "patch": ("patch", "/{name}")}
    paths: Object = {}
    for method, (_, tail) in verbs.items():
        operation = {
            "parameters": options,
            "responses": {"200": {"description": "OK"}},
            "x-kubernetes-action": method,
            "x-kubernetes-group-version-kind": _gvk(kind),
        }
        paths.setdefault(f"{root}{scope}/{kind.plural}{tail}", {})[method] = operation
    return paths
