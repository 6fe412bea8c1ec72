"""Sentences that ask why something fails: which workload they suspect, and in which namespace.

Questions to the Kubernetes agent and tickets are read by the same rules.
"""

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
    imagepullbackoff investigate oom oomkilled pending problem problems restarting slow stuck triage
    trouble troubleshoot unavailable unhealthy unreachable why wrong
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
        rf"\b(?:diagnose|investigate|troubleshoot|triage|reach|open|access|call|use)\s+{_NAME}",
        rf"\bcause\s+(?:of|in)\s+{_NAME}",
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


_NAMESPACES: Final = tuple(
    re.compile(rule, re.MULTILINE)
    for rule in (
        r"\bnamespace[\s=:]+(?:(?:named|called)\s+)?[\"'`]?(?P<name>[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)",
        r"(?<!\S)(?:-n|--namespace)[ =](?P<name>[a-z0-9][-a-z0-9]*)",
        r"\b(?:in|the|in the) [\"'`]?(?P<name>[a-z0-9][-a-z0-9]*)[\"'`]? namespace",
        r"\bin [\"'`]?(?P<name>[a-z0-9][-a-z0-9]*)[\"'`]?[?.!,;\s]*$",
    )
)
# What may stand after "in" or "namespace" and is none either.
_NO_NAMESPACES: Final = _NO_NAMES | _words(
    """
    argo argocd error errors evicted general k8s kubernetes logs loop named notready place progress
    restarts state status sync terminating total usage use why
    """
)


def namespace_of(text: str, *, but: Collection[str] = ()) -> str:
    """The namespace that is said to be one, or that a line ends with: "… in shop?"; "" for none,
    and for those of `but`.
    """
    found = (match["name"] for rule in _NAMESPACES for match in rule.finditer(text))
    return next((name for name in found if name not in _NO_NAMESPACES and name not in but), "")


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
