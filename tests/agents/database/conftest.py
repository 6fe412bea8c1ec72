"""Servers that every test of the database agent shares, one of each version."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aura.embedded.postgres import binary
from tests.agents.database.repairs import Desk, furnish, listed
from tests.agents.database.servers import OLD, Server, server


@pytest.fixture(scope="session", params=["18", "15"])
def furnished(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server with the database `shop` (see `repairs`)."""
    binaries = OLD if request.param == "15" else binary("postgres").parent
    if not (binaries / "postgres").exists():
        pytest.skip(f"no PostgreSQL {request.param} on this machine")
    with server(binaries) as made:
        furnish(made)
        yield made


@pytest.fixture
def desk(furnished: Server, tmp_path: Path, settings: Any) -> Desk:
    """Calls of tools on `shop`."""
    listed(furnished, tmp_path, settings)
    return Desk(furnished)
