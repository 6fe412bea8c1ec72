"""What was done in an emergency and nobody looked at, and what secbot found lately."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.timezone import now

from aura.console.inbox.items import Item, Kind
from aura.console.inbox.wanted import Wanted
from governance.access import DECIDE
from governance.models import EmergencyReview, SecurityIncident
from governance.types import folded

FRESH = timedelta(days=7)  # nobody closes an incident: what is older is found among the alerts


class Incidents:
    """Incidents of the last days that have no bundle yet."""

    kinds = (Kind.INCIDENT,)
    permission = "governance.view_auditevent"

    def counts(self, wanted: Wanted) -> Mapping[Kind, int]:
        return {Kind.INCIDENT: _incidents(wanted).count()}

    def items(self, wanted: Wanted, start: int, stop: int) -> list[Item]:
        page = _incidents(wanted).order_by("opened_at", "pk")[start:stop]
        return [
            Item(
                kind=Kind.INCIDENT,
                what=f"{row.type}: {row.subject}",
                url=f"{reverse('admin:governance_securityalert_changelist')}?type__exact={row.type}",
                since=row.opened_at,
                resource=row.key,
                asked_by="secbot",
                yours=True,
            )
            for row in page
        ]


class Reviews:
    """Break-glass uses that somebody else must look at."""

    kinds = (Kind.REVIEW,)
    permission = "governance.view_approval"

    def counts(self, wanted: Wanted) -> Mapping[Kind, int]:
        return {Kind.REVIEW: _reviews(wanted).count()}

    def items(self, wanted: Wanted, start: int, stop: int) -> list[Item]:
        page = _reviews(wanted).select_related("approval").order_by("opened_at", "pk")
        return [_review(row, wanted) for row in page[start:stop]]


def _incidents(wanted: Wanted) -> QuerySet[SecurityIncident]:
    rows = SecurityIncident.objects.filter(
        status=SecurityIncident.Status.RECORDED, opened_at__gt=now() - FRESH
    )
    if wanted.q:
        rows = rows.filter(Q(type__icontains=wanted.q) | Q(subject__icontains=wanted.q))
    return rows if Kind.INCIDENT in wanted.kinds else rows.none()


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
    because = "" if wanted.user.has_perm(DECIDE) else "it takes the role approver or above"
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
