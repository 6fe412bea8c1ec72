"""One throw-away primary with its standby for every test of this directory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agents.evaluation.database.lab import Lab, lab
from aura.embedded.postgres import binary


@pytest.fixture(scope="session")
def laboratory() -> Iterator[Lab]:
    with lab(binary("postgres").parent) as made:
        yield made
