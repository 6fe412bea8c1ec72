"""The life of `manage.py up`, from the first socket to the last child."""

from __future__ import annotations

import asyncio
import logging.config
import os
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import uvloop
from django.conf import settings
from django.db import OperationalError, connections

from agents import probes
from aura.config import unknown_names
from aura.embedded import Embedded, ServiceError, remembered
from aura.embedded.instance import only_instance
from aura.embedded.process import make_directory, make_private
from aura.kernel.telemetry.logs import configuration
from aura.serving import startup
from aura.serving.banner import banner, console_url
from aura.serving.interrupts import Interrupts
from aura.serving.logs import trim
from aura.serving.roles import CELERY_ROLES, celery_arguments
from aura.serving.sockets import bind_all
from aura.serving.supervisor import Child, Say, Supervisor
from aura.serving.web import Server
from governance.audit.checkpoints import prepare_to_sign
from governance.inventory import InventoryRefused, remarks
from governance.policy.nodes import PolicyRefused

TEND_EVERY_S = 1.0
LAST_RESORT_S = 30.0


class Up:
    """Says what a person should know through `say`; ends on the signals of `interrupts`."""

    def __init__(self, interrupts: Interrupts, *, say: Say, workers: bool) -> None:
        self.config = settings.AURA
        self.data: Path = self.config.data
        self.interrupts = interrupts
        self.say = say
        self.workers = workers
        self.services = Embedded.of(self.config)

    def run(self, *, on_ready: Callable[[str], None]) -> None:
        """Serve until told to stop. Raises `AlreadyRunning`, `CannotBind` or `ServiceError`."""
        for warning in unknown_names():
            self.say(f"warning: {warning}")
        with ExitStack() as stack:
            make_directory(self.data)
            make_private(self.data / "log")
            stack.enter_context(only_instance(self.data))
            remembered.keep(self.data, self.config)
            if self.config.env == "development":  # a terminal is for people; servers collect it
                _log_to(self.data / "log" / "web.log")
            sockets = bind_all(self.config.server_host, self.config.ports.listed())
            for one in sockets:
                stack.callback(one.close)
            stack.enter_context(self.services)
            first = self._prepare()
            text = banner(self.config, first=first, workers=self.workers)
            uvloop.run(self._serve(sockets, lambda: on_ready(text)))

    def _prepare(self) -> startup.First | None:
        """Tables, the first login and the first token; both when they were made."""
        try:
            with startup.alone():
                startup.migrate(self.services.admin_url())
                if note := prepare_to_sign():
                    self.say(f"warning: {note}")
                startup.register_own_database(self.config, self.services.own_postgres())
                for note in remarks(self.config.infra_config):
                    self.say(f"warning: {note}")
                if note := startup.put_policy_in_place():
                    self.say(f"warning: {note}")
                return startup.first_login(self.data, url=console_url(self.config))
        except (PolicyRefused, InventoryRefused) as refusal:
            raise ServiceError(str(refusal)) from None
        except OperationalError as error:
            reason = " ".join(str(error).split())
            raise ServiceError(f"The database does not answer: {reason}") from None
        finally:
            connections.close_all()

    async def _serve(self, sockets: list[socket.socket], ready: Callable[[], None]) -> None:
        """Web server, children and embedded services side by side until a signal."""
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()
        self.interrupts.call_instead(lambda: loop.call_soon_threadsafe(stopping.set))
        beside = [asyncio.create_task(self._tend())]
        if self.workers:
            supervisor = Supervisor(self._children(), say=self.say)
            beside.append(asyncio.create_task(supervisor.run()))
        looking = asyncio.create_task(asyncio.to_thread(self._look_at_git))
        server = Server(ready)
        web = asyncio.create_task(server.serve(sockets))
        everything: set[asyncio.Task[Any]] = {web, *beside, asyncio.create_task(stopping.wait())}
        ended, _ = await asyncio.wait(everything, return_when=asyncio.FIRST_COMPLETED)
        self.interrupts.ignore()
        looking.cancel()
        if stopping.is_set():
            self.say("Ending: streams are closed, agents let go of their tickets …")
        _leave_in_time()
        server.should_exit = True
        for task in beside:
            task.cancel()
        await asyncio.gather(web, *beside, return_exceptions=True)
        for task in ended:
            task.result()  # what ended of itself did so by a bug, which is told

    def _look_at_git(self) -> None:
        """Said once: later it is in `/api/health`, the metrics and the tickets that pause."""
        if self.config.git_repo_url and (problem := probes.git_problem(self.config)):
            self.say(f"warning: the repository of AURA_GIT_REPO_URL cannot be used: {problem}")

    async def _tend(self) -> None:
        """Start embedded services again that were killed; keep the logs short."""
        told = ""
        while True:
            await asyncio.sleep(TEND_EVERY_S)
            trim(self.data / "log")
            try:
                names = await asyncio.to_thread(self.services.heal)
                told = ""
            except ServiceError as error:
                if str(error) != told:
                    told = str(error)
                    self.say(told)
            else:
                for name in names:
                    self.say(f"{name} had died and was started again")

    def _children(self) -> list[Child]:
        environment = {
            **os.environ,  # noqa: TID251 - handed on whole; read by aura.config in the child
            "AURA_DATABASE_URL": settings.DATABASE_URL,
            "AURA_REDIS_URL": settings.REDIS_URL,
            "AURA_SUPERVISED": str(os.getpid()),
            "AURA_METRICS_PORT": "0",  # our /metrics shows theirs
        }
        return [
            Child(
                name=name,
                arguments=celery_arguments(name, self.config),
                log=self.data / "log" / f"{name}.log",
                environment=environment,
            )
            for name in CELERY_ROLES
        ]


def _log_to(file: Path) -> None:
    """Django sets logging up again when it loads the application, so its settings must know."""
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600))
    config = settings.AURA
    settings.LOGGING = configuration(
        level=config.logging_level, style=config.logging_format or "text", file=file
    )
    logging.config.dictConfig(settings.LOGGING)


def _leave_in_time() -> None:
    """A request that hangs in a thread must not keep the process for ever."""
    timer = threading.Timer(LAST_RESORT_S, os._exit, (0,))
    timer.daemon = True
    timer.start()
