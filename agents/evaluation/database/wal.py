"""Faults of WAL and replication."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from agents.database.triage.making import literal
from agents.evaluation.case import Case
from agents.evaluation.database.lab import LOOKER, NAME, Lab

ONE_SEGMENT = ("SELECT pg_logical_emit_message(false, '', 'x')", "SELECT pg_switch_wal()")
WRITE = (
    "CREATE TABLE IF NOT EXISTS app.written (filling text)",
    "INSERT INTO app.written SELECT repeat('x', 500) FROM generate_series(1, 20000)",
)
STREAMING = "SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'"
CAUGHT_UP = STREAMING + " AND replay_lsn = pg_current_wal_lsn()"


@contextmanager
def checkpoints(lab: Lab) -> Iterator[None]:
    """Ten megabytes are written again and again, where two are room enough for WAL."""
    with lab.setting("max_wal_size", "'2MB'"), lab.setting("min_wal_size", "'2MB'"), lab.schema():
        requested = (
            "SELECT num_requested >= 6 FROM pg_stat_checkpointer"
            if lab.value("SELECT current_setting('server_version_num')::int >= 170000")
            else "SELECT checkpoints_req >= 6 FROM pg_stat_bgwriter"
        )
        lab.run("SELECT pg_stat_reset_shared('wal')")
        while not lab.value(requested):
            lab.run(*WRITE)
        yield
    lab.until(CAUGHT_UP)


@contextmanager
def written(lab: Lab) -> Iterator[None]:
    with lab.schema():
        lab.run(*WRITE, "CHECKPOINT")
        yield


@contextmanager
def archive_failing(lab: Lab) -> Iterator[None]:
    with lab.setting("archive_command", "'/bin/false'"):
        lab.run(*ONE_SEGMENT)
        lab.until("SELECT failed_count > 0 FROM pg_stat_archiver")
        yield
    lab.run(*ONE_SEGMENT)
    _archived(lab)


@contextmanager
def archiving(lab: Lab) -> Iterator[None]:
    lab.run(*ONE_SEGMENT)
    _archived(lab)
    yield


def _archived(lab: Lab) -> None:
    lab.until(
        "SELECT archived_count > 0 AND last_archived_time > coalesce(last_failed_time,"
        " '-infinity') FROM pg_stat_archiver"
    )


@contextmanager
def slot(lab: Lab) -> Iterator[None]:
    lab.run("SELECT pg_create_physical_replication_slot('gone', true)")
    try:
        for _ in range(6):
            lab.run(*ONE_SEGMENT)
        lab.run("CHECKPOINT")
        yield
    finally:
        lab.run("SELECT pg_drop_replication_slot('gone')")


@contextmanager
def stale_slot(lab: Lab) -> Iterator[None]:
    with lab.setting("max_wal_size", "'2MB'"), slot(lab):
        yield


@contextmanager
def young_slot(lab: Lab) -> Iterator[None]:
    with slot(lab):
        yield


@contextmanager
def lost_slot(lab: Lab) -> Iterator[None]:
    """The slot may keep 1 MB. The standby keeps up, so that only the slot loses WAL."""
    with (
        lab.setting("max_wal_size", "'2MB'"),
        lab.setting("wal_keep_size", "0"),
        lab.setting("max_slot_wal_keep_size", "'1MB'"),
        slot(lab),
    ):
        while not lab.value("SELECT wal_status = 'lost' FROM pg_replication_slots"):
            lab.run(*ONE_SEGMENT)
            lab.until(CAUGHT_UP)
            lab.run("CHECKPOINT")
        yield


@contextmanager
def on_standby(lab: Lab) -> Iterator[None]:
    """Looks are at the standby."""
    with lab.looking(dsn=lab.standby.dsn(LOOKER, NAME)):
        yield


@contextmanager
def paused(lab: Lab) -> Iterator[None]:
    lab.run("SELECT pg_wal_replay_pause()", standby=True)
    try:
        with lab.schema():
            lab.run(*WRITE)
            lab.until("SELECT flush_lsn >= pg_current_wal_lsn() FROM pg_stat_replication")
            with on_standby(lab):
                yield
    finally:
        lab.run("SELECT pg_wal_replay_resume()", standby=True)
        lab.until(CAUGHT_UP)


@contextmanager
def following(lab: Lab) -> Iterator[None]:
    with lab.schema():
        lab.run(*WRITE)
        lab.until(CAUGHT_UP)
        with on_standby(lab):
            yield


@contextmanager
def cut_off(lab: Lab) -> Iterator[None]:
    """The standby is told a place where no primary is."""
    nowhere = f"'host={lab.primary.home}/nowhere user=postgres'"
    right = literal(lab.value("SELECT current_setting('primary_conninfo')", standby=True))
    with lab.setting("primary_conninfo", nowhere, standby=True, after=right):
        lab.until("SELECT count(*) = 0 FROM pg_stat_wal_receiver", standby=True)
        with on_standby(lab):
            yield
    lab.until(STREAMING)


@contextmanager
def sync_standby_missing(lab: Lab) -> Iterator[None]:
    with (
        lab.schema(),
        lab.setting("synchronous_standby_names", "'ghost'"),
        lab.running("CREATE TABLE app.waits ()"),
    ):
        lab.until("SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
        yield


@contextmanager
def sync_standby_there(lab: Lab) -> Iterator[None]:
    with lab.setting("synchronous_standby_names", "'*'"):
        lab.until("SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'")
        yield


CASES: tuple[Case[Lab], ...] = (
    Case(
        name="checkpoints-too-frequent",
        category="wal",
        expected=("wal/checkpoints-too-frequent",),
        inject=checkpoints,
        control=written,
    ),
    Case(
        name="archive-failing",
        category="wal",
        expected=("wal/archive-failing",),
        inject=archive_failing,
        control=archiving,
    ),
    Case(
        name="stale-slot",
        category="replication",
        expected=("replication/slot-inactive",),
        inject=stale_slot,
        control=young_slot,
        question="What fills the disk of {target}?",
        about="slot/gone",
        remedies=("drop_replication_slot",),
    ),
    Case(
        name="slot-lost",
        category="replication",
        expected=("replication/slot-lost",),
        inject=lost_slot,
        control=young_slot,
        about="slot/gone",
        remedies=("drop_replication_slot",),
    ),
    Case(
        name="replay-paused",
        category="replication",
        expected=("replication/replay-paused",),
        inject=paused,
        control=following,
        question="Why is {target} behind its primary?",
        remedies=("resume_wal_replay",),
        needs=frozenset({"standby"}),
    ),
    Case(
        name="standby-cut-off",
        category="replication",
        expected=("replication/disconnected",),
        inject=cut_off,
        control=following,
        needs=frozenset({"standby"}),
    ),
    Case(
        name="synchronous-standby-missing",
        category="replication",
        expected=("replication/sync-standby-missing",),
        inject=sync_standby_missing,
        control=sync_standby_there,
        question="Why do commits hang on {target}?",
        remedies=("reset_pg_setting",),
        needs=frozenset({"standby"}),
    ),
)
