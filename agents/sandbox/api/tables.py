"""The Table form: the columns that `kubectl get` prints."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from agents.sandbox import clock
from agents.sandbox.api.columns import pods, resources, workloads
from agents.sandbox.api.columns.column import Column
from agents.sandbox.kinds import Kind
from agents.sandbox.objects import Object, meta, name_of

Cells = Callable[[Object], list[Any]]

_PLAIN = (Column("Name", description="name", format="name"), Column("Created At", "date"))
_KNOWN = pods.TABLES | workloads.TABLES | resources.TABLES


def table(kind: Kind, body: Object, include: str) -> Object:
    """The Table of a list or of one object. `include` is None, Metadata or Object."""
    columns, cells = _KNOWN.get(kind.kind, (_PLAIN, _plain))
    items: Iterable[Object] = body.get("items", [body])
    metadata = dict(body["metadata"]) if "items" in body else {}
    metadata.setdefault("resourceVersion", meta(body).get("resourceVersion", ""))
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": [column.definition() for column in columns],
        "rows": [{"cells": cells(item), **_object(item, include)} for item in items],
    }


def _object(item: Object, include: str) -> Object:
    if include == "None":
        return {}
    if include == "Object":
        return {"object": item}
    partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    return {"object": {**partial, "metadata": item["metadata"]}}


def _plain(obj: Object) -> list[Any]:
    return [name_of(obj), meta(obj).get("creationTimestamp") or clock.stamp()]
