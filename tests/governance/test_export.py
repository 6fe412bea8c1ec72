"""The log as a bundle: whole when it is whole, and nothing else is, seen by the verifier alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from base64 import b64encode
from pathlib import Path
from typing import Any

import cryptography
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from governance.audit import rotation
from governance.audit.checkpoints import signer
from governance.audit.export import VERIFIER, NothingSigned, export
from governance.audit.keys import signing_key
from governance.audit.notes import SecretKey
from governance.audit.offline import verify_bundle
from tests.governance import logbook
from tests.governance.logbook import signed_log

pytestmark = pytest.mark.django_db


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    signed_log(4, 9)
    export(tmp_path / "log")
    return tmp_path / "log"


def verdict(*arguments: object) -> int:
    return verify_bundle.main([str(argument) for argument in arguments])


def vkey() -> str:
    key = signing_key()
    assert key is not None
    return key.public.text


def test_a_bundle_is_checked_without_django_and_without_a_database(tmp_path):
    signed_log(3)
    call_command("export_log", str(tmp_path / "log.tar"))
    alone = tmp_path / "elsewhere"
    alone.mkdir()
    (tmp_path / VERIFIER.name).rename(alone / VERIFIER.name)
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-S", "-c", _WITHOUT_DJANGO, "../log.tar", "--key", vkey()],
        cwd=alone,
        env={"PATH": os.environ["PATH"]},  # noqa: TID251 - nothing of ours
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "OK: 3 entries" in done.stdout


_SITE = Path(cryptography.__file__).parent.parent
_WITHOUT_DJANGO = f"""
import sys
class Nothing:
    def find_spec(self, name, *_):
        if name.split(".")[0] in ("django", "psycopg", "governance", "aura"):
            raise ImportError(name)
