"""Runs cases: the healthy control first, then the fault, and one triage of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from agents.evaluation.case import TEST, Case, T
from agents.evaluation.scores import DEPTH, Attempt
from agents.triage.findings import Finding, RemedyKind, Report, Severity

Told = Callable[[Attempt], None]


class NotForTests(Exception):
    """Faults are only ever made on what is tagged `test`."""


def run(
    cases: Iterable[Case[T]], target: T, *, runs: int, abilities: frozenset[str] = frozenset()
) -> Iterator[Attempt]:
    """Every case `runs` times; those that need what the target lacks are left out.

    Raises `NotForTests`. A case that fails is an attempt with an error.
    """
    if TEST not in target.tags:
        raise NotForTests(f"the target is not tagged {TEST!r}: nothing is broken on it")
    for case in cases:
        if case.needs <= abilities:
            yield from (_attempt(case, target) for _ in range(runs))


def _attempt(case: Case[T], target: T) -> Attempt:
    try:
        with case.control(target):
            healthy = target.triage(case.question)
        with case.inject(target):
            begun = time.perf_counter()
            report = target.triage(case.question)
            seconds = time.perf_counter() - begun
    except Exception as error:  # noqa: BLE001 - whatever fails, the other cases are run
        return Attempt(case=case.name, category=case.category, place=0, error=_one_line(error))
    return judged(case, report, healthy=healthy, seconds=seconds)


def judged(
    case: Case[T], report: Report, *, healthy: Report | None = None, seconds: float = 0.0
) -> Attempt:
    """What a report is worth as the answer to a case."""
    first = report.roots[0] if report.roots else None
    return Attempt(
        case=case.name,
        category=case.category,
        place=_place(case, report),
        found=tuple(root.cause for root in report.roots[:DEPTH]),
        false_alarms=alarms(healthy) if healthy else (),
        wrong_remedy=_wrong_remedy(case, first),
        seconds=round(seconds, 4),
    )


def alarms(report: Report) -> tuple[str, ...]:
    """The causes that a report is alarmed by."""
    return tuple(root.cause for root in report.roots if root.severity > Severity.INFO)


def _place(case: Case[T], report: Report) -> int:
    if not case.expected:  # a recorded case in which all is well
        return 0 if alarms(report) else 1
    for place, root in enumerate(report.roots[:DEPTH], start=1):
        if root.cause in case.expected and root.object.endswith(case.about):
            return place
    return 0


def _wrong_remedy(case: Case[T], first: Finding | None) -> str:
    """The tool that the first root would have called, where that does not mend the case."""
    if first is None or first.remedy is None or first.remedy.kind is not RemedyKind.TOOL:
        return ""
    right = first.cause in case.expected and first.remedy.tool in case.remedies
    return "" if right else first.remedy.tool


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
