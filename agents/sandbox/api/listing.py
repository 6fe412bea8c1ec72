"""Reading collections: which objects a request selects, in pages, and in which form."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from agents.sandbox import computed, errors, kinds
from agents.sandbox.api import tables
from agents.sandbox.api.message import Request
from agents.sandbox.cluster import Cluster
from agents.sandbox.kinds import Kind
from agents.sandbox.objects import Object, labels_of, name_of, namespace_of
from agents.sandbox.selectors import parse_fields, parse_labels

Matcher = Callable[[Object], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A collection as a request names it."""

    kind: Kind
    namespace: str | None  # None for all
    matches: Matcher


def selection(request: Request, kind: Kind, namespace: str | None) -> Selection:
    """400 for selectors that cannot be read."""
    labels = parse_labels(request.one("labelSelector"))
    fields = parse_fields(request.one("fieldSelector"), kind.kind)

    def matches(obj: Object) -> bool:
        if namespace is not None and namespace_of(obj) != namespace:
            return False
        values = labels_of(obj)
        return all(each.matches(values) for each in labels) and all(
            each.matches(obj) for each in fields
        )

    return Selection(kind=kind, namespace=namespace, matches=matches)


def listed(cluster: Cluster, request: Request, chosen: Selection) -> Object:
    """The list, or a page of it with its `continue` token."""
    found = [obj for obj in stored(cluster, chosen) if chosen.matches(obj)]
    metadata: Object = {"resourceVersion": str(cluster.store.version)}
    limit = request.number("limit") or 0
    start = _start(cluster, request.one("continue"), found, metadata)
    page = found[start : start + limit] if limit else found[start:]
    left = len(found) - start - len(page)
    if left:
        last = page[-1]
        token = [metadata["resourceVersion"], namespace_of(last), name_of(last)]
        metadata["continue"] = base64.urlsafe_b64encode(orjson.dumps(token)).decode().rstrip("=")
        if not request.one("labelSelector") and not request.one("fieldSelector"):
            metadata["remainingItemCount"] = left
    return {
        "kind": f"{chosen.kind.kind}List",
        "apiVersion": chosen.kind.api_version,
        "metadata": metadata,
        "items": page,
    }


def stored(cluster: Cluster, chosen: Selection) -> list[Object]:
    if chosen.kind is kinds.NEW_EVENT:
        return cluster.store.all(kinds.EVENT, chosen.namespace)
    if chosen.kind.group == "metrics.k8s.io":
        return computed.metrics(cluster, chosen.kind, chosen.namespace)
    return cluster.store.all(chosen.kind, chosen.namespace)


def _start(cluster: Cluster, token: str, found: list[Object], metadata: Object) -> int:
    """Where a page begins. The objects are those of now, which a client cannot tell apart as long
    as nothing is written in between; a token from before the history began is 410.
    """
    if not token:
        return 0
    try:
        padded = token + "=" * (-len(token) % 4)
        version, namespace, name = orjson.loads(base64.urlsafe_b64decode(padded))
    except (binascii.Error, orjson.JSONDecodeError, ValueError):
        raise errors.bad_request("continue key is not valid: encoding failure") from None
    if int(version) < cluster.store.oldest:
        raise errors.expired(
            "The provided continue parameter is too old to display a consistent list result. You"
            " can start a new list without the continue parameter."
        )
    metadata["resourceVersion"] = version
    after = (namespace, name)
    return sum((namespace_of(obj), name_of(obj)) <= after for obj in found)


# --- forms ----------------------------------------------------------------------------------------


def form_of(request: Request) -> str:
    """What the client asks for: "Table", "PartialObjectMetadata", or "" for the objects."""
    for part in request.headers.get("accept", "").split(","):
        words = {word.strip() for word in part.split(";")}
        if "g=meta.k8s.io" in words and "v=v1" in words:
            for form in ("Table", "PartialObjectMetadataList", "PartialObjectMetadata"):
                if f"as={form}" in words:
                    return form.removesuffix("List")
        if words & {"application/json", "*/*"} and len(words) == 1:
            break
    return ""


def shown(request: Request, kind: Kind, body: Object) -> Object:
    """A list or an object in the form the client asked for."""
    form = form_of(request)
    if not form:
        return body
    if form == "Table":
        return tables.table(kind, body, request.one("includeObject", "Metadata"))
    if "items" in body:
        items = [partial(item) for item in body["items"]]
        return {**_meta_envelope("PartialObjectMetadataList"), **_rest(body), "items": items}
    return partial(body)


def partial(obj: Object) -> Object:
    return {**_meta_envelope("PartialObjectMetadata"), "metadata": obj["metadata"]}


def _meta_envelope(kind: str) -> Object:
    return {"kind": kind, "apiVersion": "meta.k8s.io/v1"}


def _rest(body: Object) -> Object:
    return {"metadata": body["metadata"]}
