"""Effects: running admitted calls, and finding out after a crash what a begun one did."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from agents.runtime.door import BoundCall
from agents.runtime.tool import Suspended, ToolFailure, ToolResult, TransientFailure
from governance.types import ActionClass

READERS = 4
UNKNOWN_OUTCOME = (
    "interrupted, outcome unknown: the worker stopped while this ran, and it cannot be told"
    " whether it took effect; look before doing it again"
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a call: a result, a wait, a failure told to the model, or a try to repeat."""

    result: ToolResult | None = None
    suspended: Suspended | None = None
    failure: str = ""
    transient: bool = False
    unknown: bool = False


def run_all(calls: Sequence[BoundCall]) -> list[Outcome]:
    """Run admitted calls: several only when none of them changes anything, then side by side."""
    if len(calls) == 1:
        return [run(calls[0])]
    with ThreadPoolExecutor(max_workers=READERS) as pool:
        return list(pool.map(run, calls))


def run(bound: BoundCall) -> Outcome:
    """Run one call. A tool's failures are outcomes; a bug in a tool is one too, and logged."""
    try:
        answer = bound.tool.run(bound.parameters, bound.context)
    except TransientFailure as failure:
        return Outcome(failure=str(failure), transient=True)
    except ToolFailure as failure:
        return Outcome(failure=str(failure))
    except Exception:
        logger.exception("tool %s failed unexpectedly", bound.tool.name)
        return Outcome(failure=f"{bound.tool.name} failed unexpectedly; its error is in Aura's log")
    if isinstance(answer, Suspended):
        return Outcome(suspended=answer)
    return Outcome(result=answer)


def repeatable(bound: BoundCall) -> bool:
    """True when running the call again is as good as having run it once."""
    return bound.action.action_class is ActionClass.READ or bound.tool.idempotent


def recover(bound: BoundCall) -> Outcome | None:
    """What a begun call without an outcome did. None: it surely had no effect, run it.

    Never runs the tool again: it only looks.
    """
    if repeatable(bound):
        return None
    if bound.tool.probe is None:
        return Outcome(failure=UNKNOWN_OUTCOME, unknown=True)
    try:
        found = bound.tool.probe(bound.parameters, bound.context)
    except TransientFailure as failure:
        return Outcome(failure=str(failure), transient=True)
    except ToolFailure as failure:
        return Outcome(failure=f"{UNKNOWN_OUTCOME} ({failure})", unknown=True)
    return Outcome(result=found) if found is not None else None


def readable(bound: BoundCall) -> bool:
    """True when the call changes nothing and may run beside others of its kind."""
    return bound.action.action_class is ActionClass.READ and not bound.tool.alone
