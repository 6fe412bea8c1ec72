"""Each test asks its own database what policy is in force."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from governance.policy import current


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    current.forget()
    yield
    current.forget()
