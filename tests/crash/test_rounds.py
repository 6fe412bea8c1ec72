"""Kill -9 of a running product, round after round: nothing is lost, doubled or left lying.

    pytest tests/crash/test_rounds.py --crash-rounds=200 --crash-seed=7 -s

A failure prints the seed, the round and the logs; the same seed kills the same things again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.crash.house import House
from tests.crash.rounds import Rig


@pytest.fixture
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    built = House(tmp_path_factory.mktemp("crash"))
    try:
        built.start()
        yield built
    finally:
        built.close()


@pytest.mark.timeout(0)  # every wait inside has an end of its own
def test_whatever_is_killed_nothing_is_lost_or_doubled_and_the_work_goes_on(house, request):
    seed = request.config.option.crash_seed
    rig = Rig(house, seed)
    try:
        rig.play(request.config.option.crash_rounds)
        the_log_is_whole_and_the_listener_saw_all_of_it(house)
    except BaseException:
        tell(f"--crash-seed={seed}, in round {len(rig.done) + 1}\n{house.logs()}")
        raise
    finally:
        tell(rig.report())


def tell(text: str) -> None:
    """For whoever reads the output: `-s` shows it live, a failure always."""
    sys.stdout.write(f"\n{text}\n")


def the_log_is_whole_and_the_listener_saw_all_of_it(house: House) -> None:
    house.until(house.chain_is_whole, "whole chain")
    verdict = house.verify()
    assert verdict["valid"], verdict
    house.listener_saw_all()
