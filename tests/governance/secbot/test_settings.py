"""AURA_SECBOT_*: what is accepted, and what is refused in words."""

from __future__ import annotations

import pytest

from aura.config import ConfigError, load
from governance.secbot.limits import configured


@pytest.fixture
def loaded(monkeypatch):
    def load_with(**values):
        for name, value in values.items():
            monkeypatch.setenv(f"AURA_SECBOT_{name}", value)
        return load()

    return load_with


def test_hours_days_and_zone_make_the_working_time(loaded):
    config = loaded(HOURS="8-18", DAYS="mon-thu,sat", TIMEZONE="Europe/Berlin")
    working = configured(config).working
    assert working is not None
    assert working.hours == frozenset(range(8, 18))
    assert working.days == frozenset({0, 1, 2, 3, 5})
    assert working.timezone == "Europe/Berlin"


def test_hours_may_go_over_midnight_and_days_over_sunday(loaded):
    config = loaded(HOURS="22-6", DAYS="sat-mon")
    assert config.secbot_hours == frozenset({22, 23, 0, 1, 2, 3, 4, 5})
    assert config.secbot_days == frozenset({5, 6, 0})


def test_without_hours_any_time_is_good(loaded):
    assert configured(loaded()).working is None


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("HOURS", "eight", "must be hours such as 8-18"),
        ("HOURS", "8-25", "must be hours such as 8-18"),
        ("HOURS", "8-8", "must be hours such as 8-18"),
        ("DAYS", "monday", "must be days such as mon-fri"),
        ("DAYS", "mon-", "must be days such as mon-fri"),
        ("TIMEZONE", "Berlin", "must be a time zone such as Europe/Berlin"),
        ("TIMEZONE", "../etc/passwd", "must be a time zone"),
        ("EVENTS_PER_MINUTE", "0", "greater than or equal to 1"),
        ("DENIALS_PER_MINUTE", "-1", "greater than or equal to 1"),
        ("COOLDOWN_S", "soon", "valid number"),
        ("VERIFY_S", "0", "greater than or equal to 1"),
    ],
)
def test_a_bad_value_is_refused_in_words(loaded, name, value, words):
    with pytest.raises(ConfigError, match=rf"^AURA_SECBOT_{name}: .*{words}"):
        loaded(**{name: value})
