"""Remedies, in the words that the offline planner and our tools understand."""

from __future__ import annotations

from agents.triage.findings import Remedy, RemedyKind


def manual(text: str) -> Remedy:
    """What a person has to do elsewhere."""
    return Remedy(kind=RemedyKind.MANUAL, text=text)


def in_git(text: str, request: str) -> Remedy:
    """A change of manifests; `request` is what a ticket would say."""
    return Remedy(kind=RemedyKind.GITOPS, text=text, request=request)


def call(text: str, tool: str, **arguments: object) -> Remedy:
    """A call of one of our tools."""
    return Remedy(kind=RemedyKind.TOOL, text=text, tool=tool, arguments=arguments)
