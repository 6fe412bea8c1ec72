"""Ends this process with SIGKILL at a named point: test-only wraps around functions by name.

    spring = Trap(armed)          # asked at every pass whether this is the point
    spring.install()

A point is `<tool>:<phase>`. The phases of a call, in order:

    answered   the model asked for it, nothing is written yet
    begun      its intent is committed, the effect has not begun
    git-<n>    inside the effect, before the n-th command of git (which changes things one by one)
    effected   the effect is there, its outcome is not committed
    told       the outcome is committed, the next turn has not begun

Nothing in the product knows of this. A name that is gone from the product breaks `install`.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from agents.gitops.git import Git
from agents.runtime import executions, segment
from agents.runtime.session import Session

PHASES = ("answered", "begun", "effected", "told")

Armed = Callable[[str], bool]


class Trap:
    """`armed(point)` says whether to die there; it is asked in the thread that passes."""

    def __init__(self, armed: Armed) -> None:
        self._armed = armed
        self._inside = threading.local()

    def passed(self, tool: str, phase: str) -> None:
        if self._armed(f"{tool}:{phase}"):
            os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        self._around_ask()
        self._around_run()
        self._around_git()
        self._around_commit()

    def _around_ask(self) -> None:
        module: Any = segment
        real = module.ask

        def ask(session: Session) -> None:
            real(session)
            for call in session.calls:
                self.passed(call.tool, "answered")

        module.ask = ask

    def _around_run(self) -> None:
        real = executions.run

        def run(bound: Any) -> Any:
            self.passed(bound.tool.name, "begun")
            self._inside.tool, self._inside.commands = bound.tool.name, 0
            outcome = real(bound)
            self._inside.tool = None
            self.passed(bound.tool.name, "effected")
            return outcome

        executions.run = run

    def _around_git(self) -> None:
        kind: Any = Git
        real = kind._execute

        def execute(git: Git, *arguments: Any, **options: Any) -> Any:
            tool = getattr(self._inside, "tool", None)
            if tool:
                self._inside.commands += 1
                self.passed(tool, f"git-{self._inside.commands}")
            return real(git, *arguments, **options)

        kind._execute = execute

    def _around_commit(self) -> None:
        kind: Any = Session
        real = kind.commit

        @contextmanager
        def commit(session: Session) -> Iterator[Any]:
            told = [call.tool for call, _ in session.outcomes]
            with real(session) as given:
                yield given
            for tool in told:
                self.passed(tool, "told")

        kind.commit = commit
