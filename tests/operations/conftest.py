"""Databases of their own: dumped, restored and migrated without touching those of other tests."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.operations.servers import PostgresServer, new_database, working_on
from tests.serving.instance import free_ports

Connect = Callable[[str], Any]
Databases = Callable[[str], tuple[str, str]]


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """The server in production."""
    yield from _server(tmp_path_factory.mktemp("live"))


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """The server that takes its place."""
    yield from _server(tmp_path_factory.mktemp("fresh"))


def _server(root: Path) -> Iterator[PostgresServer]:
    port = free_ports()["AURA_SERVER_PORT"]
    server = PostgresServer(root, port, secrets.token_hex(8), [])
    yield server
    server.end()


@pytest.fixture(scope="session")
def using(django_db_blocker: Any) -> Connect:
    """`with using(url):` the product works on that database."""

    return partial(working_on, django_db_blocker)


@pytest.fixture(scope="session")
def migrated(live: PostgresServer, using: Connect) -> str:
    """Name of a template on `live` with all tables and no rows."""
    with using(new_database(live, "migrated")):
        call_command("migrate", verbosity=0)
    return "migrated"


@pytest.fixture
def databases(live: PostgresServer, fresh: PostgresServer, migrated: str) -> Databases:
    """`databases(name)`: URLs of a migrated database in production and of an empty one."""

    def make(name: str) -> tuple[str, str]:
        return new_database(live, name, template=migrated), new_database(fresh, name)

    return make
