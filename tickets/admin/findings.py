"""What triage found for a ticket, each cause with the lines that prove it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from agents.models import CallState, ToolExecution
from governance.audit.record import redacted
from tickets.models import Ticket

TRIAGE: Final = ("triage_namespace", "triage_database")
MOST_CAUSES, MOST_LINES = 5, 8
ANSWER_CHARS: Final = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One root cause. `sure` in percent, `explains` symptoms, `proof` as (id, source, line)."""

    title: str
    object: str
    severity: str
    sure: int
    summary: str
    proof: list[tuple[str, str, str]]
    explains: list[str]
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One look. `words`: what the tool said, where its data have another shape than ours."""

    about: str
    causes: list[Cause]
    missing: list[str]
    words: str = ""


def found(ticket: Ticket) -> Found | None:
    """The ticket's last triage; None: there was none."""
    call = (
        ToolExecution.objects.filter(
            run__trace_id=str(ticket.pk), tool__in=TRIAGE, state=CallState.DONE, failed=False
        )
        .only("data", "result")
        .order_by("-ended_at", "-pk")
        .first()
    )
    return None if call is None else _read(redacted(call.data), call.result)


def _read(data: Any, result: str) -> Found:
    try:
        return Found(
            about=str(data["about"]),
            causes=[_cause(root) for root in data["roots"][:MOST_CAUSES]],
            missing=[str(line) for line in data["missing"][:MOST_LINES]],
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        words = str(redacted(result[:ANSWER_CHARS]))
        return Found(about="", causes=[], missing=[], words=words)


def _cause(root: Mapping[str, Any]) -> Cause:
    return Cause(
        title=str(root["title"]),
        object=str(root["object"]),
        severity=str(root["severity"]),
        sure=round(float(root["confidence"]) * 100),
        summary=str(root["summary"]),
        proof=list(_proof(root["evidence"][:MOST_LINES])),
        explains=[f"{each['object']}: {each['title']}" for each in root["symptoms"][:MOST_LINES]],
        remedy=str((root["remedy"] or {}).get("text", "")),
    )


def _proof(lines: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    for line in lines:
        yield str(line["id"]), str(line["source"]), str(line["line"])
