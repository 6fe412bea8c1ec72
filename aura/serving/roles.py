"""The processes of a server: one role each (`manage.py serve ROLE`). `up` has them all in one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import uvloop
from django.db import connections

from aura.config import Settings
from aura.serving import startup
from aura.serving.interrupts import Interrupts
from aura.serving.sockets import bind_all
from aura.serving.web import Server

CELERY_ROLES = ("worker", "beat")
# The application of `aura.asgi` that a role serves, and the surfaces whose ports it binds.
WEB_ROLES: dict[str, tuple[str, frozenset[str] | None]] = {
    "web": ("application", None),
    "stream": ("streams_only", frozenset({"api", "secbot"})),
}


class NotMigrated(Exception):
    """The database is older than this code; the text says what to run."""


def celery_arguments(role: str, config: Settings) -> list[str]:
    """Celery's command line for a worker or for beat."""
    own = {
        "worker": [
            f"--concurrency={config.worker_concurrency}",
            "--pool=threads",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
        ],
        "beat": ["--schedule", str(config.data / "celerybeat-schedule"), "--pidfile="],
    }
    return [role, "--loglevel", config.logging_level, *own[role]]


def serve_http(
    role: str, config: Settings, interrupts: Interrupts, *, on_ready: Callable[[], None]
) -> None:
    """Serve the ports of a web role until a signal. Raises `CannotBind` or `NotMigrated`."""
    app, surfaces = WEB_ROLES[role]
    require_database()
    listed = config.ports.listed()
    ports = [entry for entry in listed if surfaces is None or entry[0] in surfaces]
    with ExitStack() as stack:
        sockets = bind_all(config.server_host, ports)
        for one in sockets:
            stack.callback(one.close)
        server = Server(on_ready, app=app)
        interrupts.call_instead(lambda: setattr(server, "should_exit", True))
        uvloop.run(server.serve(sockets))


def put_policy_in_place() -> str:
    """`startup.put_policy_in_place`, by one of the processes that start at once."""
    require_database()
    try:
        with startup.alone():
            return startup.put_policy_in_place()
    finally:
        connections.close_all()


def require_database() -> None:
    """Several processes of a role start at once, so none of them migrates. Raises `NotMigrated`,
    and Django's `OperationalError` when there is no database.
    """
    try:
        missing = startup.missing_migrations()
    finally:
        connections.close_all()
    if missing:
        raise NotMigrated(
            f"The database lacks {missing} migration(s) of this version: run `manage.py migrate`."
        )
