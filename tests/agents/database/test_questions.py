"""Which looks answer a question when there is no model."""

from __future__ import annotations

from typing import Any

import pytest

from agents.database.agent import AGENT
from agents.database.questions import calls_for
from agents.database.tools import database_tools
from agents.runtime.tool import Toolset
from governance.types import ActionClass
from tests.agents.database.looking import register

ORDERS = {"connection_string": "host=a dbname=orders", "aliases": ["shop-db"], "name": "Orders DB"}


@pytest.fixture(autouse=True)
def two_databases(settings: Any, tmp_path: Any) -> None:
    register(settings, tmp_path, orders=ORDERS, wiki={"connection_string": "host=b"})


@pytest.mark.parametrize(
    ("question", "tools"),
    [
        ("Is orders healthy?", ["triage_database", "get_status_summary"]),
        ("What's the replication lag on shop-db?", ["check_replication_lag"]),
        ("why is ORDERS so slow", ["triage_database", "get_wait_events", "get_slow_queries"]),
        ("Who is blocking the others on Orders DB?", ["get_blocking_queries"]),
        ("How big are the tables of wiki?", ["get_disk_usage", "get_table_stats"]),
        ("does vacuum keep up on wiki", ["get_vacuum_status"]),
        ("Can you reach wiki?", ["check_connection"]),
        ("Which version does wiki run, and since when?", ["get_server_info"]),
        ("please run get_lock_info on orders", ["get_lock_info"]),
        ("what is the setting work_mem on orders", ["get_config_parameter"]),
        ("are there too many connections to orders?", ["get_connection_stats"]),
        ("What is taking so long on orders?", ["get_wait_events", "get_slow_queries"]),
        ("Which queries use the most time on wiki?", ["get_wait_events", "get_slow_queries"]),
        ("What is max_connections on wiki?", ["get_config_parameter"]),
        ("To what is shared_buffers set on wiki?", ["get_config_parameter"]),
        ("show get_lock_info on orders", ["get_lock_info"]),
        ("What is session 4711 of wiki doing?", ["get_session_info"]),
        ("Which PostgreSQL version is running on wiki?", ["get_server_info"]),
        ("How long has wiki been up?", ["get_server_info"]),
        ("Is wiki a primary or a standby?", ["check_replication_lag", "get_server_info"]),
        ("Does wiki accept connections?", ["check_connection"]),
        ("How much WAL does wiki keep?", ["get_disk_usage"]),
        ("Have there been deadlocks on wiki?", ["get_blocking_queries", "get_database_stats"]),
        ("Has the configuration of wiki changed?", ["get_baseline", "get_pg_settings"]),
        ("What's going on with orders?", ["triage_database", "get_status_summary"]),
        ("What is wrong with wiki?", ["triage_database", "get_status_summary"]),
        ("wiki is down", ["triage_database"]),
        ("Why do writes to orders fail?", ["triage_database"]),
        ("Which indexes of orders are not used?", ["get_index_usage"]),
        ("EXPLAIN SELECT * FROM wiki", ["explain_query"]),
    ],
)
def test_keywords_pick_the_tools(question, tools):
    assert [name for name, _ in calls_for(question)] == tools


def test_the_database_is_the_one_that_is_named():
    assert calls_for("Is wiki healthy?") == (
        ("triage_database", {"connection_string": "wiki"}),
        ("get_status_summary", {"connection_string": "wiki"}),
    )


@pytest.mark.parametrize(
    ("question", "argument"),
    [
        ("What is session 4711 of wiki doing?", {"pid": 4711}),
        ("What's the value of work_mem on wiki?", {"parameter_name": "work_mem"}),
        ("explain select 'it''s'\nfrom wiki", {"query": "select 'it''s'\nfrom wiki"}),
    ],
)
def test_what_is_asked_about_by_itself_is_its_argument(question, argument):
    ((_, arguments),) = calls_for(question)
    assert arguments == {**argument, "connection_string": "wiki"}


@pytest.mark.parametrize(
    "question",
    [
        "Is it healthy?",  # which of the two
        "Compare orders with wiki: which is slow?",
        "Is wikipedia slow?",
        "kill the session 42 on orders",
        "Please terminate all idle connections of wiki",
        "What is the weather on orders like?",
        "",
        "'; DROP TABLE orders; --" * 100,
    ],
)
def test_what_it_cannot_tell_it_does_not_guess(question):
    assert calls_for(question) == ()


def test_the_only_database_need_not_be_named(settings, tmp_path):
    register(settings, tmp_path, orders=ORDERS)
    assert calls_for("is everything ok?") == (
        ("triage_database", {"connection_string": "orders"}),
        ("get_status_summary", {"connection_string": "orders"}),
    )


def test_only_reads_are_ever_called():
    tools = Toolset(database_tools())
    for question in (
        "vacuum status of orders",
        "run cancel_query on orders",
        "drop_replication_slot orders",
    ):
        for name, arguments in calls_for(question):
            tool = tools.get(name)
            assert tool.classify(tool.parameters.model_validate(arguments)) is ActionClass.READ


def test_every_tool_is_described_for_people_and_for_clients():
    names = {tool.name for tool in AGENT.tools()}
    assert len(names) == len(AGENT.tools())
    for tool in AGENT.tools():
        assert tool.description
        assert tool.title
        assert "postgresql" in tool.tags
        for name, field in tool.parameters.model_fields.items():
            assert field.description, (tool.name, name)
            assert bounded(tool.parameters.model_json_schema()["properties"][name]), (
                tool.name,
                name,
            )


def bounded(schema: dict[str, Any]) -> bool:
    """Numbers have a highest value, texts a greatest length."""
    if "anyOf" in schema:
        return all(bounded(one) for one in schema["anyOf"])
    limits = {"integer": "maximum", "number": "maximum", "string": "maxLength", "array": "maxItems"}
    limit = limits.get(schema.get("type", ""))
    return limit is None or limit in schema or "enum" in schema or "const" in schema
