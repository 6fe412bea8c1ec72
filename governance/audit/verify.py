"""Checks that the log is what was written. Reads in pages, so memory stays flat."""

from __future__ import annotations

from dataclasses import dataclass

from aura.kernel.ids import iso
from governance.audit.chain import GENESIS, first_break, leaf
from governance.audit.record import data_of
from governance.models import AuditEvent, AuditLink, AuditPending

PAGE = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`broken_at` is the place (seq) of the first bad event, None when the log is intact."""

    events: int
    broken_at: int | None = None
    problem: str = ""

    @property
    def valid(self) -> bool:
        return self.broken_at is None


def verify() -> Verdict:
    """Walk the whole chain: no gap in `seq`, every hash follows, columns say what the bytes say,
    and no event is outside of it that does not wait for its link.
    """
    seen, previous = 0, GENESIS
    while page := list(
        AuditLink.objects.filter(seq__gt=seen).select_related("event").order_by("seq")[:PAGE]
    ):
        faults = filter(None, (_gap(page, seen), _unchained(page, previous), _altered(page)))
        if fault := min(faults, default=None):
            return Verdict(events=seen, broken_at=fault[0], problem=fault[1])
        seen, previous = page[-1].seq, bytes(page[-1].hash)
    if _kept_out():
        return Verdict(
            events=seen, broken_at=seen + 1, problem="an event was kept out of the chain"
        )
    return Verdict(events=seen)


def verify_tail(count: int) -> Verdict:
    """The same for the last `count` events alone: quick at any length of the log."""
    page = list(AuditLink.objects.select_related("event").order_by("-seq")[: count + 1])[::-1]
    if not page:
        return Verdict(events=0)
    whole = page[0].seq == 1
    before, previous = (0, GENESIS) if whole else (page[0].seq, bytes(page[0].hash))
    page = page if whole else page[1:]
    faults = filter(None, (_gap(page, before), _unchained(page, previous), _altered(page)))
    fault = min(faults, default=(None, ""))
    return Verdict(events=len(page), broken_at=fault[0], problem=fault[1])


Fault = tuple[int, str] | None


def _gap(page: list[AuditLink], seen: int) -> Fault:
    for expected, link in enumerate(page, start=seen + 1):
        if link.seq != expected:
            return expected, "an event is missing"
    return None


def _unchained(page: list[AuditLink], previous: bytes) -> Fault:
    triples = ((bytes(x.prev_hash), bytes(x.hash), bytes(x.event.body)) for x in page)
    broken = first_break(triples, start=previous)
    return None if broken is None else (page[broken].seq, "the hash does not follow")


def _kept_out() -> bool:
    waiting = AuditPending.objects.values("event_id")
    return AuditEvent.objects.filter(link__isnull=True).exclude(id__in=waiting).exists()


def _altered(page: list[AuditLink]) -> Fault:
    for link in page:
        if bytes(link.leaf) != leaf(bytes(link.event.body)):
            return link.seq, "the leaf hash was changed"
        if not _columns_match(link.event):
            return link.seq, "a column was changed"
    return None


def _columns_match(event: AuditEvent) -> bool:
    """Do the columns say what the bytes say? Bytes that are no event at all do not."""
    try:
        body = data_of(event.body)
        said = (
            body["id"],
            body["timestamp"],
            body["type"],
            body["traceId"],
            body["actor"]["kind"],
            body["actor"]["name"][:150],
            body["action"][:200],
        )
    except (ValueError, KeyError, TypeError):
        return False
    columns = (
        str(event.uid),
        iso(event.recorded_at),
        event.type,
        event.trace_id,
        event.actor,
        event.actor_name,
        event.action,
    )
    return said == columns
