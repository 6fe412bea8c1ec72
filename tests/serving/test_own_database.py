"""Without an inventory of one's own, the embedded database is there to try the tools on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import psycopg
import pytest
from django.conf import settings as django_settings

from agents.database.idle import idle
from agents.database.targets import find
from aura.config import Settings
from aura.embedded.places import Places
from aura.serving.startup import OWN_DATABASE, register_own_database
from governance.helpdesk.resources import known
from tests import boot
from tests.agents.database.looking import look

DOCUMENTS_OWN = {"host": "prod-db.example.com", "port": 5432}


@pytest.fixture
def config(settings: Any, tmp_path: Path) -> Settings:
    changed: Settings = django_settings.AURA.model_copy(update={"data_dir": tmp_path})
    settings.AURA = changed
    return changed


@pytest.fixture
def places() -> Places:
    """Of the embedded server that this run uses."""
    own = Places(boot.ROOT / ".aura-test")
    if str(own.sockets) not in unquote(django_settings.DATABASE_URL):
        pytest.skip("this run has a database of its own (AURA_DATABASE_URL)")
    return own


@pytest.mark.parametrize(
    "said", [DOCUMENTS_OWN, {"connection_string": "prod-db"}, {"connection_string": "local-db"}, {}]
)
def test_the_calls_of_the_document_reach_it_as_typed(config, places, said):
    register_own_database(config, places)
    try:
        result = look("check_connection", **said)
        assert result.data["user"] == "aura_readonly"
        assert look("check_replication_lag", **said).data["role"] == "primary"
    finally:
        idle.clear()


def test_it_is_reached_by_roles_that_read_nothing_of_ours(config, places):
    register_own_database(config, places)
    with psycopg.connect(places.database_url(), autocommit=True) as ours:
        ours.execute("CREATE TABLE IF NOT EXISTS of_ours ()")
    target = find(OWN_DATABASE)
    for operator in (False, True):
        with (
            psycopg.connect(target.conninfo(operator=operator)) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("SELECT * FROM of_ours")


def test_it_is_registered_for_development(config, places):
    register_own_database(config, places)
    resource = known().database(OWN_DATABASE)
    assert resource is not None
    assert "development" in resource.tags


def test_a_database_of_somebody_elses_is_not_registered_by_itself(config, places):
    register_own_database(config, places)
    register_own_database(config, None)
    assert config.inventory is None
    assert not known().db_servers


def test_an_inventory_that_a_person_named_counts_instead(config, places, settings, tmp_path):
    register_own_database(config, places)
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"db_servers": {"mine": {"connection_string": "host=x"}}}))
    settings.AURA = config.model_copy(update={"infra_config": file})
    assert list(known().db_servers) == ["mine"]
