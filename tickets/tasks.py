"""Celery's side: wake-ups. Arguments are ids; who may work is decided in the database."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from celery.signals import worker_ready
from django.conf import settings

from agents import probes
from agents.gitops.workspace import Workspace
from agents.runtime import claims
from governance.audit.sequence import sequence
from tickets import drive, services
from tickets.agent import Workshop
from tickets.models import Ticket
from tickets.wakeups import wake_now


@shared_task
def advance(ticket_id: str) -> None:
    """One segment of a ticket."""
    drive.advance(UUID(ticket_id))


@shared_task
def tidy(ticket_id: str) -> None:
    """Remove the worktree of a cancelled ticket; its branch stays where it was pushed."""
    ticket = Ticket.objects.get(pk=UUID(ticket_id))
    drive.tidy(ticket, Workshop.configured(), delete_branch=False)


@shared_task
def sweep() -> None:
    """Find what no wake-up told of: due runs, decided approvals, unlinked events."""
    services.settle_decided()
    for ticket_id in Ticket.objects.filter(run__in=claims.due()).values_list("pk", flat=True):
        wake_now(ticket_id)
    sequence()


@shared_task
def look() -> None:
    """See whether Git and the model are there; `/api/health` tells what was seen."""
    probes.look(settings.AURA)


@shared_task
def maintain() -> None:
    """Once a day: keep the clone of the repository small."""
    if settings.AURA.git_repo_url:
        Workspace.from_settings(settings.AURA).maintain()


@worker_ready.connect
def look_first(**_: object) -> None:
    """A new worker looks at once, so that health is truthful from the start."""
    look.delay()
