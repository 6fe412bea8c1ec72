"""Settings that endanger data, or that do not fit the machine or each other."""

from __future__ import annotations

from collections.abc import Iterator

from agents.database.report import size, span
from agents.database.triage.facts import Setting
from agents.database.triage.making import INFO, WARNING, by_hand, found, setting_remedy, thing
from agents.database.triage.snapshot import Snapshot
from agents.database.triage.values import seconds_of, truth
from agents.triage.findings import Finding

# "Turning this off can cause unrecoverable data corruption" (20.5.1); the others hide damage.
DURABLE = {
    "fsync": "on",
    "full_page_writes": "on",
    "zero_damaged_pages": "off",
    "ignore_checksum_failure": "off",
    "ignore_invalid_pages": "off",
}
# "Useful for debugging the planner", "a temporary solution" (20.7.1).
METHODS = (
    "enable_seqscan",
    "enable_indexscan",
    "enable_indexonlyscan",
    "enable_bitmapscan",
    "enable_hashjoin",
    "enable_mergejoin",
    "enable_nestloop",
    "enable_sort",
    "enable_hashagg",
)
# work_mem is for each sort or hash of each session (20.4.1).
TIMES_BUFFERS, LEAST_BYTES = 16.0, 8 << 30
LEAST_SHARE, MOST_SHARE = 0.05, 0.6  # "a reasonable starting value … is 25 %" (20.4.1)
SHORT_S = 1.0


def durability(snapshot: Snapshot) -> Iterator[Finding]:
    """fsync or full_page_writes is off, or damage is passed over."""
    for name, right in DURABLE.items():
        setting = snapshot.setting(name)
        if setting and truth(setting.value) is not None and truth(setting.value) != truth(right):
            yield found(
                "configuration/durability-off",
                thing(snapshot, "setting", name),
                WARNING,
                0.95,
                f"{name} is {setting.value}: a crash can damage or lose data.",
                setting,
                remedy=setting_remedy(snapshot, setting, right),
            )


def memory(snapshot: Snapshot) -> Iterator[Finding]:
    """work_mem for every connection is more than the machine has, or 16 times shared_buffers."""
    work, most = snapshot.setting("work_mem"), snapshot.setting("max_connections")
    shared = snapshot.setting("shared_buffers")
    if not (work and most and shared and work.bytes and most.number and shared.bytes):
        return
    machine = snapshot.one("machine").number("memory_bytes")
    wanted = work.bytes * most.number
    over = wanted + shared.bytes > machine if machine else wanted >= TIMES_BUFFERS * shared.bytes
    if over and wanted >= (0 if machine else LEAST_BYTES):
        of = f"the machine's {size(machine)}" if machine else f"{size(shared.bytes)} of buffers"
        yield found(
            "configuration/memory-overcommitted",
            thing(snapshot, "setting", "work_mem"),
            WARNING,
            0.8 if machine else 0.6,
            f"work_mem of {size(work.bytes)} for {most.number:.0f} connections is {size(wanted)},"
            f" beside {of}: the server can be ended for want of memory.",
            work,
            most,
            shared,
            snapshot.one("machine") if machine else None,
            remedy=setting_remedy(snapshot, work, "'16MB'"),
        )


def buffers(snapshot: Snapshot) -> Iterator[Finding]:
    """shared_buffers is less than 5 % or more than 60 % of a machine that is known."""
    shared, machine = snapshot.setting("shared_buffers"), snapshot.one("machine")
    whole = machine.number("memory_bytes")
    if shared and shared.bytes and whole and not LEAST_SHARE <= shared.bytes / whole <= MOST_SHARE:
        yield found(
            "configuration/shared-buffers",
            thing(snapshot, "setting", "shared_buffers"),
            WARNING if shared.bytes / whole > MOST_SHARE else INFO,
            0.6,
            f"shared_buffers is {size(shared.bytes)} of {size(whole)}; a quarter is usual.",
            shared,
            machine,
            remedy=by_hand(
                f"ALTER SYSTEM SET shared_buffers = '{whole / 4 / 2**20:.0f}MB'; and restart."
            ),
        )


