"""What people do with webhooks: one function a verb. Console and command call the same ones."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.timezone import now

from aura.kernel import outbound
from aura.kernel.errors import ValidationFailed
from aura.kernel.sealing import Unreadable, resealed, seal
from governance.audit.record import data_of, record
from governance.audit.sequence import sequence
from governance.models import AuditLink
from governance.types import Principal
from tickets.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from tickets.webhooks import feed, queue
from tickets.webhooks.messages import NAMES, TESTED, trial
from tickets.webhooks.queue import tell
from tickets.webhooks.send import new_secret

OVERLAP = timedelta(days=1)  # so long both secrets sign after a rotation
KEEP = timedelta(days=30)  # so long a delivery that arrived, or was given up, is shown


def create(
    *, url: str, events: Collection[str], actor: Principal, description: str = ""
) -> tuple[WebhookEndpoint, str]:
    """A new endpoint, from this place of the log on, and its secret: the only time it is seen.

    Raises `ValidationFailed`, or `outbound.NotAllowed` for a URL that may not be asked.
    """
    secret = new_secret()
    with transaction.atomic():
        endpoint = WebhookEndpoint.objects.create(
            url=_checked(url),
            events=_known(events),
            description=description,
            secret=seal(secret),
            created_by=actor.name[:150],
            cursor=feed.head(),
        )
        tell(endpoint, "webhook_created", "created", actor=actor)
    return endpoint, secret


def update(
    endpoint: WebhookEndpoint,
    *,
    url: str,
    events: Collection[str],
    description: str,
    actor: Principal,
) -> None:
    """Change where it leads and what it is told. Raises as `create` does."""
    endpoint.url, endpoint.events = _checked(url), _known(events)
    endpoint.description = description
    with transaction.atomic():
        endpoint.save(update_fields=["url", "events", "description"])
        tell(endpoint, "webhook_updated", "changed", actor=actor)


def delete(endpoint: WebhookEndpoint, *, actor: Principal) -> None:
    """Remove it and its deliveries; what was recorded of it stays in the log."""
    with transaction.atomic():
        tell(endpoint, "webhook_deleted", "deleted", actor=actor)
        endpoint.delete()


def rotate(endpoint: WebhookEndpoint, *, actor: Principal) -> str:
    """A new secret, shown once. Both sign for `OVERLAP`, so that receivers can change over."""
    secret = new_secret()
    with transaction.atomic():
        held = WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
        WebhookEndpoint.objects.filter(pk=held.pk).update(
            secret=seal(secret), old_secret=held.secret, old_secret_until=now() + OVERLAP
        )
        tell(held, "webhook_updated", "secret rotated", actor=actor)
    endpoint.refresh_from_db()
    return secret


def disable(endpoint: WebhookEndpoint, *, actor: Principal) -> None:
    """Send nothing until it is enabled again."""
    with transaction.atomic():
        queue.disable(endpoint, f"by {actor.name}", actor=actor)


def enable(endpoint: WebhookEndpoint, *, actor: Principal, catch_up: bool) -> None:
    """Send again. `catch_up`: also what waited, and what happened meanwhile."""
    with transaction.atomic():
        held = WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
        if held.active:
            return
        waiting = held.deliveries.filter(state=DeliveryState.PENDING)
        if catch_up:
            waiting.update(next_at=now())
        else:
            skipped = "skipped when the webhook was enabled again"
            waiting.update(state=DeliveryState.DEAD, next_at=None, ended_at=now(), error=skipped)
        WebhookEndpoint.objects.filter(pk=held.pk).update(
            active=True,
            disabled_reason="",
            failures=0,
            failing_since=None,
            rests_until=None,
            cursor=held.cursor if catch_up else feed.head(),
        )
        what = "enabled, with what happened meanwhile" if catch_up else "enabled"
        tell(held, "webhook_updated", what, actor=actor)


def try_out(endpoint: WebhookEndpoint, *, actor: Principal) -> WebhookDelivery:
    """Queue a message of the kind `webhook.test`. Raises `ValidationFailed` when it is disabled."""
    if not endpoint.active:
        raise ValidationFailed("The webhook is disabled; enable it first")
    with transaction.atomic():
        event = record(
            TESTED, actor=actor, action="webhook tried out", data={"endpoint": str(endpoint.pk)}
        )
    while not (link := AuditLink.objects.filter(event=event).first()):
        sequence()  # or somebody else does
    row = feed.delivery(endpoint, link.seq, trial(link.seq, data_of(event.body)))
    row.save()
    return row


def replay(delivery: WebhookDelivery, *, actor: Principal) -> None:
    """Send one message again, under the same id."""
    with transaction.atomic():
        _again(delivery.endpoint, [delivery.pk])
        tell(delivery.endpoint, "webhook_updated", f"replay of {delivery.message_id}", actor=actor)


def replay_failed(endpoint: WebhookEndpoint, *, since: datetime, actor: Principal) -> int:
    """Send again all that was given up since then; how many messages that is."""
    with transaction.atomic():
        dead = endpoint.deliveries.filter(state=DeliveryState.DEAD, ended_at__gte=since)
        count = _again(endpoint, list(dead.values_list("pk", flat=True)))
        tell(endpoint, "webhook_updated", f"replay of {count} failed messages", actor=actor)
    return count


def reseal() -> int:
    """Move every secret to the present secret key; how many could be read."""
    done = 0
    with transaction.atomic():
        for endpoint in WebhookEndpoint.objects.select_for_update():  # nobody rotates meanwhile
            try:
                endpoint.secret = resealed(endpoint.secret)
                endpoint.old_secret = endpoint.old_secret and resealed(endpoint.old_secret)
            except Unreadable:
                continue
            endpoint.save(update_fields=["secret", "old_secret"])
            done += 1
    return done


def forget_old() -> None:
    """Once a day: remove deliveries that ended long ago."""
    WebhookDelivery.objects.filter(ended_at__lt=now() - KEEP).delete()


def _again(endpoint: WebhookEndpoint, deliveries: list[int]) -> int:
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(rests_until=None)
    chosen = WebhookDelivery.objects.filter(pk__in=deliveries)
    return chosen.update(
        state=DeliveryState.PENDING, attempts=0, next_at=now(), ended_at=None, error=""
    )


def _checked(url: str) -> str:
    outbound.parse(url)
    return url


def _known(events: Collection[str]) -> list[str]:
    strange = sorted(set(events) - set(NAMES))
    if strange or not events:
        problem = f"Unknown: {', '.join(strange)}" if strange else "Choose at least one"
        raise ValidationFailed(
            f"{problem}; there are {', '.join(NAMES)}", details={"events": [problem]}
        )
    return [name for name in NAMES if name in events]
