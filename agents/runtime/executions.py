"""Effects: running admitted calls, and finding out after a crash what a begun one did."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass

from agents.runtime import claims, observed
from agents.runtime.door import BoundCall
from agents.runtime.interrupt import current
from agents.runtime.tool import (
    NeedsPerson,
    Suspended,
    Tool,
    ToolFailure,
    ToolResult,
    TransientFailure,
)
from aura.kernel.telemetry import metrics
from governance.types import ActionClass

READERS = 4
UNKNOWN_OUTCOME = (
    "interrupted, outcome unknown: the worker stopped while this ran, and it cannot be told"
    " whether it took effect; look before doing it again"
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a call: a result, a wait, a failure told to the model, or a try to repeat.

    `blocked`: to be repeated once a person has mended what is outside. `denied`: it failed because
    the policy or a person said no.
    """

    result: ToolResult | None = None
    suspended: Suspended | None = None
    failure: str = ""
    transient: bool = False
    blocked: bool = False
    unknown: bool = False
    denied: bool = False

    @property
    def put_off(self) -> bool:
        """The call is to be tried again later."""
        return self.transient or self.blocked

    @property
    def final(self) -> bool:
        """The call is over: it waits for nobody and is not tried again."""
        return self.suspended is None and not self.put_off

    @property
    def kind(self) -> str:
        """One word for the metrics."""
        if self.result is not None:
            return "ok"
        if self.suspended is not None:
            return "waits"
        kinds = {"transient": self.transient, "blocked": self.blocked, "unknown": self.unknown}
        return next((name for name, holds in kinds.items() if holds), "failed")


def run_all(calls: Sequence[BoundCall]) -> list[Outcome]:
    """Run admitted calls: several only when none of them changes anything, then side by side."""
    if len(calls) == 1:
        return [run(calls[0])]
    with ThreadPoolExecutor(max_workers=READERS) as pool:
        # The threads get our context: what they start outside ends with the run (`interrupt`).
        running = [pool.submit(copy_context().run, run, call) for call in calls]
        return [one.result() for one in running]


def run(bound: BoundCall) -> Outcome:
    """Run one call, seen from outside by its tool, class, outcome and duration."""
    with observed.tool_call(bound.tool.name, bound.action.action_class) as tell:
        outcome = _run(bound)
        tell(outcome.kind)
    return outcome


def _run(bound: BoundCall) -> Outcome:
    """Run one call. A tool's failures are outcomes; a bug in a tool is one too, and logged."""
    try:
        current().check()
        answer = bound.tool.run(bound.parameters, bound.context)
    except TransientFailure as failure:
        return Outcome(failure=str(failure), transient=True)
    except NeedsPerson as failure:
        return Outcome(failure=str(failure), blocked=True)
    except ToolFailure as failure:
        return Outcome(failure=str(failure))
    except Exception as error:
        if claims.is_outage(error):
            raise  # not the tool's fault: its call stays begun until the database is back
        logger.exception("tool %s failed unexpectedly", bound.tool.name)
        return Outcome(failure=f"{bound.tool.name} failed unexpectedly; its error is in Aura's log")
    if isinstance(answer, Suspended):
        return Outcome(suspended=answer)
    return Outcome(result=answer)


def repeatable(tool: Tool, action_class: str) -> bool:
    """True when running the call again is as good as having run it once."""
    return action_class == ActionClass.READ or tool.idempotent


def recoverable(tool: Tool, action_class: str) -> bool:
    """True when whoever takes the run over can go on from the begun call (see `recover`)."""
    return repeatable(tool, action_class) or tool.probe is not None


def recover(bound: BoundCall) -> Outcome | None:
    """What a begun call without an outcome did. None: it surely had no effect, run it.

    Never runs the tool again: it only looks.
    """
    found = None if repeatable(bound.tool, bound.action.action_class) else _found(bound)
    metrics.RECOVERIES.labels("absent" if found is None else found.kind).inc()
    return found


def _found(bound: BoundCall) -> Outcome | None:
    if bound.tool.probe is None:
        return Outcome(failure=UNKNOWN_OUTCOME, unknown=True)
    try:
        found = bound.tool.probe(bound.parameters, bound.context)
    except TransientFailure as failure:
        return Outcome(failure=str(failure), transient=True)
    except NeedsPerson as failure:
        return Outcome(failure=str(failure), blocked=True)
    except ToolFailure as failure:
        return Outcome(failure=f"{UNKNOWN_OUTCOME} ({failure})", unknown=True)
    return Outcome(result=found) if found is not None else None


def has_effect(bound: BoundCall) -> bool:
    """True when the call may change something outside."""
    return bound.action.action_class is not ActionClass.READ


def readable(bound: BoundCall) -> bool:
    """True when the call changes nothing and may run beside others of its kind."""
    return bound.action.action_class is ActionClass.READ and not bound.tool.alone
