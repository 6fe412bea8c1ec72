"""Tools that keep a server in order: vacuum, replication slots, replay, settings, counters.

Each looks first, so that who approves it sees what there is, and looks afterwards whether it is so.
"""

from __future__ import annotations

from typing import Any

from agents.database import upkeep_settings, upkeep_slots, upkeep_vacuum
from agents.database.connect import session
from agents.database.report import report
from agents.database.targets import TargetArguments, resource_of, target_of
from agents.database.upkeep_kinds import TAGS, outcome
from agents.database.verifying import Finding, Status, verified
from agents.runtime.tool import CallContext, Inspection, Tool, ToolFailure, ToolResult
from governance.types import ActionClass

REPLAY, STATS = "resume_wal_replay", "reset_cache_stats"

_REPLAY = """
SELECT pg_is_in_recovery() AS standby,
       CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() ELSE false END AS paused,
       extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8 AS behind_s
"""
_STATS = """
SELECT coalesce(extract(epoch FROM stats_reset)::text, '') AS since, stats_reset,
       blks_hit, blks_read
FROM pg_stat_database WHERE datname = current_database()
"""


def upkeep_tools() -> list[Tool]:
    return [
        upkeep_vacuum.tool(),
        upkeep_slots.tool(),
        upkeep_settings.tool(),
        Tool(
            name=REPLAY,
            title="Resume WAL Replay",
            description="Lets a standby whose replay was paused go on following its primary.",
            action_class=ActionClass.WRITE,
            parameters=TargetArguments,
            run=_resume,
            resource=resource_of,
            idempotent=True,
            inspect=_inspect_replay,
            tags=TAGS,
            examples=("Resume replay on orders-standby",),
        ),
        Tool(
            name=STATS,
            title="Reset Cache Stats",
            description=(
                "Sets the statistics counters of the database back to zero (pg_stat_reset), so"
                " that hit ratios count from now on."
            ),
            action_class=ActionClass.WRITE,
            parameters=TargetArguments,
            run=_reset_stats,
            resource=resource_of,
            inspect=_inspect_stats,
            probe=_probe_stats,
            tags=TAGS,
            examples=("Reset the statistics of orders",),
        ),
    ]


# --- resume_wal_replay ----------------------------------------------------------------------------


def _replay(arguments: TargetArguments) -> dict[str, Any]:
    target = target_of(arguments)
    with session(target, REPLAY) as db:
        state = db.row(_REPLAY)
    if not state["standby"]:
        raise ToolFailure(f"{target.label} is a primary: only a standby replays WAL.")
    return state


def _inspect_replay(arguments: TargetArguments, _: CallContext) -> Inspection:
    state, label = _replay(arguments), target_of(arguments).label
    paused = "is paused" if state["paused"] else "is not paused, and nothing would change"
    return Inspection(plan=f"Replay on the standby {label} {paused}.")


def _resume(arguments: TargetArguments, _: CallContext) -> ToolResult:
    target = target_of(arguments)
    if not _replay(arguments)["paused"]:
        return outcome(_running("was not paused"), 0, changed=False)
    with session(target, REPLAY, mode="autocommit") as db:
        db.execute("SELECT pg_wal_replay_resume()")

    def look() -> Finding:
        if _replay(arguments)["paused"]:
            text = f"replay on {target.label} was resumed and is paused again"
            return Finding(status=Status.ESCALATION, text=text)
        return _running("goes on")

    return outcome(*verified(look))


def _running(how: str) -> Finding:
    return Finding(status=Status.OK, text=f"Replay {how}.")


# --- reset_cache_stats ----------------------------------------------------------------------------


def _stats(arguments: TargetArguments) -> dict[str, Any]:
    with session(target_of(arguments), STATS) as db:
        return db.row(_STATS)


def _inspect_stats(arguments: TargetArguments, _: CallContext) -> Inspection:
    now = _stats(arguments)
    since = f"since {now['stats_reset']:%Y-%m-%d %H:%M:%S %Z}" if now["stats_reset"] else "so far"
    return Inspection(
        plan=(
            f"Every counter of {target_of(arguments).label} is set back to zero"
            f" ({now['blks_hit']} blocks hit, {now['blks_read']} read {since}). Autovacuum forgets"
            " how many rows are dead, too: run_vacuum with analyze makes up for it."
        ),
        preconditions={"statsReset": now["since"]},
    )


def _reset_stats(arguments: TargetArguments, _: CallContext) -> ToolResult:
    before = _stats(arguments)
    with session(target_of(arguments), STATS, mode="autocommit") as db:
        db.execute("SELECT pg_stat_reset()")

    def look() -> Finding:
        if _stats(arguments)["since"] == before["since"]:
            return Finding(status=Status.ESCALATION, text="the counters were not reset")
        return Finding(status=Status.OK, text="The counters begin at zero again.")

    found, retries = verified(look)
    return outcome(found, retries, before={k: before[k] for k in ("blks_hit", "blks_read")})


def _probe_stats(arguments: TargetArguments, context: CallContext) -> ToolResult | None:
    if "statsReset" not in context.preconditions:
        raise ToolFailure("it is not known when the counters were reset before")
    if _stats(arguments)["since"] == context.preconditions["statsReset"]:
        return None
    return report("The counters were reset; looked at after an interruption.", verify_status="ok")
