"""Conditions of an object by their type."""

from __future__ import annotations

from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import parts, text


def condition(obj: Object, kind: str) -> Object:
    """A condition; empty where it is not said."""
    found = parts(obj, "status", "conditions")
    return next((it for it in found if text(it, "type") == kind), {})


def holds(obj: Object, kind: str) -> bool:
    """Whether a condition is True."""
    return text(condition(obj, kind), "status") == "True"
