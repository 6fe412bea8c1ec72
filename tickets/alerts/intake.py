"""Takes alerts in: a new one opens a ticket or joins that of its group, a resolved one closes.

All of a message is one transaction under one lock, so that the two halves of a redundant
Alertmanager, which send the same at the same moment, open one ticket.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils.timezone import now

from governance.types import Principal
from tickets import services
from tickets.alerts import wording
from tickets.alerts.messages import Incoming
from tickets.events import tell
from tickets.lifecycle import ENDED, WAITING
from tickets.models import Alert, Status, Ticket

LOCK: Final = 0x61757261_616C7274  # any number that nothing else of this database locks
RESOLVED: Final = "every alert of this ticket has resolved by itself"


@dataclass(slots=True)
class Taken:
    """What came of a message: keys of tickets, and numbers of alerts."""

    opened: list[str] = field(default_factory=list)
    joined: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    repeated: int = 0
    resolved: int = 0
    unknown: int = 0


def take(
    alerts: Sequence[Incoming], *, actor: Principal, count: Callable[[], None] = lambda: None
) -> Taken:
    """Take the alerts of one message. `count` is called before each ticket, and may refuse."""
    taken = Taken()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        _resolve([alert for alert in alerts if not alert.firing], taken, actor)
        new = _unknown([alert for alert in alerts if alert.firing], taken)
        for _, group in groupby(sorted(new, key=_group), key=_group):
            _open(list(group), taken, actor, count)
    return taken


def _group(alert: Incoming) -> str:
    return alert.group


def _unknown(alerts: Sequence[Incoming], taken: Taken) -> list[Incoming]:
    """Those that are not known to fire; of the others it is noted that they still do."""
    by_key = {alert.fingerprint: alert for alert in alerts}
    firing = Alert.objects.filter(
        source__in={alert.source for alert in alerts},
        fingerprint__in=by_key,
        resolved_at=None,
    )
    known = list(firing.values_list("fingerprint", flat=True))
    taken.repeated += firing.update(times=F("times") + 1, last_at=now())
    return [alert for key, alert in by_key.items() if key not in known]


def _open(
    alerts: Sequence[Incoming], taken: Taken, actor: Principal, count: Callable[[], None]
) -> None:
    ticket = _ticket_of(alerts[0])
    if ticket is None:
        count()
        ticket = services.create_ticket(
            title=wording.title(alerts),
            description=wording.description(alerts),
            priority=wording.priority(alerts),
            actor=actor,
        )
        if settings.AURA.alerts_run:
            services.run_ticket(ticket, actor=actor)
        taken.opened.append(str(ticket.pk))
    else:
        taken.joined.append(str(ticket.pk))
    Alert.objects.bulk_create(_row(alert, ticket) for alert in alerts)
    for alert in alerts:
        tell(ticket, "alert_received", actor=actor, payload=_payload(alert))


def _ticket_of(alert: Incoming) -> Ticket | None:
    """The ticket of the group, where one is still being worked on."""
    rows = Alert.objects.filter(source=alert.source, group=alert.group, resolved_at=None)
    found = rows.exclude(ticket__status__in=ENDED).select_related("ticket").first()
    return found.ticket if found else None


def _row(alert: Incoming, ticket: Ticket) -> Alert:
    return Alert(
        ticket=ticket,
        source=alert.source,
        fingerprint=alert.fingerprint,
        group=alert.group,
        name=alert.name[:255],
        labels=dict(alert.labels),
        annotations=dict(alert.annotations),
        link=alert.link,
    )


def _payload(alert: Incoming) -> dict[str, object]:
    return {
        "source": alert.source.value,
        "alert": alert.name,
        "fingerprint": alert.fingerprint,
        "labels": dict(alert.labels),
    }


def _resolve(alerts: Sequence[Incoming], taken: Taken, actor: Principal) -> None:
    tickets: dict[str, Ticket] = {}
    for alert in alerts:
        # Whoever sent it says that it is over: others with a token cancel nobody's ticket by it.
        row = (
            Alert.objects.filter(
                source=alert.source,
                fingerprint=alert.fingerprint,
                resolved_at=None,
                ticket__created_by=services.opened_by(actor),
            )
            .select_related("ticket")
            .first()
        )
        if row is None:
            taken.unknown += 1
            continue
        row.resolved_at = row.last_at = now()
        row.save(update_fields=["resolved_at", "last_at"])
        taken.resolved += 1
        tickets[str(row.ticket_id)] = row.ticket
        tell(row.ticket, "alert_resolved", actor=actor, payload=_payload(alert))
    for ticket in tickets.values():
        _close(ticket, taken, actor)


def _close(ticket: Ticket, taken: Taken, actor: Principal) -> None:
    """Cancel the ticket of alerts that are all over, unless something of it was released.

    What a person has approved goes on to its end; a ticket that waits or plans is not needed.
    """
    if ticket.alerts.filter(resolved_at=None).exists():
        return
    idle = {Status.DRAFT, Status.PLANNING, Status.PAUSED, *WAITING}
    if ticket.status not in idle or ticket.plan_approved_at is not None:
        return
    services.cancel_ticket(ticket, actor=actor, reason=RESOLVED)
    taken.cancelled.append(str(ticket.pk))
