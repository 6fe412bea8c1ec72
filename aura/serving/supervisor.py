"""Child processes of `up`: started, restarted when they die, ended with everything they began."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from aura.embedded.process import last_lines

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 10.0
STEADY_S = 5.0  # a child that lived this long starts again with the first delay
GRACE_S = 5.0  # then KILL: what a worker held is taken up again from the database

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """`arguments` are Celery's."""

    name: str
    arguments: Sequence[str]
    log: Path
    environment: Mapping[str, str]


class Supervisor:
    """Keeps children alive while `run()` runs; cancelling it ends them."""

    def __init__(self, children: Sequence[Child], *, say: Say) -> None:
        self.children = children
        self.say = say

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for child in self.children:
                group.create_task(self._keep(child))

    async def _keep(self, child: Child) -> None:
        delay = FIRST_DELAY_S
        while True:
            began = time.monotonic()
            try:
                death = _obituary(child, await _run_once(child))
            except OSError as error:
                death = f"{child.name} cannot be started: {error}"
            if time.monotonic() - began > STEADY_S:
                delay = FIRST_DELAY_S
            self.say(f"{death}; starting it again in {delay:g} s")
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_DELAY_S)


async def _run_once(child: Child) -> int:
    """Run the child to its end; whatever happens here, nothing of its group is left."""
    process = await _spawn(child)
    try:
        return await process.wait()
    except asyncio.CancelledError:
        await _end(process)
        raise
    finally:
        _signal_group(process, signal.SIGKILL)  # what a killed worker had started itself


async def _spawn(child: Child) -> Process:
    with os.fdopen(os.open(child.log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600), "ab") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "aura.serving.child",
            *child.arguments,
            stdin=PIPE,  # never written to: the child reads its end from it
            stdout=log,
            stderr=log,
            env=child.environment,
            start_new_session=True,
        )


async def _end(process: Process) -> None:
    _signal_group(process, signal.SIGTERM)
    with suppress(TimeoutError):
        async with asyncio.timeout(GRACE_S):
            await process.wait()
            return
    _signal_group(process, signal.SIGKILL)
    await process.wait()


def _signal_group(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _obituary(child: Child, code: int) -> str:
    if code < 0:
        return f"{child.name} was killed by signal {-code}"
    return f"{child.name} ended with exit code {code} ({last_lines(child.log)})"
