"""The closed vocabulary of causes: a tree of two levels, `category/cause`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from agents.triage.causes import database, kubernetes
from agents.triage.causes.cause import Cause

CAUSES: Final[Mapping[str, Cause]] = MappingProxyType(
    {cause.name: cause for cause in (*kubernetes.CAUSES, *database.CAUSES)}
)


def title(name: str) -> str:
    """How people read a cause; the name itself where it is none of ours."""
    return CAUSES[name].title if name in CAUSES else name
