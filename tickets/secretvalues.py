"""Values of Secrets, from when a person enters them until a call has sealed them.

They are encrypted in the database, never shown again, and told to nobody but `sealed_secret_*`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.timezone import now

from agents.gitops.sealed.vault import SecretName
from aura.kernel.sealing import Unreadable, seal, unseal
from aura.kernel.secrets import SHORTEST_TOKEN, remember
from tickets.lifecycle import ENDED
from tickets.models import SecretValue, Ticket


def keep(
    ticket: Ticket, secret: SecretName, values: Mapping[str, str], *, given_by: str
) -> datetime:
    """Keep values, in place of those of the same keys; until when. Inside a transaction."""
    expires_at = now() + timedelta(seconds=settings.AURA.secret_values_expire_s)
    for key, value in values.items():
        _redact_from_now_on(value)
        SecretValue.objects.update_or_create(
            ticket=ticket,
            namespace=secret.namespace,
            name=secret.name,
            key=key,
            defaults={
                "value": seal(value),
                "used_by": "",
                "given_by": given_by,
                "expires_at": expires_at,
            },
        )
    return expires_at


def held(ticket: Ticket, secret: SecretName) -> frozenset[str]:
    """The keys whose values are there."""
    return frozenset(_there(ticket, secret).values_list("key", flat=True))


def forget_old() -> None:
    """Erase what has expired, and what was entered for tickets that are over."""
    SecretValue.objects.filter(Q(expires_at__lt=now()) | Q(ticket__status__in=ENDED)).delete()


class TicketVault:
    """`agents.gitops.sealed.vault.Vault` for one ticket."""

    def __init__(self, ticket: Ticket) -> None:
        self._ticket = ticket

    def values(self, secret: SecretName) -> Mapping[str, str]:
        found = {}
        for row in _there(self._ticket, secret):
            try:
                found[row.key] = unseal(row.value)
            except Unreadable:
                continue  # under a key that is gone: it is asked for again
            _redact_from_now_on(found[row.key])
        return found

    def forget(self, secret: SecretName, keys: Collection[str], *, call_id: str) -> None:
        with transaction.atomic():
            rows = _there(self._ticket, secret).filter(key__in=keys)
            rows.update(value="", used_by=call_id)

    def sealed_by(self, call_id: str) -> frozenset[str]:
        used = SecretValue.objects.filter(ticket=self._ticket, used_by=call_id)
        return frozenset(used.values_list("key", flat=True))

    def where(self, secret: SecretName) -> str:
        path = f"/api/tickets/{self._ticket.pk}/secrets/{secret.name}"
        return f"on the ticket's page in the console, or with PUT {path}"


def _redact_from_now_on(value: str) -> None:
    """A short value, such as a user's name, is a word of other texts too."""
    if len(value) >= SHORTEST_TOKEN:
        remember(value)


def _there(ticket: Ticket, secret: SecretName) -> QuerySet[SecretValue]:
    return SecretValue.objects.filter(
        ticket=ticket,
        namespace=secret.namespace,
        name=secret.name,
        expires_at__gt=now(),
    ).exclude(value="")
