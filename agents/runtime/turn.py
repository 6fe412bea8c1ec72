"""A turn: the pending calls through the door, then one model request.

`settle()` and `ask()` are all there is; whoever drives a run calls them in a loop. Two commits make
a turn with an effect: the model's answer with the intent, then the outcome. A call that waits for
a person ends the loop, and taking the next turn later is how the run resumes.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any, Protocol
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from agents.models import CallState, Run, ToolExecution, Turn
from agents.runtime import claims, conversation, executions, history, observed
from agents.runtime.door import BoundCall, Door, Refused
from agents.runtime.executions import Outcome
from agents.runtime.interrupt import current
from agents.runtime.llm import (
    FailureKind,
    LanguageModel,
    Message,
    ModelFailure,
    Reply,
    Request,
    Task,
    ToolSpec,
)
from agents.runtime.tool import Arguments, ToolResult
from aura.kernel import rows
from governance.audit.canonical import storable
from governance.audit.record import recorded_together
from governance.fingerprint import fingerprint
from governance.types import ActionClass

MAX_TOKENS = 2**31 - 1  # more than any model reads; a provider that says so is wrong
MAX_CALLS = 64  # of one answer; a model that wants more than that has lost its way
MAX_ARGUMENT_CHARS = 2_000_000  # what is cut is no valid JSON any more, and is refused as such
TRANSIENT_TRIES = 6  # over a minute, beside what each try takes
TRANSIENT_PAUSE_S = 2.0  # doubles with each try
# Columns of a call that are written when it begins, and when it has ended.
INTENT = (
    "arguments",
    "action_class",
    "resource",
    "policy",
    "fingerprint",
    "approval",
    "state",
    "begun_at",
    "token",
)
OUTCOME = ("state", "failed", "result", "data", "ended_at")


class Journal(Protocol):
    """The owner of a run, told of everything inside the transaction that records it."""

    def opened(self, *, afresh: bool = False) -> None:
        """Start of a commit: lock the owner, and read what others may have changed.

        `afresh`: the run was another's meanwhile, so read everything.
        """

    def running(self) -> bool:
        """May the run go on? False once the owner has ended or waits for a person."""

    def position(self) -> tuple[int, str]:
        """(number, phase) of the next turn."""

    def answered(self, turn: Turn) -> None:
        """The model answered: count the turn."""

    def holds_back(self, call: ToolExecution) -> float:
        """Seconds until this effect may begin, 0 for now; may move the owner's status instead."""

    def begins(self, call: ToolExecution) -> None:
        """The intent of a call is recorded."""

    def waits(self, call: ToolExecution) -> None:
        """A call waits for a person from now on."""

    def ended(self, call: ToolExecution, result: ToolResult | None, *, unknown: bool) -> None:
        """A call has its result; `result` is None when it failed or was refused."""

    def late(self, call: ToolExecution, result: ToolResult | None) -> None:
        """A call ended after the run was taken away: only the log can still be told."""

    def completed(self, turn: Turn, calls: Sequence[ToolExecution]) -> None:
        """Every call of the turn has its result or waits."""

    def proceed(self) -> bool:
        """Nothing is pending: may the model be asked? False after moving the owner's status."""

    def shortened(self, cut_turns: int) -> None:
        """From now on the model is told the outline alone of so many of the oldest turns."""

    def gave_up(self, call: ToolExecution, reason: str) -> None:
        """The outside did not answer in all tries: the call stays open, the owner pauses."""

    def closed(self) -> None:
        """End of a commit: save what changed."""


