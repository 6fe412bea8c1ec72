"""Requests for approval: of tickets, of the helpdesk's tasks, of agents of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Case, CharField, Count, IntegerField, Q, QuerySet, Value, When
from django.urls import reverse

from aura.console.inbox.items import Item, Kind, hindered
from aura.console.inbox.wanted import Wanted
from aura.kernel.ids import parse_uuid
from governance.access import DECIDE
from governance.approvals import eligible, holders, obstacle, weighing
from governance.models import Approval, ApprovalStatus, Verdict
from governance.templatetags.shown import sentences
from governance.types import RISKY_CLASSES, Role, folded
from tickets.models import Ticket
from tickets.plan import SUBMIT_PLAN

SEE_TICKETS = "tickets.view_ticket"
IS_PLAN = Q(tool_name=SUBMIT_PLAN)
IS_RISKY = Q(action_class__in=RISKY_CLASSES)


def _first(plan: object, risky: object, other: object, field: type) -> Case:
    return Case(
        When(IS_PLAN, then=Value(plan)),
        When(IS_RISKY, then=Value(risky)),
        default=Value(other),
        output_field=field(),
    )


class Requests:
    """Pending requests, the destructive ones first and plans last."""

    kinds = (Kind.DESTRUCTIVE, Kind.ACTION, Kind.PLAN)
    permission = "governance.view_approval"

    def counts(self, wanted: Wanted) -> QuerySet[Any, Any]:
        kind = _first(Kind.PLAN, Kind.DESTRUCTIVE, Kind.ACTION, CharField)
        counted = _rows(wanted).order_by().annotate(kind_=kind).values_list("kind_")
        return counted.annotate(number=Count("pk"))

    def items(self, wanted: Wanted, start: int, stop: int) -> list[Item]:
        place = _first(2, 0, 1, IntegerField)
        rows = _rows(wanted).annotate(place_=place).order_by("place_", "requested_at", "pk")
        # The keys alone are sorted: ten thousand rows with their arguments would take long.
        keys = list(rows.values_list("pk", flat=True)[start:stop])
        found = Approval.objects.prefetch_related("votes").in_bulk(keys)
        page = [found[key] for key in keys if key in found]
        titles = _titles(page) if wanted.user.has_perm(SEE_TICKETS) else {}
        people = {role: list(holders(Role(role))) for role in {row.approver_role for row in page}}
        return [_item(row, wanted, titles, people[row.approver_role]) for row in page]


def _rows(wanted: Wanted) -> QuerySet[Approval]:
    rows = Approval.objects.filter(status=ApprovalStatus.PENDING)
    if wanted.q:
        fields = ("tool_name", "resource_name", "requested_by", "requested_for", "trace_id", "key")
        said = Q(*((f"{name}__icontains", wanted.q) for name in fields), _connector=Q.OR)
        rows = rows.filter(said)
    if wanted.mine:
        rows = _mine(rows, wanted)
    chosen = [kind for kind in Requests.kinds if kind in wanted.kinds]
    return rows if chosen else rows.none()


def _mine(rows: QuerySet[Approval], wanted: Wanted) -> QuerySet[Approval]:
    """Those that this person may still approve: what `obstacle` says of one row, of all of them."""
    held = [Role(name).rank for name in wanted.by.roles]
    roles = [role.value for role in Role if role.rank <= max(held, default=-1)]
    if not roles or not wanted.user.has_perm(DECIDE):
        return rows.none()
    name = folded(wanted.by.name)
    asked = Q(four_eyes=True) & (
        Q(requested_for__iexact=name) | Q(requested_by__iexact=f"user:{name}")
    )
    return rows.filter(approver_role__in=roles).exclude(asked).exclude(votes__voter__iexact=name)


def _titles(page: Sequence[Approval]) -> Mapping[str, str]:
    """Titles of the tickets that they belong to, by trace."""
    keys = {key for row in page if (key := parse_uuid(row.trace_id))}
    found = Ticket.objects.filter(pk__in=keys).values_list("pk", "title") if keys else ()
    return {str(key): title for key, title in found}


def _item(row: Approval, wanted: Wanted, titles: Mapping[str, str], people: list[str]) -> Item:
    may = wanted.user.has_perm(DECIDE)
    because = obstacle(row, wanted.by) if may else "you may look and not decide"
    mine = folded(wanted.by.name)
    others = [name for name in eligible(row, among=people) if folded(name) != mine]
    title = titles.get(row.trace_id, "")
    is_plan = row.tool_name == SUBMIT_PLAN
    risky = row.action_class in RISKY_CLASSES
    return Item(
        kind=Kind.PLAN if is_plan else Kind.DESTRUCTIVE if risky else Kind.ACTION,
        badge="plan" if is_plan else row.action_class,
        what=_what(row, is_plan=is_plan),
        url=f"{reverse('admin:governance_approval_change', args=[row.pk])}#decide",
        since=row.requested_at,
        resource="" if is_plan else f"{row.resource_type}:{row.resource_name}",
        asked_by=row.requested_for or row.requested_by,
        about=title,
        about_url=reverse("admin:tickets_ticket_change", args=[row.trace_id]) if title else "",
        yours=not because,
        because=hindered(because, others),
        who=", ".join(others),
        votes=_votes(row, people),
        expires_at=row.expires_at,
    )


def _what(row: Approval, *, is_plan: bool) -> str:
    """What is asked for, in its own words where it has some; else the tool, and what it finds."""
    said = row.arguments.get("summary" if is_plan else "description")
    if isinstance(said, str) and said.strip():
        return sentences(said)[0] if is_plan else said
    found = weighing.preview(row).strip().split("\n", 1)[0]
    return f"{row.tool_name}: {found}" if found else weighing.sentence(row)


def _votes(row: Approval, people: list[str]) -> str:
    """How many of how many said yes, and who; empty where the first yes is enough."""
    if row.quorum == 1:
        return ""
    said = [vote.voter for vote in row.votes.all() if vote.verdict == Verdict.APPROVE]
    counting = [name for name in said if name in people]
    names = f": {', '.join(counting)}" if counting else ""
    return f"{len(counting)} of {row.quorum} said yes{names}"
