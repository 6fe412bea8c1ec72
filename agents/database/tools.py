"""Every tool of the database agent. Building them is cheap: nothing is connected to."""

from __future__ import annotations

from agents.database import (
    reads_activity,
    reads_indexes,
    reads_replication,
    reads_server,
    reads_sessions,
    reads_settings,
    reads_summary,
    reads_tables,
    snapshots,
)
from agents.database.session_tools import session_tools
from agents.database.sql_tools import sql_tools
from agents.database.triage import tool as triage
from agents.database.upkeep import upkeep_tools
from agents.runtime.tool import Tool


def database_tools() -> list[Tool]:
    """In the order in which they are shown: looks first, then what changes something."""
    return [
        *triage.tools(),
        *reads_summary.tools(),
        *reads_server.tools(),
        *reads_sessions.tools(),
        *reads_settings.tools(),
        *reads_replication.tools(),
        *reads_tables.tools(),
        *reads_indexes.tools(),
        *reads_activity.tools(),
        *snapshots.tools(),
        *sql_tools(),
        *session_tools(),
        *upkeep_tools(),
    ]
