"""Drives a task: a worker's stretch of work on a question or a direct call."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.timezone import now

from agents.definition import HelpdeskAgent
from agents.helpdesk import catalogue, review
from agents.helpdesk.answering import Listing
from agents.helpdesk.journal import TaskJournal
from agents.models import (
    CallState,
    HelpdeskTask,
    Run,
    TaskFailure,
    TaskState,
    ToolExecution,
    Turn,
)
from agents.runtime import claims, conversation, executions, observed, segment
from agents.runtime.door import BoundCall, Door, Refused
from agents.runtime.interrupt import Interrupted
from agents.runtime.llm import LanguageModel, Message, ModelFailure, Task
from agents.runtime.session import Session
from aura.config import Settings
from aura.kernel import backoff, rows
from governance.policy import current
from governance.policy.types import Decision, PolicyRequest
from governance.types import ActorKind

MODEL_TRIES = 3  # somebody waits for the answer
REMEMBERED = 5  # earlier questions of the same conversation
BROKE_DOWN = "the worker broke down again and again at this point; its log says why"

logger = logging.getLogger(__name__)


def advance(run_id: UUID, model: LanguageModel | None = None) -> None:
    """Work on the task of a run while it can be worked on; nothing when another worker has it."""
    try:
        with claims.held(run_id) as run:
            if run is None:
                return
            with observed.segment(run):
                if run.attempts > claims.MAX_ATTEMPTS:
                    _give_up(run, TaskJournal(_task_of(run), run))
                else:
                    _work(run, model)
    except (claims.LeaseLost, Interrupted):
        logger.info("run %s was taken from this worker", run_id)


def _work(run: Run, model: LanguageModel | None) -> None:
    def begin() -> Session | None:
        return session(_task_of(run), run, model)

    segment.work(run, begin=begin, model_failed=_model_failed)


def _task_of(run: Run) -> HelpdeskTask:
    """The task as the claim finds it."""
    task = rows.find_by(HelpdeskTask, "run", run.pk)
    assert task is not None  # noqa: S101 - none is ever removed
    return task


def _give_up(run: Run, journal: TaskJournal) -> None:
    with claims.fenced(run):
        journal.opened()
        if journal.running():
            journal.finish(TaskState.FAILED, BROKE_DOWN, TaskFailure.UNAVAILABLE)
        journal.closed()
        claims.release(run)


def session(task: HelpdeskTask, run: Run, model: LanguageModel | None = None) -> Session:
    """A worker's session on a claimed run."""
    agent = catalogue.agent(task.agent)
    assert agent is not None  # noqa: S101 - tasks are made for agents that there are
    tools = catalogue.working_toolset(agent.name)
    if not run.prompt and task.question:
        _open(task, run, agent)
    never_held = bool(task.tool) and run.token == 1  # so nothing of it is written yet
    taken = () if never_held else conversation.load(run)
    asked = model or model_for(agent)
    begun = None if taken else _begun(task, run, agent, asked)
    turn, calls = begun or (taken[-1] if taken else (None, []))
    messages = conversation.messages_of(run, taken, tools)
    if begun:
        messages += conversation.of_turn(*begun)
    made = Session(
        run=run,
        door=Door(
            tools=tools,
            principal=task.principal,
            trace_id=task.trace_id,
            judge=judge(task),
            on_behalf_of=task.principal if task.asked_kind == ActorKind.USER else None,
            agent=task.agent,
            purpose=task.purpose,
            approval_expires_s=_config().approval_request_expires_s,
        ),
        model=asked,
        journal=TaskJournal(task, run),
        task=Task(title=agent.name, description=task.question),
        messages=messages,
        turn=turn,
        calls=calls,
        told={call.id for call in calls if call.state == "done"},
        unsaved=begun is not None,
        patient=False,
    )
    if begun and task.tool:
        _read_first(made)
    return made


def _read_first(made: Session) -> None:
    """A read that the policy allows is made before anything of the call is written.

    It changes nothing, so a crash in between loses nothing: whoever takes the run over repeats it.
    """
    (call,) = made.calls
    try:
        bound = made.door.bind(call)
        if not executions.readable(bound) or not made.door.allows(bound):
            return
    except Refused:
        return  # the door says so again, where it is written down
    call.state, call.begun_at, call.token = CallState.BEGUN, now(), made.run.token
    made.outcomes.append((call, executions.run(bound)))


