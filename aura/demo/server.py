"""`manage.py up` as a child, for as long as the demo lasts."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.models import User
from django.db import connection
from django.utils.timezone import now

from aura.config import Settings
from aura.demo.client import Api, answers
from aura.serving.startup import TOKEN_NOTE, first_operator
from governance.identity import digest, issue_token
from governance.models import ApiToken
from governance.types import Role

APPROVER_NOTE = "demo-approver-token.txt"
READY_S = 90.0
STOP_S = 20.0
FIRST_SPARE_PORT, LAST_SPARE_PORT = 20_000, 32_000  # below what systems hand out by themselves
AGENT_SPAN = 7  # the agents are on the first port, +2, +4 and +6
MANAGE = Path(__file__).resolve().parent.parent.parent / "manage.py"


class DidNotStart(Exception):
    """`up` ended, or did not get ready; the text says what it said."""


def free_ports(config: Settings) -> dict[str, str]:
    """Settings that move the ports that somebody else has; empty when all are free."""
    moved: dict[str, str] = {}
    start = FIRST_SPARE_PORT
    for surface, setting, port in config.ports.listed():
        if setting not in moved and _taken(config.server_host, port):
            length = AGENT_SPAN if surface.endswith("-agent") else 1
            first = free_run(config.server_host, length, start=start)
            moved[setting], start = str(first), first + length
    return moved


def _taken(host: str, port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def free_run(host: str, length: int, *, start: int) -> int:
    """The first of `length` neighbouring free ports, from `start` on."""
    for first in range(start, LAST_SPARE_PORT):
        if not any(_taken(host, port) for port in range(first, first + length)):
            return first
    raise DidNotStart(f"no free ports were found between {start} and {LAST_SPARE_PORT}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Two people at the API: who opens the ticket, and who approves its plan; and the gateway."""

    api: Api
    approver: Api
    gateway: str


@contextmanager
def running(config: Settings, extra: dict[str, str]) -> Iterator[Desk]:
    """Aura, ready to take tickets. Raises `DidNotStart` with what it printed."""
    log = config.data / "log" / "up.log"
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    environment = {**os.environ, **extra}  # noqa: TID251 - handed on whole to a child of ours
    port = int(extra.get("AURA_SERVER_PORT", config.server_port))
    with log.open("w") as output:
        child = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, str(MANAGE), "up"],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C comes to the demo alone, which then ends it in order
        )
        try:
            base = f"http://{config.server_host}:{port}/api"
            _wait(child, lambda: answers(base), log)
            gateway = int(extra.get("AURA_GATEWAY_PORT", config.gateway_port))
            desk = _logged_in(config, base, f"http://{config.server_host}:{gateway}")
            _wait(child, desk.api.ready, log)
            yield desk
        finally:
            _stop(child)


def _logged_in(config: Settings, base: str, gateway: str) -> Desk:
    try:
        admin = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
        if admin is None:
            raise DidNotStart("There is no admin who could approve.")
        return Desk(
            api=Api(base, token=_token(config.data / TOKEN_NOTE, first_operator(), Role.OPERATOR)),
            approver=Api(base, token=_token(config.data / APPROVER_NOTE, admin, Role.APPROVER)),
            gateway=gateway,
        )
    finally:
        connection.close()  # `up` ends its database with the demo


def _token(note: Path, owner: User, role: Role) -> str:
    """The token kept in `note`; a new one when that is not theirs, has ended or was lost."""
    kept = note.read_text().strip() if note.is_file() else ""
    live = ApiToken.objects.filter(user=owner, revoked_at=None, expires_at__gt=now())
    if kept and live.filter(digest=digest(kept)).exists():
        return kept
    token = issue_token(owner, name="demo", role=role)
    note.unlink(missing_ok=True)
    note.touch(mode=0o600)
    note.write_text(f"{token}\n")
    return token


def _wait(child: subprocess.Popen[bytes], done: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while not done():
        if child.poll() is not None or time.monotonic() > deadline:
            raise DidNotStart(log.read_text().strip() or f"see {log}")
        time.sleep(0.1)


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
