"""Without a model: which looks answer a question. Keywords pick the tools, the inventory's names
the database; a sentence that asks for a change, or names no one database, gets none.
"""

from __future__ import annotations

import re
from typing import Any

from agents.database.targets import registered
from agents.database.tools import database_tools
from agents.runtime.tool import ToolFailure
from governance.types import ActionClass

Calls = tuple[tuple[str, dict[str, Any]], ...]

MOST_CALLS = 3
# Somebody who wants this done calls the tool, or asks a model.
_CHANGE = re.compile(
    r"^(?:please |now |can you |could you )*"
    r"(?:kill|terminat|cancel|drop|delet|remov|reset|resum|restart|vacuum|updat|insert|alter|creat)"
    r"|\b(?:drop|truncate|alter|create|insert into|delete from) \w",
    re.IGNORECASE,
)
_PARAMETER = re.compile(r"\b[a-z]{2,}(?:_[a-z0-9]+)+\b")
# "what is work_mem", "the value of work_mem", "is work_mem set": a setting asked for by its name
_ITS_VALUE = re.compile(
    r"(?:\b(?:what is|what's|show(?: me)?|value of|current)(?: the)? "
    r"(?P<named>[a-z]+(?:_[a-z0-9]+)+)|\b(?P<set>[a-z]+(?:_[a-z0-9]+)+) (?:is )?set)\b",
    re.IGNORECASE,
)
_SESSION = re.compile(r"\b(?:session|pid|backend|process) #?(?P<pid>[1-9]\d{0,8})\b", re.IGNORECASE)
_STATEMENT = re.compile(
    r"^explain\s+(?P<query>(?:select|with|table|values)\b.*)$", re.IGNORECASE | re.DOTALL
)
# All that fit are called, in this order, up to MOST_CALLS.
_RULES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"replicat|replica|standby|lag(ging|s)?\b|behind the primary", ("check_replication_lag",)),
    (r"\bslots?\b|\bwal sender|streaming", ("get_replication_status",)),
    (r"index(es)?\b|indices", ("get_index_usage",)),
    (r"block(s|ed|ing|er)?\b|\block(s|ed|ing)?\b|deadlock|stuck", ("get_blocking_queries",)),
    (
        r"slow|latency|perform|(so|too) long\b|most (expensive|time)|expensive quer",
        ("get_wait_events", "get_slow_queries"),
    ),
    (r"\bwait(s|ing)?\b", ("get_wait_events",)),
    (r"(many|most) (connection|session|client)s", ("get_connection_stats",)),
    (r"connection (count|limit)|out of connections", ("get_connection_stats",)),
    (
        r"who is connected|^(?!.*\bversion\b).*\brunning\b(?! out)|active|sessions?|current quer",
        ("get_active_connections",),
    ),
    (r"vacuum|bloat|dead (rows|tuples)|wraparound|xid", ("get_vacuum_status",)),
    (r"disk|space|storage|how (big|large)|largest|biggest|size|\bwal\b", ("get_disk_usage",)),
    (r"\btables?\b", ("get_table_stats",)),
    (r"checkpoint|bgwriter|background writer|buffers", ("get_bgwriter_stats",)),
    (r"cache|hit ratio|commits|rollbacks|temp(orary)? files|deadlock", ("get_database_stats",)),
    (r"extensions?\b", ("get_extensions",)),
    (r"baseline|\bchanged\b|drift", ("get_baseline",)),
    (r"setting|parameter|configur", ("get_pg_settings",)),
    (r"\blogs?\b|log file", ("read_pg_log",)),
    (r"which databases|list (the )?databases|owner|encoding|collation", ("get_database_info",)),
    (r"version|uptime|been (up|running)|since when|restarted|data directory", ("get_server_info",)),
    (r"\brole\b|in recovery|\bprimary or\b|\bor (a |the )?primary\b", ("get_server_info",)),
    (r"\breach|connect to|connectivity|\bping\b|alive|\bis .* (up|down)\b", ("check_connection",)),
    (r"accept\w* connections|\b(answer|respond)(s|ing)?\b", ("check_connection",)),
    (r"health|status|overview|summary|problem|wrong|trouble|\bok\b|\bfine\b", ()),
    (r"how is|going on|happen", ()),
)
GENERAL = "get_status_summary"
TRIAGE = "triage_database"
# Somebody who says that something is not as it should be wants the cause, before any figures.
_ILL = re.compile(
    r"\b(?:why|wrong|broken|down|slow|unhealthy|degraded|diagnose|triage|incident|outage|trouble)\b"
    r"|\b(?:problem|fail|hang|error)\w*|\bnot (?:work|answer|respond)\w*",
    re.IGNORECASE,
)


def calls_for(question: str) -> Calls:
    """The reads that answer a question, each with the database that it names."""
    words = " ".join(question.split())
    database = database_named(words)
    if database is None or _CHANGE.search(words):
        return ()
    about = {"connection_string": database}
    wanted = _one_thing(question.strip()) or _wanted(words)
    return tuple((name, {**more, **about}) for name, more in wanted)


def database_named(words: str) -> str | None:
    """The id of the one database that a sentence names, or the only one there is; else None."""
    try:
        inventory = registered()
    except ToolFailure:
        return None
    named = inventory.databases_named(words) or list(inventory.db_servers)
    return named[0] if len(named) == 1 else None


def targets() -> list[str]:
    """The ids of the databases that can be asked about."""
    try:
        return list(registered().db_servers)
    except ToolFailure:
        return []


def _one_thing(question: str) -> list[tuple[str, dict[str, Any]]]:
    """A statement, a session or a setting that is asked about by itself; else nothing."""
    if statement := _STATEMENT.match(question):
        return [("explain_query", {"query": statement["query"]})]
    if session := _SESSION.search(question):
        return [("get_session_info", {"pid": int(session["pid"])})]
    value = _ITS_VALUE.search(question)
    name = (value["named"] or value["set"]) if value else ""
    if not name or name in _reads():
        return []
    return [("get_config_parameter", {"parameter_name": name})]


def _wanted(words: str) -> list[tuple[str, dict[str, Any]]]:
    if asked := [name for name in _reads() if re.search(rf"\b{name}\b", words)]:
        return [(name, {}) for name in asked[:MOST_CALLS]]
    found: list[str] = []
    general = False
    for pattern, tools in _RULES:
        if re.search(pattern, words, re.IGNORECASE):
            found += [tool for tool in tools if tool not in found]
            general = general or not tools
    parameters = [name for name in _PARAMETER.findall(words) if name not in found]
    if parameters and "get_pg_settings" in found:
        return [("get_config_parameter", {"parameter_name": parameters[0]})]
    if general and not found:
        found = [TRIAGE, GENERAL]
    elif _ILL.search(words):
        found = [TRIAGE, *found]
    return [(name, {}) for name in found[:MOST_CALLS]]


def _reads() -> list[str]:
    return [tool.name for tool in database_tools() if tool.action_class is ActionClass.READ]
