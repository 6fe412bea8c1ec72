"""`python -m aura.embedded run DIR TOOL …`, as docs/operations.md uses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from aura.embedded import Embedded, Places
from aura.embedded.instance import only_instance
from tests.serving.instance import ROOT, bare_environment


def run(data: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "aura.embedded", "run", str(data), *command],
        cwd=ROOT,
        env=bare_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A directory in which a server was made; none runs, and none could."""
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("1\n")
    return tmp_path


@pytest.mark.parametrize("tool", ["dropdb", "createdb", "pg_restore"])
def test_what_replaces_the_database_is_refused_beside_a_running_up(made, tool):
    with only_instance(made):
        done = run(made, tool, "aura")
    assert done.returncode == 1
    assert f"already runs on {made}: end it first" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("tool", ["psql", "pg_dump", "dropdb"])
def test_a_mistyped_directory_is_told_and_nothing_is_made_there(tmp_path, tool):
    done = run(tmp_path / "mistyped", tool)
    assert done.returncode == 1
    assert done.stderr.startswith(f"There is no database in {tmp_path / 'mistyped'}: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("tool", ["pgdump", "initdb", "../../bin/sh"])
def test_what_is_no_client_is_refused_with_those_that_are(made, tool):
    done = run(made, tool)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{tool} is no tool for this: take one of psql, pg_dump,")


def test_a_dump_beside_the_running_server_is_restored_into_a_new_directory(tmp_path):
    old, new, dump = tmp_path / "old", tmp_path / "new", tmp_path / "aura.dump"
    with Embedded(old, redis=False, durable=False) as services:
        with psycopg.connect(services.places.database_url()) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        with only_instance(old):  # as `up` does
            dumped = run(old, "pg_dump", "--format=custom", f"--file={dump}")
            assert dumped.returncode == 0, dumped.stderr
    restored = run(new, "pg_restore", "--dbname=aura", "--exit-on-error", "--no-owner", str(dump))
    assert restored.returncode == 0, restored.stderr
    assert not (Places(new).postgres_socket).exists()
    asked = run(new, "psql", "--tuples-only", "--command=SELECT answer FROM kept")
    assert asked.stdout.split() == ["42"]
