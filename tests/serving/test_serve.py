"""`manage.py serve ROLE` and others where something they need is missing: one readable line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.serving.instance import ROOT, bare_environment


def manage(*command, **settings):
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=bare_environment() | {"AURA_SECRET_KEY": "x" * 50} | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("role", ["web", "worker", "beat"])
def test_a_role_without_its_database_says_where_it_looked_and_ends(tmp_path, role):
    done = manage("serve", role, AURA_DATA_DIR=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == (
        f"The database of AURA_DATA_DIR={tmp_path} is not running: start `manage.py up` with the"
        " same AURA_DATA_DIR beside this, or set AURA_DATABASE_URL\n"
    )


@pytest.mark.parametrize("command", [("serve", "beat"), ("demo",), ("first_login",)])
def test_a_data_directory_that_cannot_be_made_is_a_readable_line(command):
    done = manage(*command, AURA_DATA_DIR="/proc/aura")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("/proc/aura cannot be used: ")
    assert "AURA_DATA_DIR" in line