def judge(task: HelpdeskTask) -> Callable[[BoundCall], Decision]:
    """Asks the policy about a call made for whoever asked."""

    def decision(bound: BoundCall) -> Decision:
        action = bound.action
        return current.judge(
            PolicyRequest(
                principal=task.principal,
                tool=action.tool,
                action_class=action.action_class,
                resource=action.resource,
                purpose=task.purpose,
                impact=bound.inspection.impact,
            )
        )

    return decision


def model_for(agent: HelpdeskAgent) -> LanguageModel:
    """The configured model; without one, rules that list the facts."""
    config = _config()
    if config.llm_model:
        from agents.runtime.litellm_model import LiteLLM  # noqa: PLC0415 - only where it is used

        return LiteLLM.from_settings(config)
    return Listing(agent)


def _config() -> Settings:
    config: Settings = settings.AURA
    return config


def _begun(
    task: HelpdeskTask, run: Run, agent: HelpdeskAgent, model: LanguageModel
) -> tuple[Turn, list[ToolExecution]] | None:
    """The first turn where it is not the model's to say: a direct call, or the triage.

    With the triage the first request to a model carries its findings. Rules call it themselves.
    """
    if task.tool:
        return _begun_with(task, run, task.key, task.tool, task.arguments)
    if isinstance(model, Listing):
        return None
    tools = catalogue.toolset(agent.name)
    for name, arguments in agent.calls_for(task.question):
        tool = tools.get(name)
        if tool is not None and review.TRIAGE in tool.tags:
            return _begun_with(task, run, "triage", name, arguments)
    return None


def _begun_with(
    task: HelpdeskTask, run: Run, call_id: str, tool: str, arguments: Mapping[str, Any]
) -> tuple[Turn, list[ToolExecution]]:
    """A turn with one call, as if a model had said it; not written yet."""
    turn = Turn(
        run=run,
        number=1,
        phase="helpdesk",
        started_at=task.created_at,
        answered_at=task.created_at,
    )
    call = ToolExecution(
        run=run,
        turn=turn,
        position=0,
        call_id=call_id,
        tool=tool,
        raw_arguments=json.dumps(dict(arguments)),
    )
    return turn, [call]


def _open(task: HelpdeskTask, run: Run, agent: HelpdeskAgent) -> None:
    """Begin the conversation: instructions, what was asked before in this context, the question."""
    said = [
        Message(role="system", content=agent.instructions),
        *_remembered(task),
        Message(role="user", content=task.question),
    ]
    run.prompt = [{"role": message.role, "content": message.content} for message in said]
    with claims.fenced(run):
        Run.objects.filter(pk=run.pk).update(prompt=run.prompt)


def _remembered(task: HelpdeskTask) -> Iterator[Message]:
    """Earlier questions and answers of the same person in the same context, oldest first."""
    earlier = HelpdeskTask.objects.filter(
        context_id=task.context_id,
        agent=task.agent,
        asked_kind=task.asked_kind,
        asked_by=task.asked_by,
        state=TaskState.COMPLETED,
        created_at__lt=task.created_at,
    ).exclude(question="")
    for before in reversed(earlier.order_by("-created_at")[:REMEMBERED]):
        yield Message(role="user", content=before.question)
        yield Message(role="assistant", content=before.text)


def _model_failed(session: Session, failure: ModelFailure) -> None:
    """Asked again a few times, soon; then whoever waits is told."""
    journal, run = TaskJournal.of(session), session.run
    with session.commit():
        again_in = None
        if journal.running():
            tries = run.outside_failures + 1
            if failure.retryable and tries < MODEL_TRIES:
                journal.save_run(outside_failures=tries)
                again_in = timedelta(seconds=backoff.pause_s(tries, first_s=1.0))
            else:
                journal.finish(TaskState.FAILED, failure.message, TaskFailure.UNAVAILABLE)
        claims.release(run, again_in=again_in)
