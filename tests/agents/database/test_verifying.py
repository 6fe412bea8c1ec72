"""When a repair is looked at again, and when that ends."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from agents.database.session_tools import TERMINATE_SCHEDULE
from agents.database.verifying import (
    SETTLE_S,
    STANDARD,
    Finding,
    Schedule,
    Status,
    verified,
    worded,
)
from agents.runtime.interrupt import Interrupt, Interrupted, held_by

NO = Finding(status=Status.ESCALATION, text="it is still there.")
YES = Finding(status=Status.OK, text="It is gone.")


def test_it_looks_three_times_after_three_and_six_seconds() -> None:
    first, second, third = STANDARD.delays_s()
    assert first == SETTLE_S
    assert 3 * 0.75 <= second <= 3 * 1.25
    assert 6 * 0.75 <= third <= 6 * 1.25


def test_an_ended_session_is_looked_for_twice_after_five_seconds() -> None:
    _, second = TERMINATE_SCHEDULE.delays_s()
    assert 5 * 0.75 <= second <= 5 * 1.25


def test_settings_say_otherwise(settings: Any) -> None:
    said = {"verify_max_attempts": 5, "verify_initial_delay_s": 8.0, "verify_max_delay_s": 10.0}
    settings.AURA = settings.AURA.model_copy(update=said)
    delays = TERMINATE_SCHEDULE.delays_s()
    assert len(delays) == 5
    assert all(delay <= 10 * 1.25 for delay in delays)
    assert delays[1] >= 8 * 0.75


def test_it_ends_with_the_first_look_that_is_good_and_counts_the_others() -> None:
    looks = iter([NO, YES, NO])
    found, retries = verified(lambda: next(looks), Schedule(attempts=3, initial_delay_s=0.01))
    assert (found, retries) == (YES, 1)


def test_it_gives_up_and_says_so() -> None:
    found, retries = verified(lambda: NO, Schedule(attempts=2, initial_delay_s=0.01))
    assert (found, retries) == (NO, 1)
    assert worded(found) == "VERIFICATION FAILED: it is still there. ESCALATION REQUIRED."


def test_what_will_not_change_is_looked_at_once() -> None:
    final = Finding(status=Status.WARNING, text="it holds its locks.", final=True)
    assert verified(lambda: final) == (final, 0)
    assert worded(final) == "VERIFICATION WARNING: it holds its locks."


def test_a_stopped_run_waits_no_longer() -> None:
    interrupt = Interrupt()
    threading.Timer(0.3, interrupt.set).start()
    began = time.monotonic()
    with held_by(interrupt), pytest.raises(Interrupted):
        verified(lambda: NO, Schedule(attempts=3, initial_delay_s=60))
    assert time.monotonic() - began < 10
