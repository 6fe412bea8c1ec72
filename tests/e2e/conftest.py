from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.support import Person, demo_repository
from tests.serving.instance import Instance


class House:
    """A running product with a repository of its own."""

    def __init__(self, root: Path, **settings: object) -> None:
        self.repository = demo_repository(root)
        self.instance = Instance(
            root / "data", AURA_AUTH="on", AURA_GIT_REPO_URL=self.repository, **settings
        )
        self.instance.start()
        self.instance.wait_ready()
        self.person = Person(self.instance)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for all tests of a file."""
    built = House(tmp_path_factory.mktemp("house"))
    yield built
    built.instance.clean()
