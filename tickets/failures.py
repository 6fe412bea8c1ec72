"""When the model or the repository does not serve: try again for a while, then ask a person.

What somebody can mend from outside (a key, a quota, a model's name, the network) pauses the ticket,
with an error that says what to do, so that resuming goes on. Nothing here fails a ticket.
"""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Literal

from django.utils.timezone import now

from agents.models import NO_FAILURES, Run
from agents.runtime import claims
from agents.runtime.llm import FailureKind, ModelFailure
from agents.runtime.session import TRANSIENT_TRIES, Session
from agents.runtime.tool import ToolFailure, TransientFailure
from aura.kernel import backoff
from tickets.journal import TicketJournal

FIRST_RETRY_S = 2.0
LONGEST_RETRY_S = 60.0
MAX_BAD_REPLIES = 3
RESUME = "Resume the ticket when it is mended."
ALL_CUT = "Everything that can be left out of it is left out already."


def cannot_start(run: Run, journal: TicketJournal, failure: ToolFailure) -> None:
    """The repository cannot be read; nothing was planned yet."""
    with claims.fenced(run):
        journal.opened()
        again_in = None
        if journal.running() and isinstance(failure, TransientFailure):
            again_in = _retry(journal, run, _sentence(failure), most=TRANSIENT_TRIES)
        elif journal.running():
            journal.pause_with_error(f"{_sentence(failure)} {RESUME}")
        journal.closed()
        claims.release(run, again_in=again_in)


def _sentence(failure: ToolFailure) -> str:
    """A tool's failure is a line for the model; here more words follow."""
    text = str(failure)
    return text if text.endswith((".", "!", "?")) else f"{text}."


def model_failed(session: Session, failure: ModelFailure, *, retry_s: float) -> None:
    """The model gave no answer; `retry_s`: how long one that is away is asked again."""
    journal, run = TicketJournal.of(session), session.run
    with session.commit():
        journal.count(
            failure.usage.prompt_tokens, failure.usage.completion_tokens, failure.usage.cost
        )
        again_in = None
        if journal.running():
            again_in = _after(journal, run, failure, retry_s=retry_s)
        claims.release(run, again_in=again_in)


def _after(
    journal: TicketJournal, run: Run, failure: ModelFailure, *, retry_s: float
) -> timedelta | None:
    """When to try again; None after the ticket was paused."""
    if failure.kind is FailureKind.BAD_REPLY:
        return _retry(journal, run, failure.message, counter="bad_replies", most=MAX_BAD_REPLIES)
    if failure.retryable:
        return _retry(
            journal,
            run,
            failure.message,
            within_s=retry_s,
            retry_after_s=failure.retry_after_s or 0.0,
        )
    overflow = f"{ALL_CUT} " if failure.kind is FailureKind.CONTEXT_OVERFLOW else ""
    journal.pause_with_error(f"{failure.message} {overflow}{RESUME}")
    return None


def _retry(
    journal: TicketJournal,
    run: Run,
    message: str,
    *,
    counter: Literal["outside_failures", "bad_replies"] = "outside_failures",
    most: int | None = None,
    within_s: float = float("inf"),
    retry_after_s: float = 0.0,
) -> timedelta | None:
    """When to try again; None after pausing, since `most` tries or `within_s` are used up.

    `counter`: a bad reply is no outage, so neither uses up the other's tries. `retry_after_s`: what
    the other side asked for; nobody comes back earlier, nor all at once.
    """
    since = run.failing_since or now()
    tries = getattr(run, counter) + 1
    pause_s = backoff.pause_s(tries, first_s=FIRST_RETRY_S, longest_s=LONGEST_RETRY_S)
    pause_s = max(pause_s, retry_after_s * random.uniform(1.0, 1.1))  # noqa: S311 - jitter
    spent_s = (now() - since).total_seconds()
    if spent_s + pause_s > within_s or tries == most:
        journal.save_run(**NO_FAILURES)
        asked = f" It asks to be left alone for {retry_after_s:.0f} s." if retry_after_s else ""
        journal.pause_with_error(
            f"{message}{asked} Gave up after {tries} {'try' if tries == 1 else 'tries'} in"
            f" {spent_s:.0f} s. {RESUME}"
        )
        return None
    journal.save_run(**{"failing_since": since, counter: tries})
    if tries == 1:
        journal.error(f"{message} Trying again.", recoverable=True)
    return timedelta(seconds=pause_s)
