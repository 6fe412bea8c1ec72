"""What is said again and again while something is down."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
from django.db import OperationalError

from aura.kernel.telemetry import repeats
from aura.kernel.telemetry.repeats import EVERY_S, Repeats


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(repeats, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


class Hearing(logging.Handler):
    def __init__(self, heard: list[str]) -> None:
        super().__init__()
        self.heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record.getMessage())


@pytest.fixture
def written():
    """A logger and what it wrote."""
    lines: list[str] = []
    logger = logging.Logger("aura.somewhere")  # noqa: LOG001 - heard by nobody else
    kept = Repeats()
    for heard in ([], lines):  # a file and a terminal
        handler = Hearing(heard)
        handler.addFilter(kept)
        logger.addHandler(handler)
    return SimpleNamespace(logger=logger, lines=lines, kept=kept)


def test_a_reason_is_said_once_a_minute_and_then_with_how_often_it_came(written, clock):
    for _ in range(50):
        written.logger.warning("the %s does not answer", "database")
    assert written.lines == ["the database does not answer"]
    clock.now += EVERY_S
    for _ in range(2):
        written.logger.warning("the %s does not answer", "database")
    assert written.lines[1:] == [
        "the database does not answer (and 49 more since it was last said)"
    ]


def test_another_reason_and_what_is_no_warning_are_always_said(written, clock):
    for _ in range(2):
        written.logger.info("a step")
        for name in ("database", "Redis"):
            written.logger.warning("%s is away", name)
    assert written.lines == ["a step", "database is away", "Redis is away", "a step"]


@pytest.mark.parametrize(("error", "times"), [(OperationalError("away"), 1), (KeyError("bug"), 3)])
def test_of_exceptions_only_a_database_that_is_away_is_said_once(written, clock, error, times):
    for number in range(3):
        written.logger.error("task %d failed", number, exc_info=error)
    assert len(written.lines) == times


def test_it_does_not_grow_without_end(written, clock):
    for number in range(2 * repeats.MOST):
        written.logger.warning("reason %d", number)
    assert len(written.kept._written) <= repeats.MOST
