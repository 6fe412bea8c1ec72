"""A turn: the pending calls through the door, then one model request.

`settle()` and `ask()` are all there is; whoever drives a run calls them in a loop. Two commits make
a turn with an effect: the model's answer with the intent, then the outcome. A call that waits for
a person ends the loop, and taking the next turn later is how the run resumes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from django.db import transaction
from django.utils.timezone import now

from agents.models import CallState, Run, ToolExecution, Turn
from agents.runtime import claims, conversation, executions
from agents.runtime.door import BoundCall, Door, Refused
from agents.runtime.executions import Outcome
from agents.runtime.llm import LanguageModel, Message, Reply, Request, Task, ToolSpec
from agents.runtime.tool import ToolResult
from governance.audit.canonical import storable
from governance.fingerprint import fingerprint

MAX_TOKENS = 2**31 - 1  # more than any model reads; a provider that says so is wrong
MAX_CALLS = 64  # of one answer; a model that wants more than that has lost its way
MAX_ARGUMENT_CHARS = 2_000_000  # what is cut is no valid JSON any more, and is refused as such
TRANSIENT_TRIES = 4
TRANSIENT_PAUSE_S = 2.0  # doubles with each try


class Journal(Protocol):
    """The owner of a run, told of everything inside the transaction that records it."""

    def opened(self) -> None:
        """Start of a commit: lock and load the owner."""

    def running(self) -> bool:
        """May the run go on? False once the owner has ended or waits for a person."""

    def position(self) -> tuple[int, str]:
        """(number, phase) of the next turn."""

    def answered(self, turn: Turn) -> None:
        """The model answered: count the turn."""

    def begins(self, call: ToolExecution) -> None:
        """The intent of a call is recorded."""

    def waits(self, call: ToolExecution) -> None:
        """A call waits for a person from now on."""

    def ended(self, call: ToolExecution, result: ToolResult | None, *, unknown: bool) -> None:
        """A call has its result; `result` is None when it failed or was refused."""

    def late(self, call: ToolExecution, result: ToolResult | None) -> None:
        """A call ended after the run was taken away: only the log can still be told."""

    def completed(self, turn: Turn) -> None:
        """Every call of the turn has its result or waits."""

    def proceed(self) -> bool:
        """Nothing is pending: may the model be asked? False after moving the owner's status."""

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

    @property
    def pending(self) -> list[ToolExecution]:
        """Calls without a result, in the model's order."""
        return [call for call in self.calls if call.state != CallState.DONE]

    @contextmanager
    def commit(self) -> Iterator[None]:
        """A fenced transaction that first writes what is owed. Raises `claims.LeaseLost`."""
        try:
            with claims.fenced(self.run):
                self.journal.opened()
                self._write_turn()
                self._write_outcomes()
                yield
                self.journal.closed()
        except claims.LeaseLost:
            self._keep_outcomes()
            raise
        self.unsaved = False
        self.outcomes.clear()

    def _write_turn(self) -> None:
        if not self.unsaved or self.turn is None:
            return
        self.turn.save(force_insert=True)
        ToolExecution.objects.bulk_create(self.calls)
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
        if outcome.transient:
            self._put_back(call, outcome)
        elif outcome.suspended is not None:
            call.state, call.wait = CallState.WAITING, outcome.suspended.kind
            call.wait_detail = dict(outcome.suspended.detail)
            self.park(call)
        else:
            _fill(call, outcome)
            call.save()
            self.journal.ended(call, outcome.result, unknown=outcome.unknown)

    def park(self, call: ToolExecution) -> None:
        """A call waits for a person, and the owner is told when it begins to; inside `commit`."""
        if call.waiting_since is None:
            call.waiting_since = now()
            call.save()
            self.journal.waits(call)

    def _put_back(self, call: ToolExecution, outcome: Outcome) -> None:
        """The outside is away: the call is tried again later; in the end a person is told."""
        self.halted = True
        call.state = CallState.PROPOSED
        call.attempts = (call.attempts + 1) % TRANSIENT_TRIES
        call.save()
        if call.attempts == 0:
            self.journal.gave_up(call, outcome.failure)
            claims.release(self.run)
        else:
            pause = TRANSIENT_PAUSE_S * 2 ** (call.attempts - 1)
            claims.release(self.run, again_in=timedelta(seconds=pause))

    def _keep_outcomes(self) -> None:
        """The run was taken away during an effect: what came of it is still recorded."""
        with transaction.atomic():
            for call, outcome in self.outcomes:
                if outcome.suspended is None and not outcome.transient and _keep(call, outcome):
                    self.journal.late(call, outcome.result)


def _fill(call: ToolExecution, outcome: Outcome) -> None:
    call.state, call.ended_at, call.failed = CallState.DONE, now(), outcome.result is None
    call.result = storable(outcome.failure if outcome.result is None else outcome.result.content)
    call.data = {} if outcome.result is None else storable(dict(outcome.result.data))


def _keep(call: ToolExecution, outcome: Outcome) -> bool:
    begun_here = ToolExecution.objects.filter(pk=call.pk, token=call.token, state=CallState.BEGUN)
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
        if not ready:
            return proceed
        session.outcomes.extend(
            zip((b.execution for b in ready), executions.run_all(ready), strict=True)
        )


def _recover(session: Session) -> None:
    """Look what calls did that a dead worker had begun; outside any transaction."""
    for call in session.pending:
        if call.state != CallState.BEGUN:
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
            admitted = _already_begun(bound) or session.door.admit(bound)
        except Refused as refused:
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


def _already_begun(bound: BoundCall) -> bool:
    """A begun call that may be repeated was admitted before, and its approval is used up."""
    call = bound.execution
    if call.state != CallState.BEGUN:
        return False
    if call.fingerprint != fingerprint(bound.action):
        raise Refused(executions.UNKNOWN_OUTCOME)
    return True


def _begin(session: Session, bound: BoundCall) -> None:
    call = bound.execution
    call.state, call.begun_at, call.token = CallState.BEGUN, now(), session.run.token
    call.save()
    session.journal.begins(call)


def _close(session: Session) -> bool:
    """Nothing to execute: finish the turn and go on (True), or let the run go; inside `commit`."""
    if session.halted:
        return False
    turn = session.turn
    if turn is not None and turn.ended_at is None:
        turn.ended_at = now()
        turn.save(update_fields=["ended_at"])
        session.journal.completed(turn)
    if not session.pending and session.journal.running() and session.journal.proceed():
        return True
    claims.release(session.run)
    return False


def ask(session: Session) -> None:
    """One model request; its answer is kept in memory until the next commit.

    Raises `ModelFailure`.
    """
    started = now()
    _tell_results(session)
    reply = session.model.complete(
        Request(
            messages=tuple(session.messages),
            tools=tuple(specs(session)),
            task=session.task,
        )
    )
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
            parameters=tool.parameters.model_json_schema(),
        )
