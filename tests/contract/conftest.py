"""Fixtures of the contract tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from governance.policy import current
from tests.conftest import ApiClient

pytest.register_assert_rewrite("tests.contract.wire")


class JsonClient(ApiClient):
    """Sends JSON unless told otherwise."""

    default_format = "json"


@pytest.fixture
def api() -> JsonClient:
    """A client of the API that sends JSON; errors come back as answers."""
    return JsonClient(raise_request_exception=False, HTTP_HOST="localhost:3000")


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Each test asks its own database what policy is in force."""
    current.forget()
    yield
    current.forget()


@pytest.fixture
def login_required(settings: Any) -> None:
    """The product as with AURA_AUTH=on."""
    settings.AURA = settings.AURA.model_copy(update={"auth": "on"})
