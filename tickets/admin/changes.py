"""What a ticket has written: the diffs of its commits, as its own calls kept them."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import F, QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Left, Length
from django.urls import reverse

from agents.models import CallState, ToolExecution
from governance.admin.case import Change
from governance.templatetags.excerpts import MOST_CHARS

MOST: Final = 10  # commits on one page, the newest
COMMIT: Final = "git_commit"


def written(ticket_id: Any) -> list[Change]:
    """The ticket's newest commits, each with the beginning of its diff; one question."""
    return [_change(ticket_id, row) for row in _commits(ticket_id)[:MOST]]


def by_sha(ticket_id: Any, shas: set[str]) -> dict[str, Change]:
    """The commits with these ids; one question, however many there are."""
    rows = _commits(ticket_id).filter(data__sha__in=shas or {""})
    return {row["sha"]: _change(ticket_id, row) for row in rows}


def _commits(ticket_id: Any) -> QuerySet[Any, Any]:
    """A diff may be long: as much of it is read as a page can show, and a little more."""
    calls = ToolExecution.objects.filter(
        run__trace_id=str(ticket_id), tool=COMMIT, state=CallState.DONE, failed=False
    )
    return (
        calls.annotate(sha=KT("data__sha"), message=KT("data__message"), diff=KT("data__diff"))
        .annotate(start=Left(F("diff"), MOST_CHARS + 1), length=Length("diff"))
        .order_by("-ended_at", "-pk")
        .values("pk", "sha", "message", "start", "length")
    )


def _change(ticket_id: Any, row: Any) -> Change:
    first = str(row["message"] or "").partition("\n")[0]
    url = reverse("admin:tickets_ticket_text", args=[ticket_id, row["pk"], "diff"])
    return Change(
        title=f"{row['sha'] or '?'} {first}",
        text=str(row["start"] or ""),
        url=url if row["length"] else "",
    )