def timeouts(snapshot: Snapshot) -> Iterator[Finding]:
    """statement_timeout is under a second for the whole server, a database or a role."""
    setting = snapshot.setting("statement_timeout")
    if setting and _short(setting.value, setting.unit or "ms"):
        yield _timeout(snapshot, setting)
    for row in snapshot.of_view("pg_db_role_setting"):
        name, value = row.text("name"), row.text("value")
        if name == "statement_timeout" and _short(value, "ms"):
            whose = row.text("rolname") or row.text("datname")
            yield found(
                "configuration/statement-timeout",
                thing(snapshot, "setting", "statement_timeout"),
                WARNING,
                0.7,
                f"statement_timeout is {value} for {whose}: ordinary statements are ended.",
                row,
                remedy=by_hand("ALTER ROLE or DATABASE … RESET statement_timeout;"),
            )


def _short(value: str, unit: str) -> bool:
    return 0 < (seconds_of(value, unit) or 0) < SHORT_S


def _timeout(snapshot: Snapshot, setting: Setting) -> Finding:
    return found(
        "configuration/statement-timeout",
        thing(snapshot, "setting", setting.name),
        WARNING,
        0.8,
        f"statement_timeout is {span(seconds_of(setting.value, setting.unit or 'ms'))}: ordinary"
        " statements are ended.",
        setting,
        remedy=setting_remedy(snapshot, setting, "0"),
        explains=frozenset({f"{thing(snapshot)}#statements/statement-timeout"}),
    )


def read_only(snapshot: Snapshot) -> Iterator[Finding]:
    """default_transaction_read_only is on for the server, this database or a role that writes."""
    setting = snapshot.setting("default_transaction_read_only")
    text = "Transactions are read only unless they say otherwise: writes fail."
    if setting and setting.on:
        yield found(
            "configuration/read-only-default",
            thing(snapshot, "setting", setting.name),
            WARNING,
            0.8,
            text,
            setting,
            remedy=setting_remedy(snapshot, setting, "off"),
            explains=frozenset({f"{thing(snapshot)}#statements/read-only"}),
        )
    for row in snapshot.of_view("pg_db_role_setting"):
        on = row.text("name") == "default_transaction_read_only" and truth(row.text("value"))
        if on and not row.text("rolname"):  # a role that only reads is meant to
            database = row.text("datname")
            yield found(
                "configuration/read-only-default",
                thing(snapshot, "database", database),
                WARNING,
                0.9,
                f"Database {database}: {text[0].lower()}{text[1:]}",
                row,
                remedy=by_hand(f'ALTER DATABASE "{database}" RESET default_transaction_read_only;'),
                explains=frozenset({f"{thing(snapshot)}#statements/read-only"}),
            )


def planner(snapshot: Snapshot) -> Iterator[Finding]:
    """A planner method is switched off for the whole server."""
    for name in METHODS:
        setting = snapshot.setting(name)
        if setting and setting.off:
            yield found(
                "configuration/planner-switched-off",
                thing(snapshot, "setting", name),
                WARNING,
                0.85,
                f"{name} is off for the whole server: plans are worse than they could be.",
                setting,
                remedy=setting_remedy(snapshot, setting, "on"),
            )


def files(snapshot: Snapshot) -> Iterator[Finding]:
    """A line of a configuration file has an error, or waits for a restart."""
    broken = {row.text("name") for row in snapshot.of_view("pg_file_settings") if row.text("error")}
    for row in snapshot.of_view("pg_file_settings"):
        if row.text("error") and "changed without restart" not in row.text("error"):
            yield found(
                "configuration/invalid-file",
                thing(snapshot, "setting", row.text("name") or "file"),
                WARNING,
                0.9,
                f"{row.text('sourcefile')}:{row.text('sourceline')}: {row.text('error')}.",
                row,
                remedy=by_hand("Correct the line and SELECT pg_reload_conf();"),
            )
    for setting in snapshot.settings.values():
        if setting.pending and setting.name not in broken:
            yield found(
                "configuration/pending-restart",
                thing(snapshot, "setting", setting.name),
                INFO,
                0.6,
                f"{setting.name} was changed and needs a restart; {setting.value} is in force.",
                setting,
                remedy=by_hand("Restart the server when it may be interrupted."),
            )


RULES = (durability, memory, buffers, timeouts, read_only, planner, files)
