"""Sync windows: whether a sync may begin, and when it may next."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from agents.argocd.state import Application
from agents.argocd.windows import Window, of_project, opening

SUNDAY_NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def window(kind: str, schedule: str, duration: str, **more: Any) -> Window:
    return Window.of({"kind": kind, "schedule": schedule, "duration": duration, **more})


def at(*windows: Window, manual: bool = False) -> Any:
    return opening(windows, SUNDAY_NOON, manual=manual)


def test_without_windows_everything_is_open():
    assert at().open


def test_a_deny_window_says_when_it_is_over():
    gate = at(window("deny", "0 11 * * *", "2h30m"))
    assert not gate.open
    assert gate.at == datetime(2026, 11, 22, 13, 30, tzinfo=UTC)
    assert "deny window `0 11 * * *` for 2 h 30 min" in str(gate)
    assert "it opens at 2026-11-22 13:30 UTC" in str(gate)


def test_an_allow_window_shuts_all_other_time():
    gate = at(window("allow", "0 20 * * sun", "1h"))
    assert (gate.open, gate.at) == (False, datetime(2026, 11, 22, 20, 0, tzinfo=UTC))
    opened = at(window("allow", "0 11 * * *", "2h"))
    assert (opened.open, opened.since) == (True, datetime(2026, 11, 22, 11, 0, tzinfo=UTC))


def test_a_deny_window_within_an_allow_window_denies():
    gate = at(window("allow", "0 8 * * *", "10h"), window("deny", "0 12 * * *", "1h"))
    assert (gate.open, gate.at) == (False, datetime(2026, 11, 22, 13, 0, tzinfo=UTC))


def test_syncs_by_hand_pass_a_window_that_lets_them():
    shut = window("deny", "0 11 * * *", "2h", manualSync=True)
    assert not at(shut).open
    assert at(shut, manual=True).open
    assert not at(shut, window("deny", "0 11 * * *", "2h"), manual=True).open


def test_a_time_zone_is_that_of_the_window():
    gate = at(window("deny", "0 12 * * *", "90m", timeZone="Europe/Berlin"))  # 11:00 UTC
    assert (gate.open, gate.at) == (False, datetime(2026, 11, 22, 12, 30, tzinfo=UTC))


def test_days_of_month_and_of_week_are_either_or():
    assert not at(window("deny", "0 11 22 * mon", "2h")).open
    assert not at(window("deny", "0 11 1 * sun", "2h")).open
    assert at(window("deny", "0 11 1 * mon", "2h")).open


def test_a_window_that_is_always_open_has_no_end_in_sight():
    gate = at(window("deny", "* * * * *", "2m"))
    assert (gate.open, gate.at) == (False, None)
    assert "no opening is in sight" in str(gate)


@pytest.mark.parametrize(
    "obj",
    [
        {"schedule": "x", "duration": "1h"},
        {"schedule": "0 99 * * *", "duration": "1h"},
        {"schedule": "0 1 * *", "duration": "1h"},
        {"schedule": "0 1 * * *", "duration": "soon"},
        {"schedule": "0 1 * * *", "duration": "1h", "timeZone": "Mars/Base"},
        {},
    ],
)
def test_a_window_nobody_can_read_shuts_nothing(obj):
    project = {"spec": {"syncWindows": [{"kind": "deny", "applications": ["*"], **obj}]}}
    assert of_project(project, Application.of({"metadata": {"name": "web"}})) == []


@pytest.mark.parametrize(
    ("said", "concerned"),
    [
        ({"applications": ["w*"]}, True),
        ({"applications": ["other"]}, False),
        ({"namespaces": ["shop"]}, True),
        ({"clusters": ["in-cluster"]}, True),
        ({"applications": ["w*"], "namespaces": ["else"]}, True),
        ({"applications": ["w*"], "namespaces": ["else"], "andOperator": True}, False),
        ({}, False),
    ],
)
def test_a_window_concerns_what_it_names(said, concerned):
    app = Application.of(
        {
            "metadata": {"name": "web"},
            "spec": {"destination": {"name": "in-cluster", "namespace": "shop"}},
        }
    )
    listed = [{"kind": "deny", "schedule": "@daily", "duration": "1h", **said}]
    assert bool(of_project({"spec": {"syncWindows": listed}}, app)) is concerned
