"""Durations as Go writes them."""

from __future__ import annotations

import pytest

from aura.kernel.durations import seconds, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", 30),
        ("2m", 120),
        ("1m30s", 90),
        ("500ms", 0.5),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("1.s", 1),
        ("-5s", -5),
        ("+5s", 5),
        ("0", 0),
        ("0s", 0),
        ("1h2m3s4ms", 3723.004),
        ("3us", 3e-6),
        ("3µs", 3e-6),
    ],
)
def test_a_duration_is_its_seconds(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    "text",
    ["", "5", "s", "1 s", "1d", "1s2", "--1s", "1e3s", "\u0661s", "." * 60, "9" * 60 + "s", "."],
)
def test_what_is_no_duration_is_none(text: str) -> None:
    assert seconds(text) is None


@pytest.mark.parametrize(
    ("length_s", "said"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (90, "1 min 30 s"),
        (3600, "1 h"),
        (14_400, "4 h"),
        (5_430, "1 h 30 min"),
        (3_600_000, "1,000 h"),
    ],
)
def test_people_read_hours_and_minutes(length_s: float, said: str) -> None:
    assert words(length_s) == said
