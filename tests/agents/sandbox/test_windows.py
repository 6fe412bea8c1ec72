"""When a sync window of the sandbox is open, at any second of a minute."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agents.sandbox.argo.windows import is_active
from agents.sandbox.controllers.jobs import following


@pytest.mark.parametrize(
    ("clock", "schedule", "length", "is_open"),
    [
        *[(f"12:02:{second:02}", "* * * * *", "2m", True) for second in (0, 1, 30, 59)],
        ("12:00:00", "0 12 * * *", "1h", True),
        ("12:59:59", "0 12 * * *", "1h", True),
        ("13:00:00", "0 12 * * *", "1h", False),
        ("11:59:59", "0 12 * * *", "1h", False),
    ],
)
def test_a_window_is_open_from_its_beginning_to_its_end(
    clock: str, schedule: str, length: str, *, is_open: bool
) -> None:
    now = datetime.fromisoformat(f"2026-11-22T{clock}").replace(tzinfo=UTC).timestamp()
    window = {"schedule": schedule, "duration": length}
    assert is_active(window, now, following) is is_open
    assert is_active(window, now + 0.5, following) is is_open
