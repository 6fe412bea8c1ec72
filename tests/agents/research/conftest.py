"""Fixtures of the research agent's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from agents.helpdesk import catalogue
from agents.research.agent import AGENT


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """There is no other agent."""
    monkeypatch.setattr(catalogue, "agents", lambda: (AGENT,))
    catalogue.toolset.cache_clear()
    yield
    catalogue.toolset.cache_clear()


@pytest.fixture
def configure(settings: Any) -> Callable[..., None]:
    """Change settings."""

    def these(**changes: Any) -> None:
        settings.AURA = settings.AURA.model_copy(update=changes)

    return these


@pytest.fixture
def loopback(configure: Callable[..., None]) -> None:
    """Pages of this machine may be fetched."""
    configure(outbound_allow=(ip_network("127.0.0.1/32"),))
