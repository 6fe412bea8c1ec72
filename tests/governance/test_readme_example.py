"""The README's example of a tampered log, as typed; and the same done to the database itself."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from governance.audit.checkpoints import signer
from governance.audit.keys import signing_key
from governance.audit.record import record
from governance.audit.sequence import sequence
from tests.governance import logbook
from tests.serving.instance import ROOT

pytestmark = pytest.mark.django_db

HEADING = "manage.py export_log /tmp/log"


def example() -> list[list[str]]:
    """The commands of the README after `export_log`, without their comments."""
    lines = (ROOT / "README.md").read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if HEADING in line)
    block = lines[at : lines.index("```", at)]
    return [shlex.split(line.removeprefix("$ "), comments=True) for line in block]


def run(command: list[str], there: Path) -> subprocess.CompletedProcess[str]:
    """A command of the README, with `/tmp` elsewhere and nothing of ours in its environment."""
    words = [word.replace("/tmp/", f"{there}/") for word in command]  # noqa: S108 - the README's
    return subprocess.run(  # noqa: S603
        [sys.executable, *words[1:]] if words[0] == "python3" else words,
        env={"PATH": os.environ["PATH"]},  # noqa: TID251 - nothing of ours
        cwd=there,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    logbook.signed_log(4, 9)
    return tmp_path


def exported(place: Path) -> list[str]:
    key = signing_key()
    assert key is not None
    call_command("export_log", str(place / "log"))
    return ["python3", "/tmp/verify_bundle.py", "/tmp/log", "--key", key.public.text]  # noqa: S108


def test_the_example_of_the_readme_does_what_it_says(place):
    record("ticket_created", actor=logbook.ADA, action="deploy nginx 1.27")
    sequence()
    _, edit, check = example()
    call_command("export_log", str(place / "log"))
    whole = run(check, place)
    assert (whole.returncode, whole.stdout[:15]) == (0, "OK: 10 entries,")
    assert run(edit, place).returncode == 0
    broken = run(check, place)
    assert broken.returncode == 1
    assert broken.stdout == "BROKEN: entry 10 was changed: its hash does not follow\n"


def test_an_event_edited_in_the_database_is_named(place):
    _, body = logbook.bodies()[5]
    forged = body.replace(b"did 1", b"did 7")
    assert forged != body
    logbook.guards_off()
    logbook.sql("UPDATE governance_auditevent SET body = %s WHERE body = %s", forged, body)
    done = run(exported(place), place)
    assert done.returncode == 1
    assert done.stdout == "BROKEN: entry 6 was changed: its hash does not follow\n"


def test_an_event_deleted_in_the_database_is_named(place):
    logbook.guards_off()
    logbook.sql("DELETE FROM governance_auditlink WHERE seq = 3")
    done = run(exported(place), place)
    assert (done.returncode, done.stdout) == (1, "BROKEN: entry 3 is missing\n")


@pytest.mark.parametrize(("at", "where"), [(2, "1 to 4"), (6, "5 to 9")])
def test_a_history_that_was_made_anew_is_found_between_two_checkpoints(place, at, where):
    """Everything relinked: the chain holds in itself, and what was signed does not."""
    logbook.guards_off()
    events = logbook.bodies()
    key, body = events[at]
    events[at] = (key, body.replace(b'"did ', b'"DID '))
    logbook.sql("UPDATE governance_auditevent SET body = %s WHERE id = %s", events[at][1], key)
    logbook.relink(events)
    done = run(exported(place), place)
    assert done.returncode == 1
    assert done.stdout == f"BROKEN: one of the entries {where} is not what was signed\n"


def test_a_log_that_was_cut_off_is_exported_all_the_same_and_found(place, capsys):
    logbook.guards_off()
    logbook._cut(logbook.bodies(), 6)
    signer._signed = None
    done = run(exported(place), place)
    assert "nothing more is signed" in capsys.readouterr().err
    assert (done.returncode, done.stdout) == (1, "BROKEN: 9 entries were signed, and 4 are here\n")
