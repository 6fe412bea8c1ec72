"""The next step of a conversation, and what makes every conversation end.

A call that failed is not simply made again: a person is asked, a retry is granted once, and
questions are counted. So whatever the tools answer, the work comes to an end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agents.offline import answers
from agents.offline.drafting import GIVE_UP
from agents.offline.intent import Slot
from agents.offline.outcome import Question, Topic
from agents.offline.transcript import Exchange, Transcript
from agents.offline.values import shown

TRIES = 2  # of a question on one topic, and of a call
MAX_QUESTIONS = 10
MAX_FAILURES = 5
ABANDONED = "A person asked to give up."
TOLD = 300  # characters of an error that a person is shown

LIST, READ, WRITE, DELETE = "git_list_files", "git_read_file", "git_write_file", "git_delete_file"
STAGE, COMMIT, PUSH = "git_stage", "git_commit", "git_push"
MERGE, WAIT, REVERT = "git_merge", "argo_app_wait", "git_revert"
PREVIEW, SYNC = "argo_preview_start", "argo_app_sync"
PLAN, ASK, RESOLVE, END = "submit_plan", "ask_question", "resolve", "give_up"

Call = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next: `why` in plain words, and the calls that do it."""

    why: str
    calls: tuple[Call, ...] = ()


def give_up(reason: str) -> Step:
    """The end without success; `reason` says what a person can do."""
    return Step("I cannot go on, and say why.", ((END, {"reason": reason}),))


def about(exchange: Exchange) -> tuple[Topic, Slot | None] | None:
    """What a question of ours was about; None for other calls."""
    question = exchange.arguments.get("question")
    if exchange.tool != ASK or not isinstance(question, str):
        return None
    return answers.topic_of(question)


def ask(talk: Transcript, question: Question) -> Step:
    """Ask a person, at most twice on one topic."""
    asked = talk.of(ASK)
    same = [e for e in asked if about(e) == (question.topic, question.slot)]
    if any(e.failed for e in asked):
        return give_up(f"I could not ask a person: {question.text}")
    if len(same) >= TRIES or len(asked) >= MAX_QUESTIONS:
        return give_up(f"I asked and did not understand the answers. {question.text}")
    text = question.text
    if same:
        opening = question.opening
        text = f"{opening} I did not understand the answer.{text[len(opening) :]}"
    return _asking("I need an answer from a person.", text, question.options)


def _asking(why: str, text: str, options: tuple[str, ...]) -> Step:
    listed = {"options": list(options)} if options else {}
    return Step(why, ((ASK, {"question": text, **listed}),))


def attempt(talk: Transcript, why: str, calls: Iterable[Call], *, after: int = -1) -> Step:
    """Make the calls, unless one of them failed after call `after`: then a person decides."""
    wanted = tuple(calls)
    failed = [e for e in _since(talk, after) for call in wanted if e.failed and e.is_call(*call)]
    if not failed:
        return Step(why, wanted)
    last = failed[-1]
    what = f"{last.tool} {shown(str(last.arguments.get('path', '')))}".strip()
    told = shown(last.result, limit=TOLD)
    if len([e for e in failed if e.is_call(last.tool, last.arguments)]) >= TRIES:
        return give_up(f"{what} failed twice: {told}")
    answer = _answer(talk, last)
    if answer is None:
        return _ask_about(talk, last, f"{what}: {told}")
    if answers.gives_up(answer):
        return give_up(ABANDONED)
    if answers.retries(answer) and not last.denied:
        return Step(f"A person asked to try {what} again.", wanted)
    return give_up(f"{what} did not succeed: {told}")


def _since(talk: Transcript, number: int) -> list[Exchange]:
    return [e for e in talk.present if e.number > number]


def _answer(talk: Transcript, failure: Exchange) -> str | None:
    """What a person said to a failure."""
    for exchange in talk.of(ASK, after=failure.number):
        topic = about(exchange)
        if topic and topic[0] in (Topic.FAILURE, Topic.DENIED) and not exchange.failed:
            return exchange.result
    return None


def _ask_about(talk: Transcript, failure: Exchange, told: str) -> Step:
    """A failed call is retried on request; what was denied is not asked for again."""
    asked = [e for e in talk.of(ASK) if (t := about(e)) and t[0] in (Topic.FAILURE, Topic.DENIED)]
    if len(asked) >= MAX_FAILURES or any(e.failed for e in talk.of(ASK)):
        return give_up(f"A step failed: {told}")
    if failure.denied:
        text = f"{Topic.DENIED.value} {told}. Say what to do instead, or give up."
        return _asking("A step was denied, so I ask a person.", text, (GIVE_UP,))
    text = (
        f"{Topic.FAILURE.value} {told}. Mend the cause and let me retry, say what to change, or"
        " give up."
    )
    return _asking("A step failed, so I ask a person.", text, ("retry", GIVE_UP))
