"""Throttling that a test can rely on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from aura.kernel import throttling


@contextmanager
def patient(settings: Any, monkeypatch: pytest.MonkeyPatch, **limits: int) -> Iterator[None]:
    """Throttling is on, without memory of outages: a busy machine is none."""
    settings.AURA = settings.AURA.model_copy(update={"throttle": "on", **limits})
    monkeypatch.setattr(throttling, "_redis", throttling._Redis())
    monkeypatch.setattr(throttling, "TIMEOUT_S", 10.0)
    monkeypatch.setattr(throttling, "CONNECT_TIMEOUT_S", 10.0)
    _ask_redis_anew()
    yield
    _ask_redis_anew()


def _ask_redis_anew() -> None:
    throttling._client.cache_clear()
    throttling._windows.cache_clear()
