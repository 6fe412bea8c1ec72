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
from pathlib import Path

from django.contrib.auth.models import User
from django.db import connection

from aura.config import Settings
from aura.demo.client import Api, answers
from aura.serving.startup import TOKEN_NOTE
from governance.identity import issue_token
from governance.types import Role

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
            first = _free_run(config.server_host, length, start=start)
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


def _free_run(host: str, length: int, *, start: int) -> int:
    """The first of `length` neighbouring free ports, from `start` on."""
    for first in range(start, LAST_SPARE_PORT):
        if not any(_taken(host, port) for port in range(first, first + length)):
            return first
    raise DidNotStart(f"no free ports were found between {start} and {LAST_SPARE_PORT}")


@contextmanager
def running(config: Settings, extra: dict[str, str]) -> Iterator[Api]:
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
            api = _logged_in(config, base)
            _wait(child, api.ready, log)
            yield api
        finally:
            _stop(child)


def _logged_in(config: Settings, base: str) -> Api:
    """With the token of the first start; with a new one when that has ended or was lost."""
    note = config.data / TOKEN_NOTE
    if note.is_file() and (api := Api(base, token=note.read_text().strip())).welcome():
        return api
    token = _new_token()
    note.unlink(missing_ok=True)
    note.touch(mode=0o600)
    note.write_text(f"{token}\n")
    return Api(base, token=token)


def _new_token() -> str:
    try:
        owner = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
        if owner is None:
            raise DidNotStart("There is no admin whose token the demo could use.")
        return issue_token(owner, name="demo", role=Role.APPROVER)
    finally:
        connection.close()  # `up` ends its database with the demo


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
