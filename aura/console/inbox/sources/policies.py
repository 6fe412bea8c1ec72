"""Versions of the policy that loosen what is in force, and wait for a second person."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Concat, Left
from django.urls import reverse

from aura.console.inbox.items import Item, Kind, hindered
from aura.console.inbox.sources import number_of
from aura.console.inbox.wanted import Wanted
from governance.access import READ_LOG
from governance.models import AuditEvent, PolicyVersion
from governance.policy import deciders
from governance.policy.seals import PROPOSED
from governance.types import OUTSIDE, folded


class Proposals:
    """They are few: one change of the policy ends the wait of all of them."""

    kinds = (Kind.POLICY,)
    permission = READ_LOG

    def counts(self, wanted: Wanted) -> QuerySet[Any, Any]:
        return number_of(_rows(wanted), Kind.POLICY)

    def items(self, wanted: Wanted, start: int, stop: int) -> list[Item]:
        said = AuditEvent.objects.filter(
            type=PROPOSED, action=Concat(Value("policy "), Left(OuterRef("digest"), 12))
        )
        since = Subquery(said.order_by("-recorded_at", "-id").values("recorded_at")[:1])
        rows = _rows(wanted).defer("text").annotate(since=since).order_by("since", "pk")
        may, people = deciders.may_change(wanted.user), list(deciders.names())
        return [_item(row, wanted, may=may, people=people) for row in rows[start:stop]]


def _rows(wanted: Wanted) -> QuerySet[PolicyVersion]:
    rows = PolicyVersion.objects.filter(waiting=True)
    if wanted.q:
        rows = rows.filter(Q(source__icontains=wanted.q) | Q(proposed_by__icontains=wanted.q))
    if wanted.mine:
        name = folded(wanted.by.name)
        own = Q(proposed_by__iexact=f"user:{name}") | Q(proposed_by__iexact=f"user:{OUTSIDE}{name}")
        rows = rows.exclude(own) if deciders.may_change(wanted.user) else rows.none()
    return rows if Kind.POLICY in wanted.kinds else rows.none()


def _item(row: PolicyVersion, wanted: Wanted, *, may: bool, people: list[str]) -> Item:
    because = deciders.obstacle(row, wanted.user, may=may)
    since: datetime | None = getattr(row, "since", None)
    _, _, by = row.proposed_by.partition(":")
    others = [name for name in people if folded(name) not in {folded(by), folded(wanted.by.name)}]
    return Item(
        kind=Kind.POLICY,
        badge="policy",
        what=f"Loosen the policy: {row}",
        url=f"{reverse('admin:governance_policyversion_change', args=[row.pk])}#decide",
        since=since or row.loaded_at,
        asked_by=by,
        yours=not because,
        because=hindered(because, others),
        who=", ".join(others),
    )
