"""Fixtures that every test may use."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from hypothesis import settings
from rest_framework.test import APIClient

# Other work on the machine makes an example slow, which is no fault of the code.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


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


@pytest.fixture
def api() -> ApiClient:
    """A client of the API; errors come back as answers."""
    return ApiClient(raise_request_exception=False, HTTP_HOST="localhost:3000")
