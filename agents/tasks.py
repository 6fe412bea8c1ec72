"""Celery's side of the helpdesk: wake-ups. Who may work is decided in the database."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from celery.signals import worker_shutting_down

from agents.a2a import push
from agents.helpdesk import drive, news, tasks
from agents.incident import callbacks


@shared_task
def advance(run_id: str) -> None:
    """One segment of the task of this run."""
    drive.advance(UUID(run_id))
    tell()


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
    if push.due().exists():
        push.hands.wake()


@worker_shutting_down.connect
def begin_nothing_more(**_: object) -> None:
    """What is being told is told to its end; the rest is for the next worker."""
    push.hands.stop()
