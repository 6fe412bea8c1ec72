"""Bundles through the door, of this very machine and of the tests' own PostgreSQL."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import threading
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import connection

from agents.incident import bundles, commands, gathering
from agents.incident.commands import CommandFailed
from agents.incident.layers import Item, Layer
from agents.incident.targets import Targets
from agents.incident.tools import incident_tools
from agents.models import Incident
from agents.runtime.tool import CallContext
from aura.kernel import secrets
from governance.audit.record import data_of
from governance.models import AuditEvent
from governance.policy import current
from tests.agents.incident.bundling import ADA, bundled, called, result_of, unpacked

pytestmark = pytest.mark.django_db

LIMITS_S = (0.2, 2.0, 20.0)  # one after the other: a machine may stall for seconds
HOST = {"uname", "uptime", "hostname", "top", "ps", "free", "vmstat", "dmesg", "sysctl"}
DISKS = {"df", "df_inodes", "mount", "lsblk", "iostat"}
DATABASE = {
    *("version", "databases", "active_connections", "connection_stats", "database_stats"),
    *("config_params", "replication_status", "locks", "table_stats"),
}
KUBERNETES = {
    *("pods", "pods_all", "services", "endpoints", "events", "nodes", "top_nodes", "top_pods")
}


def under(files: dict[str, str], layer: str) -> set[str]:
    """Names of the files of a layer, without `.txt`."""
    inside = [name for name in files if name.startswith(f"{layer}/")]
    assert all(name.endswith(".txt") for name in inside)
    return {name.removeprefix(f"{layer}/").removesuffix(".txt") for name in inside}


@pytest.fixture
def quick(monkeypatch):
    """Two commands that are everywhere, for tests of something else."""
    monkeypatch.setattr(commands, "OS", {"uname": ("uname", "-a")})
    monkeypatch.setattr(commands, "STORAGE", {"df": ("df", "-h")})


def own_database() -> str:
    """The connection string of the tests' database."""
    said = connection.get_connection_params()
    names = {"host": "host", "port": "port", "dbname": "dbname", "user": "user"}
    return " ".join(f"{ours}={said[theirs]}" for theirs, ours in names.items() if said.get(theirs))


