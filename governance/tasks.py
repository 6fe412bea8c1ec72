"""Celery's side of governance: each worker has a thread that may be secbot; one of them is. And the
verification that a person asks for.
"""

from __future__ import annotations

from celery import shared_task
from celery.signals import worker_init, worker_shutdown

from governance.audit import checking
from governance.secbot.watcher import Watcher

_watching: list[Watcher] = []


@shared_task
def check_log(number: int) -> None:
    """Verify all of the log."""
    checking.run(number)


@worker_init.connect
def watch(**_: object) -> None:
    """Begin to read the log."""
    watcher = Watcher()
    watcher.start()
    _watching.append(watcher)


@worker_shutdown.connect
def stop_watching(**_: object) -> None:
    """Whoever comes next goes on where this one was."""
    while _watching:
        _watching.pop().stop()
