"""`aura` as people type it, and the API that it asks over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as configured

from tests.agents.served import served
from tests.agents.working import close_connections_of_bridge
from tests.governance.cli.conftest import clean, stub, tool

__all__ = ["clean", "stub", "tool"]


@pytest.fixture
def login_required(settings: Any) -> None:
    """As in production."""
    settings.AURA = settings.AURA.model_copy(update={"auth": "on"})


@pytest.fixture
def api(transactional_db: None) -> Iterator[str]:
    """Base URL of the API, with its streams."""
    port = configured.AURA.ports.api
    with served(port) as ours:
        try:
            yield ours.urls[port]
        finally:
            close_connections_of_bridge()
