"""`manage.py doctor`: each thing that can be broken, broken for real."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.db import connection
from django.utils.timezone import now

from agents import probes
from agents.models import Probe, StopSwitch
from aura.config import Settings
from aura.doctor import CHECKS
from aura.doctor.findings import Level
from aura.doctor.host import secret_key
from governance.audit.record import record
from governance.audit.sequence import sequence
from governance.models import AuditLink
from governance.types import SYSTEM
from tests.serving.instance import ROOT, Instance, bare_environment, eventually, running

Report = dict[str, dict[str, str]]


def doctor(data: Path, **changes: object) -> tuple[int, Report]:
    """(exit code, name -> finding) of the command, run on a data directory."""
    code, found = findings(data, **changes)
    return code, {finding["name"]: finding for finding in found}


def findings(data: Path, **changes: object) -> tuple[int, list[dict[str, str]]]:
    environment = bare_environment() | {"AURA_DATA_DIR": str(data)}
    done = subprocess.run(
        [sys.executable, "manage.py", "doctor", "--json"],
        cwd=ROOT,
        env=environment | {name: str(value) for name, value in changes.items()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, json.loads(done.stdout)


def levels(report: Report, level: str) -> set[str]:
    return {name for name, found in report.items() if found["level"] == level}


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    missing = tmp_path_factory.mktemp("git") / "no-such-repository.git"
    with running(tmp_path_factory.mktemp("doctor"), AURA_GIT_REPO_URL=missing) as instance:
        yield instance


def test_a_running_instance_is_examined_and_its_wrong_repository_found(up: Instance) -> None:
    metrics = up.url("AURA_SECBOT_PORT", "/metrics")
    # The worker looks when it has started, and once more at beat's word.
    eventually(lambda: 'aura_probe_age_seconds{name="beat"}' in httpx.get(metrics).text, 60)
    code, report = doctor(up.data, **up.settings)
    assert (code, levels(report, "FAIL")) == (1, {"git"})
    assert "AURA_GIT_REPO_URL" in report["git"]["mend"]
    assert levels(report, "ok") >= {
        *("database", "privileges", "connections", "clock", "migrations", "redis"),
        *("worker", "beat", "queue", "log", "events", "instance", "disk", "secret key"),
    }


def test_a_shell_with_other_settings_is_told_so_and_no_value_is_kept(up: Instance) -> None:
    others = {**up.settings, "AURA_AGENT_MAX_TURNS": "7", "AURA_LLM_API_KEY": "sk-of-this-shell"}
    _, report = doctor(up.data, **others)
    assert report["instance"]["level"] == "warn"
    assert "AURA_AGENT_MAX_TURNS, AURA_LLM_API_KEY" in report["instance"]["text"]
    note = up.data / "up-settings.json"
    assert note.stat().st_mode & 0o777 == 0o600
    assert "no-such-repository" not in note.read_text()


def test_a_dead_redis_fails_and_what_needs_it_is_not_guessed(up: Instance, tmp_path: Path) -> None:
    code, report = doctor(up.data, **up.settings, AURA_REDIS_URL=f"unix://{tmp_path}/none.sock")
    assert code == 1
    assert report["redis"]["level"] == "FAIL"
    assert "AURA_REDIS_URL" in report["redis"]["mend"]
    assert report["worker"] == {
        "name": "worker",
        "level": "warn",
        "text": "not checked: see redis",
        "mend": "mend that first",
    }
    assert report["database"]["level"] == "ok"


def test_a_stopped_worker_is_found(up: Instance) -> None:
    worker = up.child("worker")
    assert worker
    os.kill(worker, signal.SIGSTOP)  # what hangs answers as little as what is dead
    try:
        code, report = doctor(up.data, **up.settings)
    finally:
        os.kill(worker, signal.SIGCONT)
    assert code == 1
    assert report["worker"]["level"] == "FAIL"
    assert "serve worker" in report["worker"]["mend"]


def test_where_nothing_answers_it_says_what_to_mend_and_tells_no_password(tmp_path: Path) -> None:
    code, report = doctor(
        tmp_path,
        AURA_DATABASE_URL="postgresql://u:Xk29vLq-hunter2@127.0.0.1:1/x",
        AURA_LLM_MODLE="gpt",
    )
    assert code == 1
    assert levels(report, "FAIL") == {"instance", "database", "redis"}
    assert "make up" in report["instance"]["mend"]
    assert "AURA_DATABASE_URL" in report["database"]["mend"]
    assert report["migrations"]["text"] == "not checked: see database"
    assert report["settings"]["level"] == "warn"
    assert "AURA_LLM_MODEL" in report["settings"]["text"]
    assert "hunter2" not in json.dumps(report)


def examined(name: str, **changes: Any) -> tuple[Level, str]:
    """What one check finds in this process and its database."""
    config: Settings = settings.AURA.model_copy(update=changes)
    [check] = [check for each, check, _ in CHECKS if each == name]
    [found] = check(config)
    return found.level, found.text


@pytest.mark.django_db
class TestWhatTheDatabaseTells:
    def test_a_missing_migration(self) -> None:
        assert examined("migrations")[0] is Level.OK
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE app = 'tickets'")
        assert examined("migrations")[0] is Level.FAIL

    def test_a_role_without_rights(self) -> None:
        assert examined("privileges")[0] is Level.OK
        with connection.cursor() as cursor:
            cursor.execute("REVOKE UPDATE ON agents_run FROM CURRENT_USER")
        level, text = examined("privileges")
        assert level is Level.FAIL
        assert text.endswith("may not use agents_run")

    def test_the_stop_switch(self) -> None:
        assert examined("stop switch")[0] is Level.OK
        StopSwitch.objects.create(reason="a bad\nday", stopped_by="ops")
        level, text = examined("stop switch")
        assert level is Level.WARN
        assert text.startswith("ops stopped all agents")
        assert "a bad day" in text

    def test_a_beat_that_fell_silent(self) -> None:
        probes.scheduled()
        assert examined("beat")[0] is Level.OK
        Probe.objects.update(checked_at=now() - 2 * probes.GOOD_FOR)
        assert examined("beat")[0] is Level.FAIL

    def test_a_model_that_refuses_its_key(self) -> None:
        Probe.objects.create(name="llm", available=False, detail="refused", checked_at=now())
        assert examined("model", llm_model="openai/x") == (Level.FAIL, "refused")

    def test_the_end_of_the_log(self) -> None:
        for _ in range(3):
            record("token_issued", actor=SYSTEM, action="x")
        sequence()
        assert examined("log")[0] is Level.OK
        last = AuditLink.objects.order_by("-seq")[0]
        with connection.cursor() as cursor:  # as whoever owns the tables could
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("ALTER TABLE governance_auditlink DISABLE TRIGGER USER")
            AuditLink.objects.filter(pk=last.pk).update(hash=bytes(32))
        level, text = examined("log")
        assert level is Level.FAIL
        assert f"place {last.pk}" in text


def test_a_key_that_others_can_read_fails(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("x" * 50)
    (tmp_path / "secret.key").chmod(0o644)
    config = Settings(data_dir=tmp_path, secret_key="")
    [found] = secret_key(config)
    assert found.level is Level.FAIL
    assert "chmod 600" in found.mend


def test_what_is_registered_is_asked_and_what_is_away_is_a_warning(tmp_path: Path) -> None:
    inventory, kubeconfig = tmp_path / "inventory.json", tmp_path / "kubeconfig"
    dead = "host=127.0.0.1 port=1 dbname=x user=y"
    databases = {
        "gone": {"connection_string": dead},
        "locked": {"connection_string": dead, "password_env": "LOCKED_PW"},
    }
    clusters = {"prod": {"context": "prod-eu"}}
    inventory.write_text(json.dumps({"db_servers": databases, "k8s_clusters": clusters}))
    kubeconfig.write_text("{current-context: other, contexts: [{name: other, context: {}}]}")
    _, found = findings(
        tmp_path,
        HELPDESK_INFRA_CONFIG=inventory,
        AURA_KUBECONFIG=kubeconfig,
        AURA_ARGOCD_SERVER="http://127.0.0.1:1",
        AURA_ARGOCD_TOKEN="t",
    )
    told = [f["text"] for f in found if f["name"] in {"databases", "clusters", "argocd"}]
    levels_of = {f["level"] for f in found if f["name"] in {"databases", "clusters", "argocd"}}
    assert levels_of == {"warn"}
    for text, part in zip(
        told,
        (
            "gone: Nothing listens there",
            "locked: its password is to be read from the environment variable LOCKED_PW",
            "prod: There is no context 'prod-eu' in the kubeconfig; its contexts: other.",
            "Argo CD cannot be reached at http://127.0.0.1:1",
        ),
        strict=True,
    ):
        assert text.startswith(part)
