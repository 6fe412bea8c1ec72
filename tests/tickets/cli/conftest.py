"""`aura` as people type it, and the API that it asks over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings

from tests.agents.served import served
from tests.agents.working import close_connections_of_bridge
from tests.governance.cli.conftest import clean, stub, tool

__all__ = ["clean", "stub", "tool"]


@pytest.fixture
def api(transactional_db: None) -> Iterator[str]:
    """Base URL of the API, with its streams."""
    port = settings.AURA.ports.api
    with served(port) as ours:
        try:
            yield ours.urls[port]
        finally:
            close_connections_of_bridge()
