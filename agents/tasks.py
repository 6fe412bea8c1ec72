"""The worker's side of the helpdesk: wake-ups. Who may work is decided in the database.

Tasks come by a lane of their own (`agents.helpdesk.lane`), the sweep that finds the others by
Celery.
"""

from __future__ import annotations

import threading
from uuid import UUID

from celery import shared_task
from celery.signals import worker_ready, worker_shutdown, worker_shutting_down
from django.conf import settings

from agents.a2a import push
from agents.helpdesk import drive, news, tasks
from agents.helpdesk.lane import Lane
from agents.incident import callbacks
from agents.kubernetes.client import prepare


def advance(run_id: UUID) -> None:
    """One segment of the task of this run."""
    drive.advance(run_id)
    tell()


lane = Lane(advance)


@shared_task
def sweep() -> None:
    """Find what no wake-up told of: due tasks, and those whose request was decided."""
    callbacks.hands.wake()
    tasks.settle_decided()
    for run_id in tasks.due_runs():
        news.wake_now(run_id)
    tell()


def tell() -> None:
    """Tell clients how their tasks stand, in threads of their own: receivers may be slow."""
    if push.any_waits() and push.due().exists():
        push.hands.wake()


@worker_ready.connect
def take_tasks(**_: object) -> None:
    """Somebody waits for each of them: tickets at work do not keep them waiting."""
    lane.start(settings.AURA.worker_concurrency)


@worker_ready.connect
def know_the_client(**_: object) -> None:
    """The first question about a cluster does not wait for the import of its client."""
    if settings.AURA.kubeconfig:
        threading.Thread(target=prepare, name="cluster client", daemon=True).start()


@worker_shutting_down.connect
def begin_nothing_more(**_: object) -> None:
    """What is being told is told to its end; the rest is for the next worker."""
    lane.stop()
    push.hands.stop()


@worker_shutdown.connect
def end_what_was_begun(**_: object) -> None:
    lane.join()
