"""Our own credentials, which may stand in a command line or a log of the machine."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from aura.config import Settings, variable
from aura.kernel.secrets import remember
from governance.inventory import InventoryRefused, configured


def know_our_secrets(config: Settings) -> None:
    """From now on this process redacts every credential of the settings and the inventory."""
    for secret in (*_of_settings(config), *_of_inventory(config)):
        remember(secret)


def _of_settings(config: Settings) -> Iterator[str]:
    yield from (config.secret_key, config.llm_api_key, config.git_token, config.search_api_key)
    yield config.agent_api_key
    for url in (config.database_url, config.redis_url):
        yield from _in_url(url)


def _of_inventory(config: Settings) -> Iterator[str]:
    try:
        databases = configured(config.infra_config).db_servers.values()
    except InventoryRefused:
        return
    for database in databases:
        yield from _in_connection(database.connection_string.get_secret_value())
        for name in (database.password_env, database.operator_password_env):
            if name:
                yield variable(name) or ""


def _in_url(url: str) -> Iterator[str]:
    """The password as it is written and as it is meant; Redis has no user before it."""
    before, at, _ = url.partition("://")[2].rpartition("@")
    if at and ":" in before:
        written = before.partition(":")[2]
        yield from (written, unquote(written))


def _in_connection(connection_string: str) -> Iterator[str]:
    try:
        password = conninfo_to_dict(connection_string).get("password")
    except (psycopg.ProgrammingError, UnicodeError):
        return
    if password:
        yield str(password)
