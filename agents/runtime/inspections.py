"""Looks what calls with an effect would touch, before the policy and people are asked about them.

Outside any transaction: it asks databases and clusters. Each call is looked at again whenever the
run goes on, so what was approved is compared with how things are when it is to be used.
"""

from __future__ import annotations

from dataclasses import asdict, replace

from agents.models import CallState
from agents.runtime.door import PLACE, BoundCall, Refused
from agents.runtime.executions import Outcome, has_effect
from agents.runtime.interrupt import current
from agents.runtime.session import Session
from agents.runtime.tool import UNSEEN, Inspection, NeedsPerson, ToolFailure, TransientFailure
from governance.audit.canonical import storable
from governance.policy.types import Effect


def look(session: Session) -> None:
    """Inspect the calls that nobody has looked at since the run was taken up."""
    for call in session.pending:
        if call.state == CallState.BEGUN or call.pk in session.looked:
            continue
        tool = session.door.tools.get(call.tool)
        if tool is None or tool.inspect is None:
            continue
        session.looked.add(call.pk)
        try:
            bound = session.door.bind(call)
        except Refused:
            continue  # the door says so itself
        if not has_effect(bound) and call.tool != session.door.plan_tool:
            continue
        effect = bound.judge(replace(bound, inspection=UNSEEN)).effect
        if effect is not Effect.DENY:  # else the policy says no whatever would be seen
            _inspect(session, bound, asks=effect is Effect.REQUIRE_APPROVAL)


def _inspect(session: Session, bound: BoundCall, *, asks: bool) -> None:
    assert bound.tool.inspect is not None  # noqa: S101 - its caller has looked
    call = bound.execution
    try:
        current().check()
        seen = bound.tool.inspect(bound.parameters, replace(bound.context, asks=asks))
    except ToolFailure as failure:
        session.outcomes.append((call, _refusal(failure)))
    else:
        call.inspection = {**_kept(seen), PLACE: bound.action.resource.place}


def _refusal(failure: ToolFailure) -> Outcome:
    return Outcome(
        failure=str(failure),
        transient=isinstance(failure, TransientFailure),
        blocked=isinstance(failure, NeedsPerson),
    )


def _kept(seen: Inspection) -> dict[str, object]:
    kept: dict[str, object] = storable(
        {
            "impact": asdict(seen.impact),
            "plan": seen.plan,
            "trouble": seen.trouble,
            "preconditions": dict(seen.preconditions),
        }
    )
    return kept
