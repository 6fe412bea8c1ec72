"""What the server log says by itself, in PostgreSQL's own words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from agents.database.triage.making import INFO, WARNING, by_hand, found, thing
from agents.database.triage.rules.connection import REFUSALS
from agents.database.triage.rules.phrases import EXPLAINS, FEW, PHRASES
from agents.database.triage.snapshot import LOG, Snapshot
from agents.database.triage.values import moment
from agents.triage.findings import Evidence, Finding, Severity

RECENT = timedelta(hours=1)  # an older line is history, not what is wrong now
MOST_LINES = 3
_TIME = re.compile(
    r"^\W?(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?: ?(?:UTC|GMT|Z|[+-]\d\d))?)"
)
# What an error is about, not the error: anybody's words may stand there.
_ABOUT = re.compile(r"\b(?:STATEMENT|QUERY|CONTEXT|DETAIL|HINT|LOCATION):  ?")
_SLOW = re.compile(r"\bduration: (\d+(?:\.\d+)?) ms")
SLOW_MS, VERY_SLOW_MS = 1000.0, 5000.0


def phrases(snapshot: Snapshot) -> Iterator[Finding]:
    """Errors that name their own cause: one line where that is grave, else from three on."""
    recent = _recent(snapshot)
    for cause, words, severity, least, summary, remedy in PHRASES:
        lines = [line for line in recent if re.search(words, line)]
        if lines:
            yield _said(snapshot, cause, (severity, least), summary, remedy, lines)


def refusals(snapshot: Snapshot) -> Iterator[Finding]:
    """Clients that were refused: from three lines on, for somebody mistypes a password."""
    fatal = [line for line in _recent(snapshot) if "FATAL" in line]
    for cause, words, summary, remedy in REFUSALS[:10]:  # what a server says; the rest a client
        if lines := [line for line in fatal if re.search(words, line, re.IGNORECASE)]:
            text = f"Clients are refused. {summary}"
            yield _said(snapshot, cause, (WARNING, FEW), text, remedy, lines)


def slow(snapshot: Snapshot) -> Iterator[Finding]:
    """Durations that log_min_duration_statement wrote: 1 s is worth knowing, 5 s a warning."""
    took = [(float(hit[1]), line) for line in _lines(snapshot) if (hit := _SLOW.search(line))]
    lines = [line for ms, line in sorted(took, reverse=True) if ms >= SLOW_MS]
    if lines:
        longest = max(ms for ms, _ in took)
        yield found(
            "statements/slow-statement",
            thing(snapshot),
            WARNING if longest >= VERY_SLOW_MS else INFO,
            0.6,
            f"Statements take up to {longest / 1000:.1f} s.",
            *(Evidence(source=LOG, line=line) for line in lines[:MOST_LINES]),
            next_checks=("explain_query of the slowest", "get_slow_queries"),
        )


def _said(
    snapshot: Snapshot,
    cause: str,
    how_bad: tuple[Severity, int],
    summary: str,
    remedy: str,
    lines: list[str],
) -> Finding:
    severity, least = how_bad
    often = f" {len(lines)} such lines in the log." if len(lines) > 1 else ""
    return found(
        cause,
        thing(snapshot),
        severity if len(lines) >= least else INFO,
        0.85 if len(lines) >= least else 0.4,
        summary + often,
        *(Evidence(source=LOG, line=line) for line in lines[-MOST_LINES:]),
        remedy=by_hand(remedy),
        next_checks=("read_pg_log",),
        explains=frozenset(f"{thing(snapshot)}#{other}" for other in EXPLAINS.get(cause, ())),
    )


def _recent(snapshot: Snapshot) -> list[str]:
    return [line for line in _lines(snapshot) if not _ABOUT.search(line)]


def _lines(snapshot: Snapshot) -> list[str]:
    """Those of the last hour; where the look has no time, or the line has none, all."""
    if snapshot.taken_at.year < 2000:  # noqa: PLR2004 - a recording without any time
        return list(snapshot.logs)
    return [
        line
        for line in snapshot.logs
        if not (said := _TIME.match(line))
        or not (at := moment(said[1]))
        or snapshot.taken_at - at <= RECENT
    ]


RULES = (phrases, refusals, slow)
