"""Questions that ask why something fails, and which workload they suspect."""

from __future__ import annotations

import re
from collections.abc import Collection, Set
from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WRONG: Final = _words(
    """
    500 502 503 504 broken cause causes causing crash crashed crashes crashing crashloop
    crashloopbackoff degraded diagnose down evicted fail failed failing fails failure
    imagepullbackoff oom oomkilled pending problem problems restarting slow stuck triage trouble
    unavailable unhealthy unreachable why wrong
    """
)
_LISTED: Final = re.compile(
    r"\s*(?:which|list|show|get|how many|how much|kubectl)\b", re.IGNORECASE
)
_NAME: Final = r"(?:the\s+|our\s+|my\s+)?[\"'`]?(?P<name>[a-z0-9][-a-z0-9.]*)"
_ILL: Final = r"(?:broken|crash\w*|degraded|down|fail\w*|pending|restarting|slow|stuck|un\w+)"
_IS: Final = r"(?:is|are|does|do|did|has|have|was|were|keeps|can|can't|cannot|isn't|doesn't|won't)"
_RULES: Final = tuple(
    re.compile(rule)
    for rule in (
        rf"\b(?:deployment|service|statefulset|daemonset|cronjob|job|pod|workload|app)\s+{_NAME}",
        rf"\bwhy\s+{_IS}\s+{_NAME}",
        rf"\b(?:wrong|problem|trouble|issue|matter|happened|up)\s+(?:with|to|of)\s+{_NAME}",
        rf"\b(?:diagnose|triage|reach|open|access|call|use)\s+{_NAME}",
        rf"{_NAME}[\"'`]?\s+{_IS}\s+(?:\w+\s+)?{_ILL}",
        rf"\b(?:is|are)\s+{_NAME}[\"'`]?\s+{_ILL}",
    )
)
# What may stand where a workload's name does.
_NO_NAMES: Final = _WRONG | _words(
    """
    a all an and any anything app application applications apps are at by cluster clusters
    container containers cronjob cronjobs daemonset deployment deployments do does everything
    failing for from has have he i in ingress is it job jobs keep keeps namespace namespaces
    node nodes not nothing of on one or our pod pods pvc ready replicas running service services
    she something statefulset statefulsets that the there they things this to traffic up users
    volume was we were what which who with workload workloads you
    """
)


def asks_why(question: str, words: Set[str]) -> bool:
    """Whether something is said to be wrong, and not only a list is asked for."""
    return bool(words & _WRONG) and not _LISTED.match(question)


def named(question: str, *, but: Collection[str] = ()) -> str:
    """The workload that is said to be in trouble, none of `but`; "" where none is named."""
    for rule in _RULES:
        for match in rule.finditer(question.lower()):
            name = match["name"].rstrip(".-")
            if name and name not in _NO_NAMES and name not in but:
                return name
    return ""
