"""Circuit breakers, without a clock that anybody waits for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from agents.runtime import breaker
from agents.runtime.breaker import FAILURES_TO_OPEN, LONGEST_OPEN_S, OPEN_S, Breaker, Open


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(breaker, "time", clock)
    return clock


@pytest.fixture
def opened(clock) -> Breaker:
    """Failed as often as it takes."""
    guard = Breaker("acme")
    for _ in range(FAILURES_TO_OPEN):
        guard.tell(answered=False, trial=guard.admit())
    return guard


def test_one_failure_less_than_it_takes_leaves_it_closed(clock):
    guard = Breaker("acme")
    for _ in range(3):
        for _ in range(FAILURES_TO_OPEN - 1):
            guard.tell(answered=False, trial=guard.admit())
        guard.tell(answered=True, trial=guard.admit())
    assert guard.state == "closed"


def test_open_means_that_nobody_asks_and_everybody_learns_when_to_come_back(opened):
    assert opened.state == "open"
    waits = []
    for _ in range(8):
        with pytest.raises(Open) as refused:
            opened.admit()
        waits.append(refused.value.retry_after_s)
    assert all(OPEN_S <= wait <= 1.5 * OPEN_S for wait in waits)
    assert len(set(waits)) > 1  # not all at the same moment


def test_a_provider_that_asks_for_more_time_gets_it_within_reason(clock):
    for asked_s, given_s in ((60.0, 60.0), (5.0, OPEN_S), (86_400.0, LONGEST_OPEN_S)):
        guard = Breaker("acme")
        for _ in range(FAILURES_TO_OPEN):
            guard.tell(
                answered=False,
                trial=guard.admit(),
                retry_after_s=asked_s,
                reason="rate_limited",
            )
        clock.now += given_s - 1
        with pytest.raises(Open) as refused:
            guard.admit()
        assert refused.value.reason == "rate_limited"
        clock.now += 1
        assert guard.admit() is True


def test_of_eight_that_come_back_one_asks(opened, clock):
    clock.now += OPEN_S

    def ask(_: int) -> str:
        try:
            return "asks" if opened.admit() else "asks as if nothing had been"
        except Open:
            return "waits"

    with ThreadPoolExecutor(8) as pool:
        came = sorted(pool.map(ask, range(8)))
    assert came == ["asks"] + ["waits"] * 7
    assert opened.state == "half-open"


def test_a_good_trial_closes_it_and_a_bad_one_opens_it_anew(opened, clock):
    clock.now += OPEN_S
    opened.tell(answered=False, trial=opened.admit())
    with pytest.raises(Open):
        opened.admit()
    clock.now += OPEN_S
    opened.tell(answered=True, trial=opened.admit())
    assert opened.state == "closed"
    assert opened.admit() is False


def test_what_was_asked_before_it_opened_changes_nothing(opened):
    opened.tell(answered=True, trial=False)
    assert opened.state == "open"


def test_an_abandoned_trial_lets_the_next_one_try(opened, clock):
    clock.now += OPEN_S
    opened.forget(trial=opened.admit())
    assert opened.admit() is True


def test_the_states_of_all_providers_are_told():
    breaker.reset()
    breaker.of("acme").tell(answered=True, trial=False)
    assert breaker.states() == {"acme": "closed"}
    breaker.reset()
