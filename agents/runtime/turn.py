"""A turn: the pending calls through the door, then one model request.

`settle()` and `ask()` are all there is; whoever drives a run calls them in a loop. Two commits make
a turn with an effect: the model's answer with the intent, then the outcome. A call that waits for
a person ends the loop, and taking the next turn later is how the run resumes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import Any

from django.utils.timezone import now

from agents.models import CallState, ToolExecution, Turn
from agents.runtime import claims, conversation, executions, history, inspections, observed
from agents.runtime.door import BoundCall, Denied, Refused, moved
from agents.runtime.executions import Outcome
from agents.runtime.interrupt import current
from agents.runtime.llm import FailureKind, ModelFailure, Reply, Request, ToolSpec
from agents.runtime.session import Session
from agents.runtime.tool import Arguments
from aura.kernel import rows
from governance.audit.canonical import storable
from governance.audit.intent import (
    IntentNotKept,
    begins_unsigned,
    ensure_intent_durable,
    ensure_log_signed,
)
from governance.audit.record import Gathered
from governance.fingerprint import fingerprint

MAX_TOKENS = 2**31 - 1  # more than any model reads; a provider that says so is wrong
MAX_CALLS = 64  # of one answer; a model that wants more than that has lost its way
MAX_ARGUMENT_CHARS = 2_000_000  # what is cut is no valid JSON any more, and is refused as such
# Columns of a call that are written when it begins.
INTENT = (
    "arguments",
    "action_class",
    "resource",
    "policy",
    "decision",
    "inspection",
    "fingerprint",
    "approval",
    "state",
    "begun_at",
    "token",
)


def settle(session: Session) -> bool:
    """Bring the pending calls to their results. True: the model may be asked for the next turn.

    False: the run was let go, because a call waits, the owner stopped, or the outside is away.
    """
    _recover(session)
    while True:
        inspections.look(session)
        with session.commit() as told:
            ready = _admit(session)
            told.intent = any(map(_waits_for_its_signature, ready))
            proceed = not ready and _close(session)
            if _repeats_well(session, ready, proceed=proceed):
                claims.unhurried()
        if not ready:
            return proceed
        session.outcomes.extend(
            zip((b.execution for b in ready), _executed(ready, told), strict=True)
        )


def _waits_for_its_signature(bound: BoundCall) -> bool:
    return executions.has_effect(bound) and not begins_unsigned(bound.action.action_class)


def _executed(ready: list[BoundCall], told: Gathered) -> list[Outcome]:
    """What came of the calls; an effect runs only when its intent is in the log for good."""
    if any(map(executions.has_effect, ready)):
        try:
            if told.intent:
                ensure_intent_durable(told.linked)
            else:
                ensure_log_signed()
        except IntentNotKept as refusal:
            said = f"not begun, because the log does not take its intent: {refusal}"
            return [Outcome(failure=said, transient=True) for _ in ready]
    return executions.run_all(ready)


def _repeats_well(session: Session, ready: list[BoundCall], *, proceed: bool) -> bool:
    """Whether this commit may be undone without harm: no effect is behind it, and none follows."""
    if session.outcomes:
        return False
    reads_follow = bool(ready) and all(executions.readable(bound) for bound in ready)
    return reads_follow or (proceed and not session.unsaved)


def _recover(session: Session) -> None:
    """Look what calls did that a dead worker had begun; outside any transaction."""
    known = {call.id for call, _ in session.outcomes}
    for call in session.pending:
        if call.state != CallState.BEGUN or call.id in known:
            continue
        try:
            bound = session.door.bind(call)
            if moved(bound):
                raise Refused("its name leads to another place now")  # noqa: TRY301 - told below
            found = executions.recover(bound)
        except Refused as refused:
            found = Outcome(failure=f"{executions.UNKNOWN_OUTCOME} ({refused})", unknown=True)
        if found is not None:
            session.outcomes.append((call, found))


def _admit(session: Session) -> list[BoundCall]:
    """The next calls to execute, their intent recorded; inside `commit`. Empty: none may run."""
    ready: list[BoundCall] = []
    for call in session.pending:
        if session.halted or session.again_in is not None or not session.journal.running():
            break
        try:
            bound = session.door.bind(call)
            if ready and not executions.readable(bound):
                break
            if not executions.readable(bound) and _held_back(session, call):
                break
            admitted = _already_begun(bound) or session.door.admit(bound)
        except Refused as refused:
            observed.refused(call.tool, session.door.tools)
            denied = isinstance(refused, Denied)
            session.conclude(call, Outcome(failure=str(refused), denied=denied))
            continue
        if not admitted:
            session.park(call)
            break
        _begin(session, bound)
        ready.append(bound)
        if not executions.readable(bound):
            break
    return ready


def _held_back(session: Session, call: ToolExecution) -> bool:
    """Whether a budget does not allow the effect now: the run is let go, and comes back if it may.

    Asked before the door is: nobody approves what may not begin.
    """
    wait_s = session.journal.holds_back(call)
    if session.journal.running():
        if not wait_s:
            return False
        claims.release(session.run, again_in=timedelta(seconds=wait_s))
    else:
        claims.release(session.run)
    session.halted = True
    return True


def _already_begun(bound: BoundCall) -> bool:
    """A call that began and is to be repeated was admitted before, and its approval is used up."""
    call = bound.execution
    if call.begun_at is None:
        return False
    if call.fingerprint == fingerprint(bound.action):
        return True
    if call.state == CallState.BEGUN:
        raise Refused(executions.UNKNOWN_OUTCOME)
    return False


def _begin(session: Session, bound: BoundCall) -> None:
    call = bound.execution
    call.state, call.begun_at, call.token = CallState.BEGUN, now(), session.run.token
    if not rows.is_new(call):  # else it is inserted as it is at the end of the commit
        rows.update(call, *INTENT)
    session.journal.begins(call)


def _close(session: Session) -> bool:
    """Nothing to execute: finish the turn and go on (True), or let the run go; inside `commit`."""
    if session.halted:
        return False
    turn = session.turn
    if turn is not None and turn.ended_at is None:
        turn.ended_at = now()
        rows.update(turn, "ended_at")
        session.journal.completed(turn, session.calls)
    if not session.pending and session.journal.running() and session.journal.proceed():
        return True
    claims.release(session.run, again_in=session.again_in if session.journal.running() else None)
    return False


def ask(session: Session) -> None:
    """One model request; its answer is kept in memory until the next commit.

    Raises `ModelFailure`; for an overflow that is foreseen, before anything is sent.
    """
    started = now()
    _tell_results(session)
    _foresee_overflow(session)
    reply = observed.ask(
        session.model,
        Request(
            messages=history.sent(
                session.messages,
                cut_turns=session.run.cut_turns,
                lasting=session.door.tools.lasting,
            ),
            tools=tuple(specs(session)),
            task=session.task,
        ),
        phase=session.journal.position()[1],
    )
    current().check()  # what was answered after a stop is discarded
    session.known_tokens = reply.usage.prompt_tokens + reply.usage.completion_tokens
    session.context_tokens = reply.context_tokens
    session.turn = _turn(session, reply)
    session.turn.started_at = started
    session.calls = [
        ToolExecution(
            run=session.run,
            turn=session.turn,
            position=position,
            call_id=storable(call.id),
            tool=storable(call.name)[:100],
            raw_arguments=storable(call.arguments[:MAX_ARGUMENT_CHARS]),
        )
        for position, call in enumerate(reply.tool_calls[:MAX_CALLS])
    ]
    session.unsaved = True
    session.messages.extend(conversation.of_turn(session.turn, session.calls))


def _foresee_overflow(session: Session) -> None:
    foreseen = history.too_long(
        session.messages,
        known_tokens=session.known_tokens,
        context_tokens=session.context_tokens,
    )
    cut_turns = history.next_cut(session.messages, session.run.cut_turns)
    # An estimate is no reason to cut the newest turn.
    if foreseen and cut_turns is not None and cut_turns < history.turns(session.messages):
        raise ModelFailure(FailureKind.CONTEXT_OVERFLOW, "the conversation grows too long")


def shorten(session: Session) -> bool:
    """Cut the conversation further, for good. False when it is as short as it can be."""
    cut_turns = history.next_cut(session.messages, session.run.cut_turns)
    if cut_turns is None:
        return False
    with session.commit():
        if session.journal.running():
            session.journal.shortened(cut_turns)
    session.known_tokens = 0  # counted before the cut
    return True


def _tell_results(session: Session) -> None:
    fresh = [c for c in session.calls if c.state == CallState.DONE and c.id not in session.told]
    session.messages.extend(conversation.of_results(fresh, session.door.tools))
    session.told.update(call.id for call in fresh)


def _turn(session: Session, reply: Reply) -> Turn:
    number, phase = session.journal.position()
    return Turn(
        run=session.run,
        number=number,
        phase=phase,
        text=storable(reply.text),
        model=storable(reply.model)[:200],
        prompt_tokens=min(reply.usage.prompt_tokens, MAX_TOKENS),
        completion_tokens=min(reply.usage.completion_tokens, MAX_TOKENS),
        cost=reply.usage.cost,
        answered_at=now(),
    )


def specs(session: Session) -> Iterator[ToolSpec]:
    """The tools as the model is told of them."""
    for tool in session.door.tools:
        yield ToolSpec(
            name=tool.name,
            description=tool.description,
            parameters=_schema(tool.parameters),
        )


@cache  # composing it takes pydantic as long as a commit takes the database
def _schema(parameters: type[Arguments]) -> dict[str, Any]:
    return parameters.model_json_schema()