sys.meta_path.insert(0, Nothing())
sys.path[:0] = [".", {str(_SITE)!r}]
import verify_bundle
sys.exit(verify_bundle.main())
"""


def test_directory_and_tar_hold_the_same(bundle, tmp_path):
    export(tmp_path / "log.tar")
    assert verdict(bundle) == verdict(tmp_path / "log.tar") == 0
    with tarfile.open(tmp_path / "log.tar") as tar:
        assert {"keys.txt", "checkpoints.jsonl", "bundle.json"} <= set(tar.getnames())


# --- tampering ------------------------------------------------------------------------------------


def entries(bundle: Path) -> list[dict[str, Any]]:
    lines = (bundle / "entries/000000.jsonl").read_text().rstrip("\n").split("\n")
    return [json.loads(line) for line in lines]


def put(bundle: Path, changed: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(entry) + "\n" for entry in changed)
    (bundle / "entries/000000.jsonl").write_text(text)


def relinked(changed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    import hashlib

    previous, out = bytes(32), []
    for seq, entry in enumerate(changed, start=1):
        previous = hashlib.sha256(previous + entry["body"].encode()).digest()
        out.append({"seq": seq, "hash": previous.hex(), "body": entry["body"]})
    return out


def edited(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found[3]["body"] = found[3]["body"].replace("did 3", "did 9")
    return found


CHANGES = {
    "edit": edited,
    "edit and relink": lambda found: relinked(edited(found)),
    "delete": lambda found: found[:3] + found[4:],
    "delete and relink": lambda found: relinked(found[:3] + found[4:]),
    "insert and relink": lambda found: relinked([*found[:3], found[0], *found[3:]]),
    "swap and relink": lambda found: relinked([found[1], found[0], *found[2:]]),
    "truncate": lambda found: found[:5],
    "append and relink": lambda found: relinked([*found, found[0]]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_bundle_is_found(bundle, change, capsys):
    assert verdict(bundle, "--key", vkey()) == 0
    put(bundle, CHANGES[change](entries(bundle)))
    assert verdict(bundle, "--key", vkey()) == 1
    assert "BROKEN" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["keys.txt", "checkpoints.jsonl"])
def test_a_part_that_is_missing_or_empty_is_found(bundle, name):
    (bundle / name).write_text("")
    assert verdict(bundle) == 1
    (bundle / name).unlink()
    assert verdict(bundle) == 1


def test_every_flipped_character_of_a_checkpoint_is_found(bundle):
    path = bundle / "checkpoints.jsonl"
    lines = path.read_text().splitlines()
    note = json.loads(lines[-1])["note"]
    for at in range(0, len(note) - 1, 7):
        forged = note[:at] + chr(ord(note[at]) ^ 1) + note[at + 1 :]
        path.write_text("\n".join([*lines[:-1], json.dumps({"note": forged})]) + "\n")
        assert verdict(bundle, "--key", vkey()) == 1, at


def test_an_older_bundle_is_found_by_a_checkpoint_from_elsewhere(bundle, tmp_path):
    logbook.write(3)
    signer.sign_head()
    kept = tmp_path / "kept.txt"
    kept.write_text(logbook.newest().note)
    assert verdict(bundle) == 0
    assert verdict(bundle, "--checkpoint", kept) == 1


def test_the_logs_own_file_of_checkpoints_is_what_was_kept_torn_lines_and_all(bundle, tmp_path):
    kept = tmp_path / "kept.jsonl"
    kept.write_text('{\n{"no\n' + settings.AURA.log_checkpoints.read_text())
    assert verdict(bundle, "--checkpoint", kept) == 0
    logbook.write(3)
    signer.sign_head()
    kept.write_text('{"no\n' + settings.AURA.log_checkpoints.read_text())
    assert verdict(bundle, "--checkpoint", kept) == 1
    kept.write_text('{"no\n')
    assert verdict(bundle, "--checkpoint", kept) == 1


def test_a_log_of_somebody_else_is_not_ours(bundle):
    stranger = SecretKey.made("aura-log/other").public.text
    assert verdict(bundle, "--key", stranger) == 1
    assert verdict(bundle, "--key", "nonsense") == 1
    assert verdict(bundle / "nothing") == 1


def test_nothing_is_exported_that_nobody_signed(tmp_path):
    with pytest.raises(NothingSigned):
        export(tmp_path / "log")


# --- keys -----------------------------------------------------------------------------------------


def test_after_a_rotation_old_and_new_checkpoints_hold_by_either_key(bundle, tmp_path):
    old = vkey()
    logbook.write(2)
    new = rotation.rotate().text
    logbook.write(2)
    signer.sign_head()
    assert vkey() == new != old
    assert signing_key().public.name == old.split("+")[0]
    from governance.audit.verify import verify

    assert verify(full=True).valid
    export(tmp_path / "later")
    for key in (old, new):
        assert verdict(tmp_path / "later", "--key", key) == 0


def test_a_rotation_that_the_old_key_did_not_sign_is_no_rotation(bundle, tmp_path):
    """Somebody who can write to the database and not to the key file."""
    from governance.audit.keys import replace_key
    from governance.audit.record import record

    old = vkey()
    thief = SecretKey.made(old.split("+")[0])
    said = rotation.statement(old, thief.public.text, None)
    signature = b64encode(thief.sign(said)).decode()
    data = {"before": old, "after": thief.public.text, "signed": [signature, signature]}
    record(rotation.ROTATED, actor=logbook.ADA, action="x", data=data)
    logbook.write(1)
    replace_key(thief)
    signer.sign_head()
    from governance.audit.verify import verify

    assert not verify(full=True).valid


def test_a_restored_backup_goes_on_under_a_new_name(bundle, tmp_path):
    from governance.audit.checkpoints import Rewritten
    from governance.audit.verify import verify

    old = vkey()
    logbook.guards_off()
    logbook._cut(logbook.bodies(), 6)
    logbook.write(1)
    signer._signed = None
    with pytest.raises(Rewritten, match="older backup"):
        signer.sign_head()
    new = rotation.accept_restore(reason="the disk died").text
    assert new.split("+")[0] != old.split("+")[0]
    logbook.write(2)
    signer.sign_head()
    assert verify(full=True).valid
    export(tmp_path / "restored")
    assert verdict(tmp_path / "restored", "--key", new) == 0
    assert verdict(tmp_path / "restored", "--key", old) == 0


def test_a_lost_key_gives_up_what_it_signed(bundle, tmp_path):
    from django.conf import settings

    from governance.audit.checkpoints import prepare_to_sign
    from governance.audit.verify import verify

    settings.AURA.log_key.unlink()
    assert "lost key" in prepare_to_sign()
    new = rotation.accept_restore(reason="the key is lost").text
    assert verify(full=True).valid
    export(tmp_path / "later")
    assert verdict(tmp_path / "later", "--key", new) == 0


@pytest.mark.parametrize("name", ["there", "there.tar"])
def test_an_export_does_not_write_into_what_is_there_and_says_what_to_do(tmp_path, name):
    signed_log(2)
    target = tmp_path / name
    target.mkdir()
    with pytest.raises(CommandError, match="is there already: name a directory"):
        call_command("export_log", str(target))
    assert list(target.iterdir()) == []
