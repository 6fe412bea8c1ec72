"""What PostgreSQL and the way to it answer when they refuse, in plain words."""

from __future__ import annotations

import re

import psycopg
from psycopg import errors

from agents.runtime.tool import NeedsPerson, ToolFailure, TransientFailure
from aura.kernel.secrets import redact

LONGEST = 2000  # characters of the server's own words

Kind = type[ToolFailure]
# First match wins. What the message says, because before a login there is no SQLSTATE to ask.
_BY_WORDS: tuple[tuple[str, Kind, str], ...] = (
    (
        r"database \".*\" does not exist",
        NeedsPerson,
        "There is no such database on that server: check dbname in its connection_string.",
    ),
    (
        r"role \".*\" does not exist",
        NeedsPerson,
        "There is no such role on that server: make it (docs/databases.md), or check user.",
    ),
    (
        r"password authentication failed|no password supplied|SASL|fe_sendauth",
        NeedsPerson,
        "The server did not accept the password: check password_env or ~/.pgpass of this database.",
    ),
    (
        r"no pg_hba\.conf entry|pg_hba\.conf rejects",
        NeedsPerson,
        "The server has no entry in pg_hba.conf that lets this role in from here.",
    ),
    (
        r"is not permitted to log in",
        NeedsPerson,
        "The role may not log in: it was made without LOGIN.",
    ),
    (
        r"could not translate host name|name or service not known|failed to resolve host|nodename",
        TransientFailure,
        "The host name of this database cannot be resolved: check host, or the name server.",
    ),
    (
        r"server does not support SSL|SSL is not enabled|sslmode|no encryption",
        NeedsPerson,
        "The server and the connection string disagree about SSL.",
    ),
    (
        r"certificate|SSL error|SSL SYSCALL",
        NeedsPerson,
        "The encrypted connection could not be made: check sslmode and the certificates.",
    ),
    (
        r"connection refused|no such file or directory",
        TransientFailure,
        "Nothing listens there: the server is down, or host and port are wrong.",
    ),
    (
        r"the database system is (starting up|not yet accepting|in recovery mode)",
        TransientFailure,
        "The server is starting and takes no connections yet.",
    ),
    (r"the database system is shutting down", TransientFailure, "The server is shutting down."),
    (
        r"too many clients|remaining connection slots|too many connections",
        TransientFailure,
        "The server has no connection slot left.",
    ),
    (
        r"timeout expired|timed out|could not receive data",
        TransientFailure,
        "The server did not answer in time: it hangs, or a firewall drops the packets.",
    ),
    (
        r"no route to host|network is unreachable|host is down",
        TransientFailure,
        "There is no way to that host from here.",
    ),
    (
        r"server closed|connection is (lost|closed)|terminating connection|connection reset|pipe",
        TransientFailure,
        "The server closed the connection.",
    ),
)
_BY_CLASS: tuple[tuple[type[psycopg.Error], Kind, str], ...] = (
    (
        errors.LockNotAvailable,
        TransientFailure,
        "What is wanted is locked by somebody else; get_blocking_queries shows by whom.",
    ),
    (
        errors.InsufficientPrivilege,
        NeedsPerson,
        "The role that Aura logs in as may not do that; docs/databases.md lists what it needs.",
    ),
    (
        errors.ReadOnlySqlTransaction,
        ToolFailure,
        "It would change something, and this is a read-only transaction.",
    ),
    (errors.UndefinedTable, ToolFailure, "There is no such table or view in that database."),
    (errors.UndefinedColumn, ToolFailure, "There is no such column."),
    (errors.UndefinedFunction, ToolFailure, "There is no such function on that server."),
    (errors.UndefinedObject, ToolFailure, "There is no such object on that server."),
    (errors.SyntaxError, ToolFailure, "That is not valid SQL."),
    (errors.FeatureNotSupported, ToolFailure, "That server cannot do it."),
    (errors.OutOfMemory, TransientFailure, "The server is out of memory."),
    (errors.DiskFull, NeedsPerson, "The disk of the server is full."),
)
_RECOVERY = "The server is a standby in recovery: this can be asked of the primary only."


def failure(tool: str, label: str, error: psycopg.Error) -> ToolFailure:
    """The failure of a tool: a plain line, then the server's own words without credentials."""
    kind, plain = diagnosis(error)
    return kind(told(tool, label, plain, str(error)))


def told(tool: str, label: str, plain: str, detail: str = "") -> str:
    """The text of a failure in the form that every tool of the helpdesk gives it."""
    detail = " ".join(redact(detail).split())[:LONGEST]
    line = f"ERROR — {tool} failed for {label}"
    return f"{plain}\n{line}{f': {detail}' if detail else ''}"


def diagnosis(error: psycopg.Error) -> tuple[Kind, str]:
    """What kind of failure it is and one sentence for people."""
    if isinstance(error, errors.QueryCanceled):
        return ToolFailure, _canceled(str(error))
    if "recovery is in progress" in str(error):
        return ToolFailure, _RECOVERY
    for family, kind, plain in _BY_CLASS:
        if isinstance(error, family):
            return kind, plain
    for words, kind, plain in _BY_WORDS:
        if re.search(words, str(error), re.IGNORECASE):
            return kind, plain
    return ToolFailure, "The database refused it."


def _canceled(words: str) -> str:
    if "statement timeout" in words:
        return "The statement took longer than it may and was ended by the server."
    if "conflict with recovery" in words:
        return "The standby ended the statement, for it stood in the way of replay: try again."
    return "The statement was cancelled before it was done."
