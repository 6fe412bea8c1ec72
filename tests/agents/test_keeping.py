"""One thread renews the leases of all runs of a process."""

from __future__ import annotations

import threading
from uuid import uuid4

from agents.runtime.keeping import Keeper

LONG_S = 30.0


def test_each_lease_is_renewed_until_its_block_ends():
    keeper = Keeper()
    told: dict[str, list[str]] = {"a": [], "b": []}
    twice = {name: threading.Semaphore(0) for name in told}

    def renewal(name):
        def renew() -> bool:
            told[name].append(name)
            twice[name].release()
            return True

        return renew

    with keeper.keeping(uuid4(), renewal("a"), every_s=0.01):
        with keeper.keeping(uuid4(), renewal("b"), every_s=0.01):
            for name in ("a", "b", "a", "b"):
                assert twice[name].acquire(timeout=LONG_S)
        seen = len(told["b"])
        for _ in range(len(told["a"]) + 2):
            assert twice["a"].acquire(timeout=LONG_S)
        assert len(told["b"]) == seen


def test_a_run_that_is_no_longer_ours_is_not_renewed_again():
    keeper, lost, others = Keeper(), [], threading.Semaphore(0)

    def taken_away() -> bool:
        lost.append(1)
        return False

    def ours() -> bool:
        others.release()
        return True

    with (
        keeper.keeping(uuid4(), taken_away, every_s=0),
        keeper.keeping(uuid4(), ours, every_s=0),
    ):
        for _ in range(3):
            assert others.acquire(timeout=LONG_S)
    assert lost == [1]


def test_a_renewal_that_fails_is_tried_again(caplog):
    keeper, tries, again = Keeper(), [], threading.Event()

    def failing() -> bool:
        tries.append(1)
        if len(tries) > 1:
            again.set()
        raise ValueError("a bug")

    with keeper.keeping(uuid4(), failing, every_s=0):
        assert again.wait(LONG_S)
    assert "could not be renewed; trying again" in caplog.text


def test_nothing_is_renewed_any_more_when_the_block_has_ended():
    """A renewal that is under way is waited for."""
    keeper, inside, gate, ended = Keeper(), threading.Event(), threading.Event(), []

    def slow() -> bool:
        inside.set()
        gate.wait(LONG_S)
        ended.append(1)
        return True

    with keeper.keeping(uuid4(), slow, every_s=0):
        assert inside.wait(LONG_S)
        gate.set()
    assert ended
