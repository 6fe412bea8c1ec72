"""Which database a call means."""

from __future__ import annotations

from typing import Any

import pytest

from agents.database.targets import TargetArguments, resource_of, target_of
from agents.runtime.tool import NeedsPerson, ToolFailure
from aura.kernel.secrets import redact
from governance.inventory import REGISTERED
from tests.agents.database.looking import register

SECRET = "correct-horse-battery"
ORDERS = {
    "connection_string": f"host=db1 port=5433 dbname=orders user=aura password={SECRET}",
    "aliases": ["shop", "orders.example.com:6432"],
    "tags": ["production"],
}
WIKI = {"connection_string": "postgresql://aura@db2/wiki", "password_env": "WIKI_PASSWORD"}


@pytest.fixture(autouse=True)
def two_databases(settings: Any, tmp_path: Any) -> None:
    register(settings, tmp_path, orders=ORDERS, wiki=WIKI)


@pytest.mark.parametrize(
    "said",
    [
        {"connection_string": "orders"},
        {"connection_string": "shop"},
        {"connection_string": "host=db1 port=5433 dbname=orders"},
        {"connection_string": "postgresql://somebody:x@db1:5433/orders?sslmode=require"},
        {"connection_string": "postgresql://db1:5433"},
        {"host": "db1", "port": 5433},
        {"host": "db1", "port": "5433", "dbname": "orders", "user": "root"},
        {"host": "orders.example.com", "port": 6432},
    ],
)
def test_a_database_is_found_by_every_name_it_goes_by(said):
    target = target_of(TargetArguments.model_validate(said))
    assert target.id == "orders"
    assert target.label == "orders (db1:5433/orders)"
    assert "user=aura" in target.conninfo()  # as registered, whatever the caller says


@pytest.mark.parametrize(
    "said",
    [
        {"connection_string": "payroll"},
        {"connection_string": f"host=db9 dbname=x password={SECRET}"},
        {"connection_string": f"postgresql://u:{SECRET}@db1:5433/other"},
        {"connection_string": f"user@{SECRET}"},
        {"connection_string": "orders'; DROP TABLE x; --"},
        {"connection_string": "x\x00y\n"},
        {"host": "db1", "port": 5434},
        {"host": "db1;rm -rf /", "dbname": "x' OR '1'='1"},
    ],
)
def test_what_is_not_registered_is_refused_with_what_is(said):
    with pytest.raises(ToolFailure, match="not a registered database") as failure:
        target_of(TargetArguments.model_validate(said))
    assert "orders, wiki" in str(failure.value)
    assert "HELPDESK_INFRA_CONFIG" in str(failure.value)
    assert SECRET not in str(failure.value)


def test_where_there_are_several_one_must_be_named():
    with pytest.raises(ToolFailure, match="Registered are: orders, wiki"):
        target_of(TargetArguments())


def test_the_only_one_is_meant_when_none_is_named(settings, tmp_path):
    register(settings, tmp_path, orders=ORDERS)
    assert target_of(TargetArguments()).id == "orders"


def test_two_names_at_once_are_refused():
    with pytest.raises(ToolFailure, match="one of them"):
        target_of(TargetArguments(connection_string="orders", host="db1"))
    with pytest.raises(ToolFailure, match="belong to a host"):
        target_of(TargetArguments(port=5433))


def test_the_same_place_twice_is_told_apart_by_the_role_or_refused(settings, tmp_path):
    boss = {"connection_string": "host=db1 port=5433 dbname=orders user=boss"}
    register(settings, tmp_path, orders=ORDERS, orders_admin=boss)
    place = {"host": "db1", "port": 5433, "dbname": "orders"}
    assert target_of(TargetArguments(**place, user="boss")).id == "orders_admin"
    with pytest.raises(ToolFailure, match="may be any of orders, orders_admin"):
        target_of(TargetArguments(**place))


def test_the_policy_is_asked_about_the_registered_name_and_its_tags():
    resource = resource_of(TargetArguments(host="db1", port=5433))
    assert (resource.type, resource.name) == ("database", "orders")
    assert resource.tags == {"production", REGISTERED}


def test_without_an_inventory_a_place_is_judged_and_carries_no_tag(settings, tmp_path):
    register(settings, tmp_path)
    said = TargetArguments(connection_string=f"host=db7 dbname=x password={SECRET}")
    resource = resource_of(said)
    assert (resource.name, resource.tags) == ("db7:5432/x", frozenset())
    with pytest.raises(ToolFailure, match="HELPDESK_INFRA_CONFIG"):
        target_of(TargetArguments(connection_string="orders"))
    with pytest.raises(ToolFailure, match="No database is named"):
        target_of(TargetArguments())


def test_a_password_comes_from_the_variable_that_the_inventory_names(monkeypatch):
    wiki = target_of(TargetArguments(connection_string="wiki"))
    with pytest.raises(NeedsPerson, match="WIKI_PASSWORD, which is not set"):
        wiki.conninfo()
    monkeypatch.setenv("WIKI_PASSWORD", "from-the-variable")
    assert "password=from-the-variable" in wiki.conninfo()
    assert redact("it said from-the-variable") == "it said [redacted:secret]"


def test_a_password_may_be_a_file_of_the_secrets_directory(monkeypatch, tmp_path):
    (tmp_path / "WIKI_PASSWORD").write_text("from-the-file\n")
    monkeypatch.setenv("AURA_SECRETS_DIR", str(tmp_path))
    wiki = target_of(TargetArguments(connection_string="wiki"))
    assert "password=from-the-file" in wiki.conninfo()


def test_no_text_of_a_target_holds_its_password():
    target = target_of(TargetArguments(connection_string="orders"))
    assert SECRET in target.conninfo()
    assert SECRET not in f"{target} {target!r} {target.label} {target.resource}"


@pytest.mark.parametrize("form", ["postgresql://u:{}@db1:5433/orders", "host=db1 password={}"])
def test_a_password_in_the_callers_string_is_dropped_and_known_as_a_secret(form):
    said = TargetArguments(connection_string=form.format("of-the-caller"))
    assert "of-the-caller" not in said.connection_string
    assert "host=db1" in said.connection_string
    assert redact("it said of-the-caller") == "it said [redacted:secret]"


def test_changes_are_made_as_the_operator_where_there_is_one(settings, tmp_path, monkeypatch):
    entry = {**ORDERS, "operator_user": "mender", "operator_password_env": "MENDER_PASSWORD"}
    register(settings, tmp_path, orders=entry)
    monkeypatch.setenv("MENDER_PASSWORD", "another")
    target = target_of(TargetArguments())
    assert "user=mender" in target.conninfo(operator=True)
    assert "password=another" in target.conninfo(operator=True)
    assert SECRET not in target.conninfo(operator=True)
    assert "user=aura" in target.conninfo()
