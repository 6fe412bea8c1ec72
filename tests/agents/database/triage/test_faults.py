"""Every fault of the evaluation, made for real: found first, and silent while all is well."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from agents.database.tools import database_tools
from agents.database.triage.judge import triage
from agents.evaluation.case import Case
from agents.evaluation.database import ABILITIES, CASES
from agents.evaluation.database.lab import NAME, Lab, await_
from agents.evaluation.running import alarms, judged
from agents.triage.causes import CAUSES
from agents.triage.findings import Report
from agents.triage.proof import every, unproven
from aura.embedded.process import BARE_ENVIRONMENT


def looked(lab: Lab) -> Report:
    """The report, whose every line is in the data and every cause in the vocabulary."""
    snapshot = lab.snapshot()
    report = triage(snapshot)
    assert unproven(report, snapshot) == []
    assert {finding.cause for finding in every(report)} <= set(CAUSES)
    return report


TOOLS = {tool.name: tool for tool in database_tools()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_fault_is_found_first_and_health_is_no_alarm(laboratory: Lab, case: Case[Lab]) -> None:
    assert case.needs <= ABILITIES
    assert set(case.expected) <= set(CAUSES)
    with case.control(laboratory):
        assert alarms(looked(laboratory)) == ()
    with case.inject(laboratory):
        report = looked(laboratory)
    verdict = judged(case, report)
    assert (verdict.place, verdict.wrong_remedy) == (1, ""), report.roots
    remedy = report.roots[0].remedy
    assert remedy is not None or not case.remedies
    if remedy and remedy.tool:
        tool = TOOLS[remedy.tool]
        tool.parameters.model_validate(dict(remedy.arguments))


def test_enough_kinds_are_made() -> None:
    assert len(CASES) >= 20
    assert len({case.name for case in CASES}) == len(CASES)


def test_an_idle_root_explains_all_who_wait(laboratory: Lab) -> None:
    case = named("migration-queue")
    with case.inject(laboratory):
        report = looked(laboratory)
    (root,) = report.roots
    assert "wait for its locks" in root.summary
    assert [it.cause for it in report.symptoms[root.key]] == ["locks/blocking-chain"]
    assert root.remedy is not None
    assert root.object == f"database/{NAME}/session/{root.remedy.arguments['pid']}"


def test_what_holds_vacuum_back_explains_the_dead_rows(laboratory: Lab) -> None:
    with named("vacuum-held-back").inject(laboratory):
        report = looked(laboratory)
    (root,) = report.roots
    assert {it.cause for it in report.symptoms[root.key]} >= {"vacuum/held-back", "vacuum/bloat"}


def test_waiting_explains_exhausted_connections(laboratory: Lab) -> None:
    crowd = named("connections-exhausted").control
    with crowd(laboratory), named("idle-root-of-a-chain").inject(laboratory), ExitStack() as more:
        for _ in range(10):
            more.enter_context(laboratory.running("UPDATE app.accounts SET balance = 2"))
        report = looked(laboratory)
    root = report.roots[0]
    assert root.cause == "sessions/idle-in-transaction"
    assert {it.cause for it in report.symptoms[root.key]} == {
        "locks/blocking-chain",
        "sessions/connections-exhausted",
    }


def test_a_busy_server_is_healthy(laboratory: Lab) -> None:
    with busy(laboratory):
        report = looked(laboratory)
    assert alarms(report) == ()


def test_a_base_backup_is_healthy(laboratory: Lab) -> None:
    with backed_up(laboratory), laboratory.looking(ahead_s=3600):
        report = looked(laboratory)
    assert alarms(report) == ()


def test_a_vacuum_at_work_is_healthy(laboratory: Lab) -> None:
    """It takes long on purpose, over the dead rows that it was started for."""
    with laboratory.schema(), laboratory.connect() as vacuum:
        laboratory.run(
            "CREATE TABLE app.entries (id int, note text)",
            "INSERT INTO app.entries SELECT n, 'x' FROM generate_series(1, 20000) n",
            "VACUUM ANALYZE app.entries",
            "UPDATE app.entries SET note = 'y'",
            "ANALYZE app.entries",
        )
        vacuum.execute("SELECT set_config('vacuum_cost_delay', '100', false)")
        vacuum.execute("SELECT set_config('vacuum_cost_limit', '1', false)")
        vacuum.pgconn.send_query(b"VACUUM app.entries")
        laboratory.until("SELECT count(*) = 1 FROM pg_stat_progress_vacuum")
        with laboratory.looking(ahead_s=7200):
            report = looked(laboratory)
        with laboratory.connect() as boss:
            boss.execute("SELECT pg_terminate_backend(%s, 10000)", [vacuum.info.backend_pid])
        vacuum.pgconn.finish()
    laboratory.forget()
    assert alarms(report) == ()


def named(name: str) -> Case[Lab]:
    return next(case for case in CASES if case.name == name)


@contextmanager
def busy(lab: Lab) -> Iterator[None]:
    """pgbench with four clients on a small database, as it comes."""
    pgbench = [str(lab.primary.binaries / "pgbench"), "-h", str(lab.primary.home)]
    pgbench += ["-p", str(lab.primary.port), "-U", "postgres"]
    subprocess.run(  # noqa: S603
        [*pgbench, "-i", "-q", NAME], env=BARE_ENVIRONMENT, capture_output=True, check=True
    )
    clients = subprocess.Popen(  # noqa: S603
        [*pgbench, "-c", "4", "-T", "60", "-n", NAME],
        env=BARE_ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        lab.until("SELECT sum(n_tup_upd) > 200 FROM pg_stat_user_tables")
        yield
    finally:
        clients.terminate()
        clients.wait()
        lab.until("SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'pgbench'")
        lab.run("DROP TABLE pgbench_accounts, pgbench_branches, pgbench_history, pgbench_tellers")
        lab.forget()


@contextmanager
def backed_up(lab: Lab) -> Iterator[None]:
    """A base backup that takes its time."""
    backup = subprocess.Popen(  # noqa: S603
        [
            str(lab.primary.binaries / "pg_basebackup"),
            *("-h", str(lab.primary.home), "-p", str(lab.primary.port), "-U", "postgres"),
            *("-D", "-", "-F", "t", "-X", "fetch", "-c", "fast", "--max-rate", "32k"),
        ],
        env=BARE_ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        lab.until("SELECT count(*) = 1 FROM pg_stat_progress_basebackup")
        yield
    finally:
        backup.kill()
        backup.wait()
        await_(lambda: lab.value("SELECT count(*) = 0 FROM pg_stat_progress_basebackup"))
        lab.forget()
