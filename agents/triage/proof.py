"""Whether evidence is in the data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from agents.triage.findings import Finding, Report


class Texts(Protocol):
    """A snapshot: the text of each of its sources, one fact a line; "" for an unknown source."""

    def text(self, source: str) -> str: ...


def every(report: Report) -> Iterator[Finding]:
    """The roots, each followed by its symptoms."""
    for root in report.roots:
        yield root
        yield from report.symptoms.get(root.key, ())


def unproven(findings: Report | Iterable[Finding], snapshot: Texts) -> list[str]:
    """What has no proof: findings without evidence, and evidence that is no line of its source."""
    told = every(findings) if isinstance(findings, Report) else findings
    lines: dict[str, frozenset[str]] = {}
    wrong = []
    for finding in told:
        if not finding.evidence:
            wrong.append(f"{finding.key}: no evidence")
        for evidence in finding.evidence:
            if evidence.source not in lines:
                lines[evidence.source] = frozenset(snapshot.text(evidence.source).splitlines())
            if evidence.line not in lines[evidence.source]:
                wrong.append(f"{finding.key}: {evidence.source}: {evidence.line}")
    return wrong
