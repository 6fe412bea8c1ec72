"""Alarms of one thread: they ring in their order, unless they are called off."""

from __future__ import annotations

import logging
import threading

from aura.kernel.alarms import Alarms

LONG_S = 30.0


class Clock:
    """Stands still, so that nothing is due before all is set."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_the_one_that_is_due_first_rings_first_whatever_was_set_first():
    clock, rung, order = Clock(), threading.Event(), []
    alarms = Alarms("test", clock)
    alarms.after(LONG_S, lambda: order.append("late"))
    alarms.after(0.02, rung.set)
    alarms.after(0.01, lambda: order.append("early"))
    clock.now_s = 1.0
    assert rung.wait(LONG_S)
    assert order == ["early"]


def test_what_is_called_off_does_not_ring():
    clock, rung, order = Clock(), threading.Event(), []
    alarms = Alarms("test", clock)
    alarms.after(0.01, lambda: order.append("called off")).cancel()
    alarms.after(0.02, rung.set)
    clock.now_s = 1.0
    assert rung.wait(LONG_S)
    assert order == []


def test_one_that_fails_is_told_of_and_the_next_one_rings(caplog):
    alarms, rung = Alarms("test"), threading.Event()
    with caplog.at_level(logging.ERROR):
        alarms.after(0, lambda: int("none"))
        alarms.after(0.01, rung.set)
        assert rung.wait(LONG_S)
    assert "test: what was due failed" in caplog.text
