"""Celery's side: wake-ups. Arguments are ids; who may work is decided in the database."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from uuid import UUID

from celery import shared_task
from celery.signals import worker_init, worker_ready, worker_shutdown, worker_shutting_down
from django.conf import settings
from django.db import connection

from agents import probes
from agents.gitops.workspace import Workspace
from agents.runtime import claims
from governance import approvals, notices
from governance.approvals import callbacks
from governance.audit.background import in_background
from governance.audit.checkpoints import prepare_to_sign
from governance.audit.sequence import sequence
from governance.notices import sending
from tickets import daily, drive, notifying, previews, secretvalues, settling
from tickets.agent import Workshop
from tickets.models import Ticket
from tickets.wakeups import wake_now
from tickets.webhooks import endpoints, pump

# A ticket tells the log something with every turn: linked together it costs a commit less a turn.
LINK_EVERY_S = 0.03

_while_working = ExitStack()

logger = logging.getLogger(__name__)


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
def tidy_leftovers() -> None:
    """Remove what killed workers of this machine left of tickets that are over."""
    if settings.AURA.git_repo_url:
        drive.tidy_leftovers(Workshop.configured())


@shared_task
def sweep() -> None:
    """Find what no wake-up told of: due runs, decided and expired approvals, unlinked events."""
    claims.release_abandoned()
    approvals.expire_due()
    settling.settle_decided()
    for ticket_id in Ticket.objects.filter(run__in=claims.due()).values_list("pk", flat=True):
        wake_now(ticket_id)
    sequence()
    if pump.needed():
        pump.hands.wake()
    if callbacks.due().exists():
        callbacks.hands.wake()
    if notifying.due().exists():
        notifying.hands.wake()
    if sending.due().exists():
        sending.hands.wake()
    if previews.due().exists():
        previews.hands.wake()
    secretvalues.forget_old()


@shared_task
def deliver() -> None:
    """Deliver webhooks, in threads of their own: receivers may be slow, agents must not wait."""
    pump.hands.wake()


@shared_task
def look(*, scheduled: bool = False) -> None:
    """See whether Git and the model are there; `/api/health` tells what was seen."""
    if scheduled:
        probes.scheduled()
    probes.look(settings.AURA)


@shared_task
def count_days() -> None:
    """Count what agents did, for the dashboard."""
    daily.count()


@shared_task
def maintain() -> None:
    """Once a day: keep the clone of the repository and the list of deliveries small."""
    if settings.AURA.git_repo_url:
        Workspace.from_settings(settings.AURA).maintain()
    endpoints.forget_old()
    notices.forget_old()


@worker_init.connect
def link_in_background(**_: object) -> None:
    """Turns do not wait for the log's chain; what they are about to do is signed here."""
    if note := prepare_to_sign():
        logger.warning("%s", note)
    connection.close()
    _while_working.enter_context(in_background(every_s=LINK_EVERY_S))


@worker_shutdown.connect
def link_the_rest(**_: object) -> None:
    _while_working.close()


@worker_ready.connect
def look_first(**_: object) -> None:
    """A new worker takes up at once what a dead one left, and health is truthful from the start."""
    sweep.delay()
    look.delay()
    count_days.delay()
    tidy_leftovers.delay()


@worker_shutting_down.connect
def begin_nothing_more(**_: object) -> None:
    """What is being delivered is delivered to its end; the rest is for the next worker."""
    pump.hands.stop()
    callbacks.hands.stop()
    notifying.hands.stop()
    sending.hands.stop()
    previews.hands.stop()
