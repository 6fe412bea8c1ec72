"""Pauses between tries."""

from __future__ import annotations

import pytest

from aura.kernel import backoff


@pytest.fixture
def unspread(monkeypatch):
    monkeypatch.setattr(backoff, "SPREAD", 0.0)


@pytest.mark.parametrize(("failures", "pause_s"), [(1, 2.0), (2, 4.0), (3, 8.0), (6, 64.0)])
def test_each_failure_doubles_the_pause(unspread, failures, pause_s):
    assert backoff.pause_s(failures, first_s=2.0) == pause_s


def test_the_factor_may_be_another(unspread):
    assert backoff.pause_s(3, first_s=5.0, factor=3.0) == 45.0


@pytest.mark.parametrize("failures", [6, 1_000, 10**9])
def test_no_pause_is_longer_than_the_longest(unspread, failures):
    assert backoff.pause_s(failures, first_s=2.0, longest_s=60.0) == 60.0


def test_a_pause_without_a_longest_is_a_number_after_any_count(unspread):
    assert backoff.pause_s(10**9, first_s=2.0) == 2.0 * 2.0**backoff.MOST_STEPS


def test_pauses_are_spread_by_a_fifth_to_either_side():
    pauses = [backoff.pause_s(1, first_s=10.0) for _ in range(200)]
    assert all(8.0 <= pause <= 12.0 for pause in pauses)
    assert min(pauses) < 9.5
    assert max(pauses) > 10.5
