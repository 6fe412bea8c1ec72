"""Fixtures of the bundles' tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from agents.database.idle import idle
from agents.helpdesk import catalogue
from agents.incident import callbacks, commands
from agents.incident.agent import AGENT


@pytest.fixture(autouse=True)
def place(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where bundles go. Commands that watch for a second are asked for a moment; receivers are
    told when a test says so.
    """
    directory = tmp_path / "incidents"
    settings.AURA = settings.AURA.model_copy(update={"incident_dir": directory})
    monkeypatch.setitem(commands.OS, "vmstat", ("vmstat",))
    monkeypatch.setitem(commands.STORAGE, "iostat", ("iostat",))
    monkeypatch.setattr(callbacks.hands, "wake", lambda: None)
    return directory


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """There is no other agent: these tests ask none, whose imports take long."""
    monkeypatch.setattr(catalogue, "agents", lambda: (AGENT,))
    catalogue.toolset.cache_clear()
    yield
    catalogue.toolset.cache_clear()
    idle.clear()  # of the tests' own database, which is removed in the end


@pytest.fixture
def allow(settings: Any) -> Callable[[str], None]:
    """Let outbound calls go to an address."""

    def this(network: str) -> None:
        allowed = (ip_network(network),)
        settings.AURA = settings.AURA.model_copy(update={"outbound_allow": allowed})

    return this


@pytest.fixture
def inventory(tmp_path: Path, settings: Any) -> Callable[..., None]:
    """Register databases: id -> connection string."""

    def these(**databases: str) -> None:
        said = {
            "db_servers": {
                key.replace("_", "-"): {"name": key, "connection_string": value}
                for key, value in databases.items()
            }
        }
        file = tmp_path / "inventory.json"
        file.write_text(json.dumps(said))
        settings.AURA = settings.AURA.model_copy(update={"infra_config": file})

    return these
