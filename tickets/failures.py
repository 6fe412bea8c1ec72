"""When the model or the repository does not serve: try again for a while, then ask a person.

What somebody can mend from outside (a key, a quota, a model's name, the network) pauses the ticket,
with an error that says what to do, so that resuming goes on. Nothing here fails a ticket.
"""

from __future__ import annotations

import random
from datetime import timedelta

from django.utils.timezone import now

from agents.models import Run
from agents.runtime import claims
from agents.runtime.llm import FailureKind, ModelFailure
from agents.runtime.tool import ToolFailure, TransientFailure
from agents.runtime.turn import TRANSIENT_TRIES, Session
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
            again_in = _retry(journal, run, str(failure), most=TRANSIENT_TRIES)
        elif journal.running():
            journal.pause_with_error(f"{failure} {RESUME}")
        journal.closed()
        claims.release(run, again_in=again_in)


def model_failed(session: Session, failure: ModelFailure, *, retry_s: float) -> None:
    """The model gave no answer; `retry_s`: how long one that is away is asked again."""
    journal, run = session.journal, session.run
    assert isinstance(journal, TicketJournal)  # noqa: S101 - ours; narrows the protocol
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
        return _retry(journal, run, failure.message, most=MAX_BAD_REPLIES)
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
    most: int | None = None,
    within_s: float = float("inf"),
    retry_after_s: float = 0.0,
) -> timedelta | None:
    """When to try again; None after pausing, since `most` tries or `within_s` are used up.

    `retry_after_s`: what the other side asked for; nobody comes back earlier, nor all at once.
    """
    first = run.failing_since is None
    since = run.failing_since or now()
    tries = 1 if first else run.outside_failures + 1
    pause_s = min(FIRST_RETRY_S * 2 ** (tries - 1), LONGEST_RETRY_S) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
    pause_s = max(pause_s, retry_after_s * random.uniform(1.0, 1.1))  # noqa: S311 - jitter
    spent_s = (now() - since).total_seconds()
    if spent_s + pause_s > within_s or tries == most:
        journal.save_run(failing_since=None, outside_failures=0)
        asked = f" It asks to be left alone for {retry_after_s:.0f} s." if retry_after_s else ""
        journal.pause_with_error(
            f"{message}{asked} Gave up after {tries} {'try' if tries == 1 else 'tries'} in"
            f" {spent_s:.0f} s. {RESUME}"
        )
        return None
    journal.save_run(failing_since=since, outside_failures=tries)
    if first:
        journal.error(f"{message} Trying again.", recoverable=True)
    return timedelta(seconds=pause_s)
