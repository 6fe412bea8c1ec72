"""An approval is used: for its own action, in time, once or as often as its approver said."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import Case, DateTimeField, F, Func, Value, When
from django.db.models.functions import Coalesce

from governance.approvals.moves import locked, named, tell
from governance.fingerprint import fingerprint
from governance.models import Approval, ApprovalStatus
from governance.types import Action, ActorKind, Principal


class ClockTimestamp(Func):
    """The database's clock when the row is looked at, also behind a lock that was waited for."""

    function = "clock_timestamp"
    output_field = DateTimeField()


def consume(approval_id: UUID | str, *, action: Action) -> bool:
    """Use an approval for this action, in the transaction that begins it.

    False: it is not good for it (changed, used, expired, withdrawn). Of many at once one wins,
    unless a window for repetition was stated.
    """
    good = Approval.objects.filter(
        **named(approval_id),
        status=ApprovalStatus.APPROVED,
        fingerprint=fingerprint(action),
        use_by__gt=ClockTimestamp(),
    )
    with transaction.atomic():
        used = good.update(
            uses=F("uses") + 1,
            status=Case(
                When(valid_until__isnull=True, then=Value(ApprovalStatus.CONSUMED)),
                default=F("status"),
            ),
            consumed_at=Coalesce("consumed_at", ClockTimestamp()),
        )
        if used:
            approval = locked(approval_id)
            tell("approval_used", approval, by=action.principal, uses=approval.uses)
    return used == 1


def reusable(action: Action, *, on_behalf_of: Principal | None) -> Approval | None:
    """An approval of the same trace that was given for repeating exactly this, if there is one."""
    human = on_behalf_of or action.principal
    person = human.name[:150] if human.kind is ActorKind.USER else ""
    return (
        Approval.objects.filter(
            status=ApprovalStatus.APPROVED,
            trace_id=action.trace_id,
            fingerprint=fingerprint(action),
            requested_for=person,
            valid_until__gt=ClockTimestamp(),
        )
        .order_by("-valid_until")
        .first()
    )
