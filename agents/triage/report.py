"""A report as people read it and as JSON, each line of proof with an id that can be cited."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from agents.triage.causes import title
from agents.triage.findings import Evidence, Finding, Remedy, RemedyKind, Report, Severity
from aura.kernel.unseen import visible

MOST_ROOTS: Final = 5  # told in full; the others in a line each
MOST_SYMPTOMS: Final = 8
NOTHING: Final = "Nothing wrong was found"
TOO_LITTLE: Final = "Not enough data"


def text(report: Report) -> str:
    """The answer in the first line; then what proves it and what to do."""
    ids = _Ids()
    lines = [_answer(report)]
    for place, root in enumerate(report.roots):
        if place < MOST_ROOTS:
            lines += ["", *_told(root, report.symptoms.get(root.key, ()), ids)]
        else:
            lines += [*([""] if place == MOST_ROOTS else []), f"Also: {_sentence(root)}"]
    if report.missing:
        lines += ["", f"{TOO_LITTLE}:", *(f"  - {line}" for line in report.missing)]
    if report.looked_at:
        seen = ", ".join(f"{count} {what}" for what, count in report.looked_at.items())
        lines += ["", f"Looked at: {seen}."]
    return "\n".join(map(_one, lines))


def _one(line: str) -> str:
    """What a workload says of itself makes no lines of its own, which would read as our words."""
    return visible(" ".join(line.splitlines()))


def _answer(report: Report) -> str:
    if report.roots:
        first = _sentence(report.roots[0])
        ill = any(root.severity > Severity.INFO for root in report.roots)
        return first if ill else f"{NOTHING} in {report.about}. Worth knowing: {first}"
    if report.missing:
        return f"{TOO_LITTLE} to say what is wrong in {report.about}."
    return f"{NOTHING} in {report.about}."


def _sentence(finding: Finding) -> str:
    return f"{finding.object}: {title(finding.cause)}. {finding.summary}"


def _told(root: Finding, symptoms: tuple[Finding, ...], ids: _Ids) -> Iterator[str]:
    sure = f"{root.confidence:.0%}"
    yield f"{root.severity.name}: {root.cause} at {root.object} ({sure} sure)"
    yield "Proof:"
    yield from ids.lines(root)
    if symptoms:
        yield "Explains:"
        for symptom in symptoms[:MOST_SYMPTOMS]:
            yield f"  - {_sentence(symptom)}"
        if len(symptoms) > MOST_SYMPTOMS:
            yield f"  - and {len(symptoms) - MOST_SYMPTOMS} more"
    for heading, rows in (("Ruled out:", root.ruled_out), ("Next:", root.next_checks)):
        if rows:
            yield heading
            yield from (f"  - {row}" for row in rows)
    if root.remedy:
        yield f"Remedy: {root.remedy.text}"
        yield from _how(root.remedy)


def _how(remedy: Remedy) -> Iterator[str]:
    if remedy.request:
        yield f"  as a ticket: {remedy.request}"
    if remedy.tool:
        yield f"  as a call: {remedy.tool} {json.dumps(dict(remedy.arguments), sort_keys=True)}"


class _Ids:
    """Numbers lines of proof: E1, E2, … in the order of the report."""

    def __init__(self) -> None:
        self._count = 0

    def next(self) -> str:
        self._count += 1
        return f"E{self._count}"

    def lines(self, finding: Finding) -> Iterator[str]:
        for evidence in finding.evidence:
            yield f"  {self.next()} [{evidence.source}] {evidence.line}"


def data(report: Report) -> dict[str, Any]:
    """The report as JSON. Ids of evidence are those of `text` for the roots told there in full."""
    ids = _Ids()
    roots = [_finding(root, ids) for root in report.roots]
    return {
        "about": report.about,
        "roots": [
            {**said, "symptoms": [_finding(it, ids) for it in report.symptoms.get(root.key, ())]}
            for said, root in zip(roots, report.roots, strict=True)
        ],
        "missing": list(report.missing),
        "lookedAt": dict(report.looked_at),
    }


def _finding(finding: Finding, ids: _Ids) -> dict[str, Any]:
    return {
        "cause": finding.cause,
        "title": title(finding.cause),
        "object": finding.object,
        "severity": finding.severity.name.lower(),
        "confidence": finding.confidence,
        "summary": finding.summary,
        "evidence": [
            {"id": ids.next(), "source": it.source, "line": it.line} for it in finding.evidence
        ],
        "ruledOut": list(finding.ruled_out),
        "nextChecks": list(finding.next_checks),
        "remedy": _remedy(finding.remedy) if finding.remedy else None,
        "explains": sorted(finding.explains),
    }


def _remedy(remedy: Remedy) -> dict[str, Any]:
    return {
        "kind": remedy.kind.value,
        "text": remedy.text,
        "request": remedy.request,
        "tool": remedy.tool,
        "arguments": dict(remedy.arguments),
    }


def read(said: Mapping[str, Any]) -> Report:
    """The report that `data` made this of. Raises `KeyError` or `ValueError` for anything else."""
    roots = [(_read_finding(it), tuple(map(_read_finding, it["symptoms"]))) for it in said["roots"]]
    return Report(
        about=said["about"],
        roots=tuple(root for root, _ in roots),
        symptoms={root.key: symptoms for root, symptoms in roots if symptoms},
        missing=tuple(said["missing"]),
        looked_at=dict(said["lookedAt"]),
    )


def _read_finding(said: Mapping[str, Any]) -> Finding:
    try:
        severity = Severity[str(said["severity"]).upper()]
    except KeyError:
        raise ValueError(f"{said['severity']!r} is no severity") from None
    return Finding(
        cause=said["cause"],
        object=said["object"],
        severity=severity,
        confidence=said["confidence"],
        summary=said["summary"],
        evidence=tuple(Evidence(source=it["source"], line=it["line"]) for it in said["evidence"]),
        ruled_out=tuple(said["ruledOut"]),
        next_checks=tuple(said["nextChecks"]),
        remedy=_read_remedy(said["remedy"]) if said["remedy"] else None,
        explains=frozenset(said["explains"]),
    )


def _read_remedy(said: Mapping[str, Any]) -> Remedy:
    return Remedy(
        kind=RemedyKind(said["kind"]),
        text=said["text"],
        request=said["request"],
        tool=said["tool"],
        arguments=said["arguments"],
    )
