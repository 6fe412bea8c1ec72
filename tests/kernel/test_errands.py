"""Jobs that must neither delay nor fail whoever wants them done."""

from __future__ import annotations

import logging
import threading

from aura.kernel import errands
from aura.kernel.errands import Errands

LONG_S = 60.0


def test_jobs_are_done_in_order_and_nobody_waits_for_them():
    jobs, gate, done = Errands("test"), threading.Event(), threading.Event()
    order: list[int] = []
    jobs.run_soon(lambda: order.append(gate.wait(LONG_S)))
    jobs.run_soon(lambda: order.append(2))
    jobs.run_soon(done.set)
    assert order == []
    gate.set()
    assert done.wait(LONG_S)
    assert order == [True, 2]


def test_a_job_that_fails_is_told_of_and_the_next_one_is_done(caplog):
    jobs, done = Errands("test"), threading.Event()
    with caplog.at_level(logging.ERROR):
        jobs.run_soon(lambda: int("none"))
        jobs.run_soon(done.set)
        assert done.wait(LONG_S)
    assert "test: a job failed" in caplog.text


def test_behind_something_that_hangs_jobs_are_dropped_instead_of_piling_up(caplog, monkeypatch):
    monkeypatch.setattr(errands, "MOST", 2)
    jobs, gate, inside = Errands("test"), threading.Event(), threading.Event()

    def hang() -> None:
        inside.set()
        gate.wait(LONG_S)

    jobs.run_soon(hang)
    assert inside.wait(LONG_S)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            jobs.run_soon(lambda: None)
    gate.set()
    assert caplog.text.count("one more was dropped") == 1
