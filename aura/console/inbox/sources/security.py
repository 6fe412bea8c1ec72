"""What was done in an emergency and nobody looked at, and what secbot found and nobody closed."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse

from aura.console.inbox.items import Item, Kind
from aura.console.inbox.sources import number_of
from aura.console.inbox.wanted import Wanted
from governance.access import DECIDE, READ_LOG
from governance.models import EmergencyReview, SecurityIncident
from governance.secbot import closing
from governance.types import folded

NOT_YOURS = "it takes the role approver or above"


class Incidents:
    """Incidents that nobody has closed."""

    kinds = (Kind.INCIDENT,)
    permission = READ_LOG

    def counts(self, wanted: Wanted) -> QuerySet[Any, Any]:
        return number_of(_incidents(wanted), Kind.INCIDENT)

    def items(self, wanted: Wanted, start: int, stop: int) -> list[Item]:
        page = _incidents(wanted).order_by("opened_at", "pk")[start:stop]
        return [_incident(row, wanted) for row in page]


class Reviews:
    """Break-glass uses that somebody else must look at."""

    kinds = (Kind.REVIEW,)
    permission = "governance.view_approval"

    def counts(self, wanted: Wanted) -> QuerySet[Any, Any]:
        return number_of(_reviews(wanted), Kind.REVIEW)

    def items(self, wanted: Wanted, start: int, stop: int) -> list[Item]:
        page = _reviews(wanted).select_related("approval").order_by("opened_at", "pk")
        return [_review(row, wanted) for row in page[start:stop]]


def _incidents(wanted: Wanted) -> QuerySet[SecurityIncident]:
    rows = SecurityIncident.objects.filter(closed_at=None)
    if wanted.q:
        rows = rows.filter(Q(type__icontains=wanted.q) | Q(subject__icontains=wanted.q))
    if wanted.mine:
        closes = wanted.user.has_perm(DECIDE)
        rows = rows.exclude(subject__iexact=f"user:{wanted.by.name}") if closes else rows.none()
    return rows if Kind.INCIDENT in wanted.kinds else rows.none()


def _incident(row: SecurityIncident, wanted: Wanted) -> Item:
    because = "" if wanted.user.has_perm(DECIDE) else NOT_YOURS
    if closing.about(row, wanted.by.name):
        because = "somebody else must close what is about you"
    return Item(
        kind=Kind.INCIDENT,
        what=f"{row.type}: {row.subject}",
        url=reverse("admin:governance_securityincident_change", args=[row.pk]),
        since=row.opened_at,
        resource=row.key,
        asked_by="secbot",
        yours=not because,
        because=because,
    )


def _reviews(wanted: Wanted) -> QuerySet[EmergencyReview]:
    rows = EmergencyReview.objects.filter(closed_at=None)
    if wanted.q:
        said = Q(approval__tool_name__icontains=wanted.q) | Q(opened_by__icontains=wanted.q)
        rows = rows.filter(said | Q(approval__resource_name__icontains=wanted.q))
    if wanted.mine:
        decides = wanted.user.has_perm(DECIDE)
        rows = rows.exclude(opened_by__iexact=wanted.by.name) if decides else rows.none()
    return rows if Kind.REVIEW in wanted.kinds else rows.none()


def _review(row: EmergencyReview, wanted: Wanted) -> Item:
    because = "" if wanted.user.has_perm(DECIDE) else NOT_YOURS
    if folded(row.opened_by) == folded(wanted.by.name):
        because = "somebody else must review what you released"
    return Item(
        kind=Kind.REVIEW,
        badge="review",
        what=f"Released in an emergency: {row.approval}",
        url=reverse("admin:governance_emergencyreview_change", args=[row.pk]),
        since=row.opened_at,
        resource=f"{row.approval.resource_type}:{row.approval.resource_name}",
        asked_by=row.opened_by,
        yours=not because,
        because=because,
    )
