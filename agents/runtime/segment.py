"""A worker's stretch of work on a run: turns in a loop until it must wait, pause or end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from uuid import UUID

from django.db import InterfaceError, OperationalError

from agents.models import NO_FAILURES, CallState, Run
from agents.runtime import claims, observed, watch
from agents.runtime.executions import Outcome
from agents.runtime.llm import FailureKind, ModelFailure
from agents.runtime.session import Session
from agents.runtime.turn import ask, settle, shorten

logger = logging.getLogger(__name__)

Begin = Callable[[], Session | None]
ModelFailed = Callable[[Session, ModelFailure], None]


def work(run: Run, *, begin: Begin, model_failed: ModelFailed) -> Session | None:
    """Work on a claimed run while it can be worked on; the session that came to its end, if any.

    `begin` reads the owner and the conversation, and answers None when it let the run go itself; it
    is asked again after the database was away, which is waited for: what calls did is not lost.
    `model_failed` decides what follows when the model gives no answer. Raises `claims.LeaseLost`.
    """
    outcomes: dict[UUID, Outcome] = {}
    with watch.over(run):
        for _ in range(claims.MAX_ATTEMPTS):
            try:
                return _segment(begin, model_failed, outcomes)
            except (OperationalError, InterfaceError) as error:
                if not claims.is_outage(error):
                    raise
                logger.warning("%s waits for the database: %s", run, error)
                claims.outlast_outage(run)
                run.refresh_from_db()
    return None


def _segment(
    begin: Begin, model_failed: ModelFailed, outcomes: dict[UUID, Outcome]
) -> Session | None:
    """`outcomes`: what calls did that could not be written yet; kept up to date for the caller."""
    session = begin()
    if session is None:
        return None
    session.outcomes.extend(
        (call, outcomes[call.pk])
        for call in session.pending
        if call.state == CallState.BEGUN and call.pk in outcomes
    )
    try:
        while _turn(session, model_failed):
            _served(session.run)
    finally:
        outcomes.update((call.pk, outcome) for call, outcome in session.outcomes)
    return session


def _served(run: Run) -> None:
    """The outside served the run again: what failed before counts no more."""
    if run.failing_since is not None:
        Run.objects.filter(pk=run.pk).update(**NO_FAILURES)
        run.failing_since, run.outside_failures, run.bad_replies = None, 0, 0


def _turn(session: Session, model_failed: ModelFailed) -> bool:
    """The pending calls, then one model request. False: the run was let go."""
    with observed.turn(session.run):
        if not settle(session):
            return False
        try:
            ask(session)
        except ModelFailure as failure:
            if failure.kind is FailureKind.CONTEXT_OVERFLOW and shorten(session):
                return True
            model_failed(session, failure)
            return False
    return True