def _process(*argv: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(argv, start_new_session=True)  # noqa: S603 - of this file alone


def test_the_documents_call_makes_a_bundle_of_host_and_disks(place):
    """Its target is registered nowhere: the database's files say so, the bundle is made."""
    task = called(
        "create_incident_bundle", host="prod-db.example.com", description="OOM killer triggered"
    )
    result = result_of(task)
    assert re.fullmatch(r"[0-9a-f]{8}", result["incident_id"])
    assert re.fullmatch(r"\d{8}-\d{6}", result["timestamp"])
    name = f"incident-{result['incident_id']}-{result['timestamp']}.tar.gz"
    assert result["bundle_path"] == str(place / name)
    files = unpacked(result["bundle_path"])
    assert (under(files, "os"), under(files, "storage")) == (HOST, DISKS)
    assert result["layers"] == ["database", "os", "storage"]
    assert "Linux" in files["os/uname.txt"]
    manifest = json.loads(files["manifest.json"])
    assert manifest["incident_id"] == result["incident_id"]
    assert (manifest["infra_key"], manifest["description"]) == ("unknown", "OOM killer triggered")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", manifest["timestamp"])
    assert manifest["layers"] == result["layers"]
    assert manifest["errors"] == result["errors"]
    assert files["errors.txt"].splitlines() == result["errors"]
    assert any(line.startswith("database/version.txt: ") for line in result["errors"])
    assert result["incident_id"] in task.text


@pytest.mark.parametrize("name", ["infra_key", "description", "k8s_namespace", "connection_string"])
def test_hostile_words_are_words(place, quick, name):
    words = "../../x'; DROP TABLE agents_incident; --\0 $(id) \u202e\n<b>"
    said: dict[str, Any] = {name: words, "k8s_context": "nowhere"}
    result = bundled(**said)
    (archive,) = place.iterdir()
    assert str(archive) == result["bundle_path"]
    said = json.loads(unpacked(result["bundle_path"])["manifest.json"])
    assert said["infra_key"] == Incident.objects.get().infra_key
    if name in said:
        assert "DROP TABLE" in said[name]
        assert "\0" not in said[name]


def test_only_its_owner_can_read_it(place, quick):
    path = Path(bundled()["bundle_path"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert [one.name for one in place.iterdir()] == [path.name]  # nothing half-written beside it


def test_a_bundle_of_a_registered_database_has_its_nine_files(inventory, quick):
    inventory(prod_db=own_database())
    result = bundled(connection_string="prod-db", infra_key="prod-db")
    files = unpacked(result["bundle_path"])
    assert under(files, "database") == DATABASE
    assert [line for line in result.get("errors", []) if line.startswith("database/")] == []
    assert "PostgreSQL" in files["database/version.txt"]
    assert connection.settings_dict["NAME"] in files["database/database_stats.txt"]


def test_a_dead_database_still_yields_a_bundle_that_says_so(inventory, quick):
    inventory(dead="host=127.0.0.1 port=9 dbname=x user=y password=hunter2secret")
    result = bundled(connection_string="dead")
    files = unpacked(result["bundle_path"])
    assert under(files, "database") == DATABASE
    for name in DATABASE:
        assert files[f"database/{name}.txt"].startswith("ERROR: ")
    assert len(files["errors.txt"].splitlines()) == len(DATABASE)
    assert not any("hunter2secret" in text for text in files.values())


def test_a_cluster_that_is_not_there_is_eight_files_that_say_so(quick):
    files = unpacked(bundled(k8s_context="nowhere", k8s_namespace="shop")["bundle_path"])
    assert under(files, "kubernetes") == KUBERNETES
    assert all(files[f"kubernetes/{name}.txt"].startswith("ERROR: ") for name in KUBERNETES)


def test_no_password_is_in_the_archive_wherever_it_stood(place, inventory, monkeypatch):
    """In a command line, a query, the arguments, our own settings, and what a command prints."""
    planted = [f"Pl4nted-{n}-Zx9" for n in range(5)]
    inventory(prod_db=f"{own_database()} password={planted[0]}")
    monkeypatch.setattr(secrets, "_remembered", {})
    monkeypatch.setitem(commands.OS, "uname", ("echo", f"PGPASSWORD={planted[4]} psql"))
    with (
        _process("sh", "-c", "sleep 60; :", f"--password={planted[1]}") as sleeper,
        _process("sh", "-c", f"sleep 60; : postgres://a:{planted[2]}@db/x") as shell,
        psycopg.connect(own_database()) as session,
    ):
        try:
            session.execute(f"SELECT 'here', 'password={planted[3]}'")
            result = bundled(
                connection_string=f"{own_database()} password={planted[0]}",
                description=f"password: {planted[0]}",
            )
        finally:
            for process in (sleeper, shell):
                os.killpg(process.pid, signal.SIGKILL)
    files = unpacked(result["bundle_path"])
    assert "sleep 60" in files["os/ps.txt"]
    assert "SELECT 'here'" in files["database/active_connections.txt"]
    for text in files.values():
        assert not any(secret in text for secret in planted)
    told = "".join(str(data_of(event.body)) for event in AuditEvent.objects.all())
    assert not any(secret in told for secret in planted)


def test_the_passwords_of_the_inventory_are_known_before_anything_is_read(
    inventory, monkeypatch, settings
):
    """Nothing about a word alone says that it is one."""
    inventory(other="host=db.example dbname=x user=y password=correcthorse")
    settings.AURA = settings.AURA.model_copy(
        update={"redis_url": "redis://:batterystaple@127.0.0.1:1/0"}
    )
    monkeypatch.setattr(secrets, "_remembered", {})
    monkeypatch.setattr(commands, "OS", {"ps": ("echo", "run correcthorse batterystaple now")})
    files = unpacked(bundled(layers=["os"])["bundle_path"])
    assert files["os/ps.txt"] == "run [redacted:secret] [redacted:secret] now\n"


def test_layers_are_those_that_were_named(quick):
    assert bundled(layers=["os"])["layers"] == ["os"]
    result = bundled(layers=["database", "storage"])
    assert result["layers"] == ["storage"]
    assert result["errors"] == ["database: no connection_string was given"]


def test_an_unknown_layer_is_refused_before_anything_is_made(place, quick):
    task = called("create_incident_bundle", layers=["everything"])
    assert task.state == "failed"
    assert "layers" in task.text
    assert not place.exists()


def test_what_may_not_be_read_is_not_in_the_bundle(inventory, quick, monkeypatch):
    """The database is not the caller's to read: its files hold the policy's word alone."""
    inventory(prod_db=own_database())
    denying = current.built_in_text().replace("tags: [inventory]", "name_pattern: 'other-*'")
    monkeypatch.setattr(current, "built_in_text", lambda: denying)
    current.forget()
    files = unpacked(bundled(connection_string="prod-db")["bundle_path"])
    current.forget()
    assert all("policy denied" in files[f"database/{name}.txt"] for name in DATABASE)


def test_a_policy_can_deny_bundles(place, quick, monkeypatch):
    denying = current.built_in_text().replace("- type: incident", "- type: other")
    monkeypatch.setattr(current, "built_in_text", lambda: denying)
    current.forget()
    task = called("create_incident_bundle")
    current.forget()
    assert (task.state, task.failure) == ("failed", "denied")
    assert not place.exists()


def test_the_bundle_its_event_and_its_row_say_the_same(quick):
    result = bundled(infra_key="prod-db", description="slow")
    incident = Incident.objects.get()
    assert incident.as_result() == result
    event = AuditEvent.objects.get(type="incident_created")
    assert event.trace_id == "tr_bundle"
    told = data_of(event.body)["data"]["payload"]
    assert (told["incident_id"], told["sha256"]) == (incident.key, incident.sha256)


def test_the_same_call_done_again_makes_no_second_bundle(quick):
    context = CallContext(call_id=uuid4().hex, trace_id="tr_1", principal=ADA)
    made = [
        bundles.create(
            Targets(wanted=(Layer.OS,)),
            infra_key="x",
            description="",
            callback_url="",
            context=context,
        )
        for _ in range(2)
    ]
    assert made[0] == made[1]
    assert Incident.objects.count() == 1


def test_a_directory_that_cannot_be_written_is_a_failure_that_says_so(place, quick):
    place.write_text("a file")
    task = called("create_incident_bundle")
    assert task.state == "failed"
    assert "ERROR — create_incident_bundle failed" in task.text
    assert "HELPDESK_INCIDENT_DIR" in task.text
    assert not Incident.objects.exists()


def test_bundles_are_listed_newest_first(quick):
    assert result_of(called("list_incidents")) == {"incidents": []}
    first = bundled(infra_key="a", description="one")
    second = bundled(infra_key="b", layers=["kubernetes", "os"])
    listed = result_of(called("list_incidents"))["incidents"]
    assert [one["incident_id"] for one in listed] == [second["incident_id"], first["incident_id"]]
    assert listed[1] == {
        "incident_id": first["incident_id"],
        "infra_key": "a",
        "description": "one",
        "timestamp": first["timestamp"],
        "bundle_path": first["bundle_path"],
        "layers": ["os", "storage"],
        "error_count": 0,
    }
    assert listed[0]["error_count"] == 1


class TestCommands:
    def test_one_that_is_missing_is_named(self):
        with pytest.raises(CommandFailed, match="no-such-command is not installed"):
            commands.run(("no-such-command",))

    def test_one_that_hangs_ends_with_its_children(self):
        left = ""
        for limit_s in LIMITS_S:
            began = time.monotonic()
            with pytest.raises(CommandFailed, match=f"did not end within {limit_s:g} s") as failure:
                commands.run(("sh", "-c", "echo before; sleep 90; echo after"), timeout_s=limit_s)
            assert time.monotonic() - began < limit_s + 40
            if left := failure.value.output:
                break
        assert left == "before\n"

    def test_one_that_never_stops_talking_is_cut(self):
        text = commands.run(("yes",))
        assert len(text) == commands.MOST_BYTES + len(commands.CUT)

    def test_one_that_fails_says_how(self):
        with pytest.raises(CommandFailed, match="ended with status 3: no luck"):
            commands.run(("sh", "-c", "echo no luck; exit 3"))

    def test_none_sees_our_environment(self):
        assert "AURA_" not in commands.run(("env",))


def test_a_bundle_does_not_wait_for_what_hangs():
    over = threading.Event()

    def hang() -> str:
        over.wait(60)
        return "late"

    items = [
        Item(layer=Layer.OS, name="slow", take=hang),
        Item(layer=Layer.OS, name="fast", take=lambda: "there"),
    ]
    said = ""
    for limit_s in LIMITS_S:
        slow, fast = gathering.gather(items, time_s=limit_s)
        assert slow.text.startswith(f"ERROR: not there after the {limit_s:g} s")
        if not fast.error:
            said = fast.text
            break
    over.set()
    assert said == "there"


def test_a_bug_in_one_part_costs_that_part_alone():
    def break_down() -> str:
        raise ZeroDivisionError

    (taken,) = gathering.gather([Item(layer=Layer.OS, name="x", take=break_down)])
    assert taken.error == "os/x.txt: failed unexpectedly; its error is in Aura's log"


def test_every_tool_and_argument_is_described():
    for tool in incident_tools():
        assert tool.title
        assert tool.tags
        assert tool.examples
        for name, field in tool.parameters.model_fields.items():
            assert field.description, name
