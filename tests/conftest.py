"""Fixtures that every test may use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from hypothesis import settings
from rest_framework.test import APIClient

from governance import identity, refusals

# Other work on the machine makes an example slow, which is no fault of the code.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("crash", "tests/crash: kills and outages")
    group.addoption("--crash-rounds", type=int, default=25, help="kills of a running product")
    group.addoption("--crash-seed", type=int, default=20261122, help="what is killed, and when")
    group.addoption("--crash-outage", type=float, default=8.0, help="seconds without Redis")
    group.addoption("--machine-examples", type=int, default=8, help="cases an operation")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Transactional tests end with TRUNCATE, which the log refuses in production."""
    del django_db_setup
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for table in ("governance_auditevent", "governance_auditlink"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only_truncate")


class OnPort:
    """Mixed into a test client: requests arrive on the API's port, which picks the surface."""

    port = "3000"

    def request(self, **environ: Any) -> Any:
        return super().request(**{**environ, "SERVER_PORT": self.port})


class ApiClient(OnPort, APIClient):
    """DRF's client on the API's port."""


class Browser(OnPort, Client):
    """Django's client on the API's port, for the console."""


@pytest.fixture(autouse=True)
def no_refusals_before() -> Iterator[None]:
    """Refusals are counted by the minute and address, and bad tokens lock an address out: each
    test starts with none, and leaves no timer that would write into another one's database.
    """
    refusals._bounded = refusals.Bounded()
    identity._limiter.storage.reset()
    yield
    if refusals._timer is not None:
        refusals._timer.cancel()
        refusals._timer = None


@pytest.fixture
def api() -> ApiClient:
    """A client of the API; errors come back as answers."""
    return ApiClient(raise_request_exception=False, HTTP_HOST="localhost:3000")
