"""A worker's hold on one run: what is kept in memory, and how it is written, fenced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from agents.models import CallState, Run, ToolExecution, Turn
from agents.runtime import claims, executions
from agents.runtime.door import Door
from agents.runtime.executions import Outcome
from agents.runtime.journal import Journal
from agents.runtime.llm import LanguageModel, Message, Task
from agents.runtime.tool import Suspended
from aura.kernel import backoff, rows
from governance.audit.canonical import storable
from governance.audit.record import Gathered, recorded_together
from governance.types import EFFECT_CLASSES

TRANSIENT_TRIES = 6  # over a minute, beside what each try takes
TRANSIENT_PAUSE_S = 2.0  # doubles with each try
MAYBE = " It may have taken effect all the same: look before doing it again."
OUTCOME = ("state", "failed", "result", "data", "ended_at")  # columns of a call that has ended


@dataclass(slots=True, kw_only=True)
class Session:
    """One worker's hold on one run: what `settle` and `ask` work on.

    `looked`: calls that have been inspected since the run was taken up. `patient`: what the outside
    does not answer is tried again later; else it has failed, since somebody waits. `again_in`: when
    a suspended call is to be run again.
    """

    run: Run
    door: Door
    model: LanguageModel
    journal: Journal
    task: Task
    messages: list[Message]
    turn: Turn | None = None
    calls: list[ToolExecution] = field(default_factory=list)
    outcomes: list[tuple[ToolExecution, Outcome]] = field(default_factory=list)
    looked: set[UUID] = field(default_factory=set)
    told: set[UUID] = field(default_factory=set)
    unsaved: bool = False
    halted: bool = False
    again_in: timedelta | None = None
    patient: bool = True
    known_tokens: int = 0
    context_tokens: int = 0

    @property
    def pending(self) -> list[ToolExecution]:
        """Calls without a result, in the model's order."""
        return [call for call in self.calls if call.state != CallState.DONE]

    @contextmanager
    def commit(self) -> Iterator[Gathered]:
        """A fenced transaction that first writes what is owed. Raises `claims.LeaseLost`."""
        try:
            with claims.fenced(self.run), recorded_together() as told:
                if self.unsaved and self.turn is not None:
                    rows.take_key(self.turn)
                self.journal.opened()
                self._write_turn()
                self._write_outcomes()
                yield told
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
        rows.insert([self.turn])
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
            rows.update(self.run, "attempts")

    def conclude(self, call: ToolExecution, outcome: Outcome) -> None:
        """Write what came of a call and tell the journal; inside `commit`."""
        if outcome.put_off and self.patient:
            self._put_back(call, outcome)
        elif outcome.suspended is not None:
            self._suspend(call, outcome.suspended)
        else:
            begun = call.state == CallState.BEGUN
            _fill(call, outcome)
            if begun and outcome.put_off and call.action_class in EFFECT_CLASSES:
                call.result += MAYBE
            if begun and not rows.is_new(call):
                rows.update(call, *OUTCOME)
            else:
                _save(call)
            self.journal.ended(call, outcome.result, unknown=outcome.unknown)

    def _suspend(self, call: ToolExecution, suspended: Suspended) -> None:
        again_in_s = suspended.again_in_s
        if again_in_s is None or call.wait != suspended.kind:
            call.waiting_since = None  # what it waited for before, such as an approval, is over
        call.state, call.wait = CallState.WAITING, suspended.kind
        call.wait_detail = dict(suspended.detail)
        if again_in_s is None:
            self.park(call)
            return
        self.again_in = timedelta(seconds=again_in_s)
        call.waiting_since = call.waiting_since or now()
        _save(call)
        self.journal.waits(call)

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
        if outcome.blocked:
            call.waiting_since = None  # once it is mended, it is waited for anew
        call.save()
        if call.attempts == 0:
            if self.journal.running():  # else another call of the turn has paused it already
                self.journal.gave_up(call, outcome.failure)
            claims.release(self.run)
        elif self.journal.running():
            pause_s = backoff.pause_s(call.attempts, first_s=TRANSIENT_PAUSE_S)
            claims.release(self.run, again_in=timedelta(seconds=pause_s))

    def _keep_outcomes(self) -> None:
        """The run was taken away during an effect: what came of it is still recorded."""
        known = [(call, outcome) for call, outcome in self.outcomes if outcome.final]
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
        return tool is not None and executions.recoverable(tool, call.action_class)


def _save(call: ToolExecution) -> None:
    if rows.is_new(call):
        rows.insert([call])
    else:
        call.save()


def _fill(call: ToolExecution, outcome: Outcome) -> None:
    call.state, call.ended_at, call.failed = CallState.DONE, now(), outcome.result is None
    call.result = storable(outcome.failure if outcome.result is None else outcome.result.content)
    if outcome.result is not None:
        call.data = storable(dict(outcome.result.data))
    else:
        call.data = {"denied": True} if outcome.denied else {}


def _begun_here(call: ToolExecution) -> QuerySet[ToolExecution]:
    return ToolExecution.objects.filter(pk=call.pk, token=call.token, state=CallState.BEGUN)


def _keep(call: ToolExecution, outcome: Outcome) -> bool:
    begun_here = _begun_here(call)
    _fill(call, outcome)
    return begun_here.update(**{name: getattr(call, name) for name in OUTCOME}) == 1
