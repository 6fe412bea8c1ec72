"""From findings to a report: duplicates joined, symptoms under their root, the likeliest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from agents.triage.findings import Finding, Report

MOST_EVIDENCE: Final = 6  # of one finding; a thousand pods may say the same


def rank(
    about: str,
    findings: Iterable[Finding],
    missing: Iterable[str] = (),
    looked_at: Mapping[str, int] | None = None,
    *,
    focus: str = "",
) -> Report:
    """A report. `focus`: the name of an object; what concerns it comes first."""
    known = _merged(findings)
    roots = _roots(known)
    symptoms: dict[str, list[Finding]] = {}
    for key, root in roots.items():
        if key != root:
            symptoms.setdefault(root, []).append(known[key])
    ordered = {key: tuple(sorted(under, key=_weight)) for key, under in symptoms.items()}

    def place(root: Finding) -> tuple[object, ...]:
        under = ordered.get(root.key, ())
        concerns = any(_is(finding, focus) for finding in (root, *under))
        return not concerns, _hurt(root, under), -len(under), root.object, root.cause

    return Report(
        about=about,
        roots=tuple(sorted((known[key] for key in roots if roots[key] == key), key=place)),
        symptoms=ordered,
        missing=tuple(dict.fromkeys(missing)),
        looked_at=dict(looked_at or {}),
    )


def _hurt(root: Finding, under: tuple[Finding, ...]) -> float:
    """A root weighs as much as the worst it brings about."""
    worst = max(finding.severity for finding in (root, *under))
    return -worst * root.confidence


def _weight(finding: Finding) -> tuple[object, ...]:
    return -finding.severity * finding.confidence, finding.object, finding.cause


def _is(finding: Finding, focus: str) -> bool:
    return not focus or finding.object.rpartition("/")[2] == focus


def _merged(findings: Iterable[Finding]) -> dict[str, Finding]:
    """By key, the findings of one key joined."""
    same: dict[str, list[Finding]] = {}
    for finding in findings:
        same.setdefault(finding.key, []).append(finding)
    return {key: _joined(group) for key, group in same.items()}


def _joined(group: list[Finding]) -> Finding:
    best = max(group, key=lambda it: (it.confidence, it.severity))
    first = [best, *(it for it in group if it is not best)]
    evidence = dict.fromkeys(line for it in first for line in it.evidence)
    return replace(
        best,
        severity=max(it.severity for it in group),
        evidence=tuple(evidence)[:MOST_EVIDENCE],
        ruled_out=tuple(dict.fromkeys(text for it in first for text in it.ruled_out)),
        next_checks=next((it.next_checks for it in first if it.next_checks), ()),
        remedy=next((it.remedy for it in first if it.remedy), None),
        explains=frozenset().union(*(it.explains for it in group)),
    )


def _roots(known: Mapping[str, Finding]) -> dict[str, str]:
    """The key of the root of each finding."""
    parents = _parents(known)
    roots: dict[str, str] = {}
    for start in known:
        path, key = [], start
        while key not in roots and key not in path:
            path.append(key)
            key = parents.get(key, key)
        if key not in roots:  # the end of a chain, or a circle: its surest member is the root
            circle = path[path.index(key) :]
            top = max(circle, key=lambda it: _surest(known[it]))
            roots.update(dict.fromkeys(circle, top))
        roots.update((step, roots[key]) for step in path if step not in roots)
    return roots


def _parents(known: Mapping[str, Finding]) -> dict[str, str]:
    """The surest of those that explain a finding, by the finding's key."""
    of_object: dict[str, list[str]] = {}
    for key, finding in known.items():
        of_object.setdefault(finding.object, []).append(key)
    parents: dict[str, str] = {}
    for key, finding in known.items():
        for target in finding.explains:
            for child in [target] if target in known else of_object.get(target, ()):
                other = parents.get(child)
                if child == key:
                    continue
                if other is None or _surest(finding) > _surest(known[other]):
                    parents[child] = key
    return parents


def _surest(finding: Finding) -> tuple[object, ...]:
    return finding.confidence, finding.severity, finding.key
