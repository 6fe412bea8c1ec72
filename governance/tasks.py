"""Celery's side of governance: each worker has a thread that may be secbot; one of them is."""

from __future__ import annotations

from celery.signals import worker_init, worker_shutdown

from governance.secbot.watcher import Watcher

_watching: list[Watcher] = []


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
