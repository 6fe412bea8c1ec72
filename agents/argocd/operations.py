"""What the objects of Argo CD say beside an application: who began an operation, what is ill."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from agents.argocd.desk import CALL
from agents.argocd.state import DEGRADED, Object


def call_ids(obj: Object) -> frozenset[str]:
    """Ids of the calls that the running operation and the last one were begun by."""
    status = obj.get("status")
    last = status.get("operationState") if isinstance(status, Mapping) else None
    done = last.get("operation") if isinstance(last, Mapping) else None
    return frozenset(each for part in (obj.get("operation"), done) for each in _ids(part))


def _ids(operation: object) -> Iterator[str]:
    listed = operation.get("info") if isinstance(operation, Mapping) else None
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, Mapping) and each.get("name") == CALL:
            yield str(each.get("value"))


def ailing(nodes: Iterable[object]) -> Iterator[str]:
    """What is wrong with the pods of a resource tree."""
    for node in nodes:
        health = node.get("health") if isinstance(node, Mapping) else None
        if not isinstance(node, Mapping) or not isinstance(health, Mapping):
            continue
        if node.get("kind") == "Pod" and health.get("status") == DEGRADED:
            place = f"{node.get('namespace')}/{node.get('name')}"
            yield f"Pod {place}: {health.get('message') or 'does not say what is wrong'}"
