"""Signals in each phase of `up`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator

import pytest

from aura.serving.interrupts import SIGNALS, Interrupted, Interrupts


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    hook = sys.unraisablehook
    yield Interrupts()
    sys.unraisablehook = hook
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_first_signal_of_a_start_raises_and_the_next_does_not_disturb_the_cleaning_up(
    interrupts: Interrupts,
) -> None:
    del interrupts
    with pytest.raises(Interrupted):
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)


class Finalized:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __del__(self) -> None:
        raise self.error


def test_a_signal_in_a_finalizer_is_not_told_and_other_errors_there_are(
    interrupts: Interrupts, capsys: pytest.CaptureFixture[str]
) -> None:
    del interrupts
    Finalized(Interrupted())
    assert capsys.readouterr().err == ""
    Finalized(ValueError("a bug"))
    assert "a bug" in capsys.readouterr().err


def test_while_serving_a_signal_calls_and_while_ending_it_does_nothing(
    interrupts: Interrupts,
) -> None:
    calls: list[str] = []
    interrupts.call_instead(lambda: calls.append("stop"))
    signal.raise_signal(signal.SIGTERM)
    interrupts.ignore()
    signal.raise_signal(signal.SIGTERM)
    assert calls == ["stop"]


def test_a_signal_whose_exception_was_swallowed_still_ends_the_serving(
    interrupts: Interrupts,
) -> None:
    calls: list[str] = []
    with pytest.raises(Interrupted):
        signal.raise_signal(signal.SIGTERM)
    interrupts.call_instead(lambda: calls.append("stop"))
    assert calls == ["stop"]