@dataclass(slots=True, kw_only=True)
class Session:
    """One worker's hold on one run: what `settle` and `ask` work on."""

    run: Run
    door: Door
    model: LanguageModel
    journal: Journal
    task: Task
    messages: list[Message]
    turn: Turn | None = None
    calls: list[ToolExecution] = field(default_factory=list)
    outcomes: list[tuple[ToolExecution, Outcome]] = field(default_factory=list)
    told: set[UUID] = field(default_factory=set)
    unsaved: bool = False
    halted: bool = False
    known_tokens: int = 0
    context_tokens: int = 0

    @property
    def pending(self) -> list[ToolExecution]:
        """Calls without a result, in the model's order."""
        return [call for call in self.calls if call.state != CallState.DONE]

    @contextmanager
    def commit(self) -> Iterator[None]:
        """A fenced transaction that first writes what is owed. Raises `claims.LeaseLost`."""
        try:
            with claims.fenced(self.run), recorded_together():
                self.journal.opened()
                self._write_turn()
                self._write_outcomes()
                yield
                rows.insert([call for call in self.calls if rows.is_new(call)])
                self.journal.closed()
        except claims.LeaseLost:
            self._keep_outcomes()
            raise
        self.unsaved = False
        self.outcomes.clear()

    def _write_turn(self) -> None:
        if not self.unsaved or self.turn is None:
            return
        rows.insert_for_key(self.turn)
        for call in self.calls:
            call.turn = self.turn  # it has its key now
        self.journal.answered(self.turn)
        self._progressed()

    def _write_outcomes(self) -> None:
        for call, outcome in self.outcomes:
            self.conclude(call, outcome)
        if self.outcomes:
            self._progressed()

    def _progressed(self) -> None:
        if self.run.attempts:
            self.run.attempts = 0
            Run.objects.filter(pk=self.run.pk).update(attempts=0)

    def conclude(self, call: ToolExecution, outcome: Outcome) -> None:
        """Write what came of a call and tell the journal; inside `commit`."""
        if outcome.transient or outcome.blocked:
            self._put_back(call, outcome)
        elif outcome.suspended is not None:
            call.state, call.wait = CallState.WAITING, outcome.suspended.kind
            call.wait_detail = dict(outcome.suspended.detail)
            self.park(call)
        else:
            begun = call.state == CallState.BEGUN
            _fill(call, outcome)
            if begun:
                rows.update(call, *OUTCOME)
            else:
                _save(call)
            self.journal.ended(call, outcome.result, unknown=outcome.unknown)

    def park(self, call: ToolExecution) -> None:
        """A call waits for a person, and the owner is told when it begins to; inside `commit`."""
        if call.waiting_since is None:
            call.waiting_since = now()
            _save(call)
            self.journal.waits(call)

    def _put_back(self, call: ToolExecution, outcome: Outcome) -> None:
        """The outside is away: the call is tried again later; in the end a person is told.

        Who can tell stays begun, and is asked before: the effect may be there, unacknowledged.
        """
        self.halted = True
        tool = self.door.tools.get(call.tool)
        if tool is None or tool.probe is None:
            call.state = CallState.PROPOSED
        call.attempts = 0 if outcome.blocked else (call.attempts + 1) % TRANSIENT_TRIES
        call.save()
        if call.attempts == 0:
            if self.journal.running():  # else another call of the turn has paused it already
                self.journal.gave_up(call, outcome.failure)
            claims.release(self.run)
        elif self.journal.running():
            pause_s = TRANSIENT_PAUSE_S * 2 ** (call.attempts - 1) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
            claims.release(self.run, again_in=timedelta(seconds=pause_s))

    def _keep_outcomes(self) -> None:
        """The run was taken away during an effect: what came of it is still recorded."""
        again = [o.suspended is not None or o.transient or o.blocked for _, o in self.outcomes]
        known = [pair for pair, later in zip(self.outcomes, again, strict=True) if not later]
        if not known:
            return
        with transaction.atomic():
            run = Run.objects.select_for_update().get(pk=self.run.pk)
            self.journal.opened(afresh=True)
            if not self.journal.running():
                self._keep_late(known)
            elif run.lease_until is None:  # all is stopped: nobody else looks what became of it
                for call, outcome in known:
                    if _begun_here(call).exists():
                        self.conclude(call, outcome)
                self.journal.closed()
            else:  # the worker that has the run now looks itself, where it can
                self._keep_late([(c, o) for c, o in known if not self._findable(c)])

    def _keep_late(self, known: Iterable[tuple[ToolExecution, Outcome]]) -> None:
        for call, outcome in known:
            if _keep(call, outcome):
                self.journal.late(call, outcome.result)

    def _findable(self, call: ToolExecution) -> bool:
        tool = self.door.tools.get(call.tool)
        repeated = call.action_class == ActionClass.READ
        return repeated or (tool is not None and (tool.idempotent or tool.probe is not None))


def _save(call: ToolExecution) -> None:
    if rows.is_new(call):
        rows.insert([call])
    else:
        call.save()


def _fill(call: ToolExecution, outcome: Outcome) -> None:
    call.state, call.ended_at, call.failed = CallState.DONE, now(), outcome.result is None
    call.result = storable(outcome.failure if outcome.result is None else outcome.result.content)
    call.data = {} if outcome.result is None else storable(dict(outcome.result.data))


def _begun_here(call: ToolExecution) -> QuerySet[ToolExecution]:
    return ToolExecution.objects.filter(pk=call.pk, token=call.token, state=CallState.BEGUN)


def _keep(call: ToolExecution, outcome: Outcome) -> bool:
    begun_here = _begun_here(call)
    _fill(call, outcome)
    kept = begun_here.update(
        state=call.state,
        failed=call.failed,
        result=call.result,
        data=call.data,
        ended_at=call.ended_at,
    )
    return kept == 1


def settle(session: Session) -> bool:
    """Bring the pending calls to their results. True: the model may be asked for the next turn.

    False: the run was let go, because a call waits, the owner stopped, or the outside is away.
    """
    _recover(session)
    while True:
        with session.commit():
            ready = _admit(session)
            proceed = not ready and _close(session)
            if _repeats_well(session, ready, proceed=proceed):
                claims.unhurried()
        if not ready:
            return proceed
        session.outcomes.extend(
            zip((b.execution for b in ready), executions.run_all(ready), strict=True)
        )


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
            found = executions.recover(session.door.bind(call))
        except Refused as refused:
            found = Outcome(failure=f"{executions.UNKNOWN_OUTCOME} ({refused})", unknown=True)
        if found is not None:
            session.outcomes.append((call, found))


def _admit(session: Session) -> list[BoundCall]:
    """The next calls to execute, their intent recorded; inside `commit`. Empty: none may run."""
    ready: list[BoundCall] = []
    for call in session.pending:
        if session.halted or not session.journal.running():
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
            session.conclude(call, Outcome(failure=str(refused)))
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
    claims.release(session.run)
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
