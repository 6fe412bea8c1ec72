"""Why a connection cannot be made: what the server, the network or the resolver answered."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.database.triage.making import CRITICAL, by_hand, found, thing
from agents.database.triage.snapshot import CONNECTION, Snapshot
from agents.triage.findings import Evidence, Finding

# (cause, words of PostgreSQL, libpq or the resolver, what it means, what to do). The first that
# fits counts: a line can name several things, the server's own words are the surer.
REFUSALS: tuple[tuple[str, str, str, str], ...] = (
    (
        "sessions/connections-exhausted",
        r"too many clients already|remaining connection slots are reserved",
        "All connections are in use, so none can be made.",
        (
            "End idle sessions, then put a pooler before the server or raise max_connections"
            " (needs a restart)."
        ),
    ),
    (
        "sessions/limit-reached",
        r"too many connections for (?:role|database)",
        "The role or database is at its own connection limit.",
        "Close connections, or raise it: ALTER ROLE … CONNECTION LIMIT …;",
    ),
    (
        "connection/no-such-database",
        r"database \".*\" does not exist",
        "The database of the connection does not exist on that server.",
        "Correct dbname in the connection string, or CREATE DATABASE.",
    ),
    (
        "connection/no-such-role",
        r"role \".*\" does not exist",
        "The role of the connection does not exist on that server.",
        "Correct user in the connection string, or CREATE ROLE … LOGIN.",
    ),
    (
        "connection/role-may-not-log-in",
        r"is not permitted to log in",
        "The role has no LOGIN.",
        "ALTER ROLE … LOGIN;",
    ),
    (
        "connection/no-privilege",
        r"permission denied for database|is not currently accepting connections",
        "The role may not connect to that database, or the database takes no connections.",
        "GRANT CONNECT ON DATABASE … TO …; or ALTER DATABASE … ALLOW_CONNECTIONS true;",
    ),
    (
        "connection/no-hba-entry",
        r"no pg_hba\.conf entry|pg_hba\.conf rejects|no encryption",
        "pg_hba.conf has no entry that lets this role in from that address in that way.",
        (
            "Add an entry to pg_hba.conf and SELECT pg_reload_conf(); pg_hba_file_rules shows what"
            " is in force."
        ),
    ),
    (
        "connection/no-password",
        r"no password supplied|fe_sendauth",
        "The server asked for a password and the client has none.",
        "Give the client its password: password_env or ~/.pgpass.",
    ),
    (
        "connection/authentication-failed",
        r"authentication failed|SCRAM|SASL",
        "The server refused the password or the method of the role.",
        "Put the right password where the client reads it, or ALTER ROLE … PASSWORD.",
    ),
    (
        "connection/starting-up",
        (
            r"database system is (?:starting up|not yet accepting|in recovery mode)|"
            r"consistent recovery state has not been yet reached|hot standby mode is disabled"
        ),
        "The server is starting or recovering and takes no connections yet.",
        "Wait until recovery is over; the server log shows how far it is.",
    ),
    (
        "connection/shutting-down",
        r"database system is shutting down|terminating connection due to administrator command",
        "The server is being stopped.",
        "Find out who stops it and start it again.",
    ),
    (
        "connection/tls",
        (
            r"does not support SSL|SSL is not enabled|sslmode|certificate|SSL error|SSL SYSCALL|"
            r"tlsv1|ssl/tls"
        ),
        "The two ends do not agree on TLS.",
        "Make sslmode and certificates of both ends fit.",
    ),
    (
        "connection/name-not-resolved",
        (
            r"could not translate host name|name or service not known|failed to resolve|"
            r"temporary failure in name resolution|nodename nor servname|no address associated"
        ),
        "The host name cannot be resolved.",
        "Correct the host of the connection string, or its record in DNS.",
    ),
    (
        "connection/unreachable",
        r"no route to host|network is unreachable|host is down|host is unreachable",
        "There is no way to that host from here.",
        "Check routes, firewalls and network policies between the client and the server.",
    ),
    (
        "connection/refused",
        r"connection refused|no such file or directory",
        "Nothing listens there: the server is down, or host or port is wrong.",
        "Start the server, or correct host and port; listen_addresses must include the address.",
    ),
    (
        "connection/timed-out",
        r"timeout expired|timed out|did not answer",
        "The server did not answer in time: it hangs, or a firewall drops the packets.",
        "Check that the machine is alive and that nothing drops packets to its port.",
    ),
    (
        "connection/closed",
        (
            r"server closed|connection (?:is lost|is closed|was closed|reset)|broken pipe|"
            r"terminating connection|unexpected eof|unexpectedly|line was cut"
        ),
        "The connection was broken off.",
        "Read the server log at that time: a crash, a restart or a proxy between ends it.",
    ),
)


def refused(snapshot: Snapshot) -> Iterator[Finding]:
    """The connection of this look failed; the answer names the cause."""
    for line in snapshot.failures:
        for cause, words, summary, remedy in REFUSALS:
            if re.search(words, line, re.IGNORECASE):
                yield found(
                    cause,
                    thing(snapshot),
                    CRITICAL,
                    0.95,
                    summary,
                    Evidence(source=CONNECTION, line=line),
                    remedy=by_hand(remedy),
                )
                return


RULES = (refused,)
