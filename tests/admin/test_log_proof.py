"""The proof of one event: downloaded from its page, checked without the server."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest

from governance.audit import evidence, rotation
from governance.audit.checkpoints import signer
from governance.audit.keys import signing_key
from governance.audit.notes import SecretKey
from governance.audit.offline import verify_bundle
from governance.audit.record import record
from governance.audit.sequence import sequence
from governance.models import AuditEvent
from governance.types import Role
from tests.admin.conftest import browser_of
from tests.admin.pages import LOG, messages, text
from tests.governance import logbook
from tests.people import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def vera(db):
    return browser_of(person("vera", Role.VIEWER))


@pytest.fixture
def signed_event():
    """The fifth of twelve, in a log with three checkpoints."""
    logbook.signed_log(3, 7, 12)
    return AuditEvent.objects.get(link__seq=5)


def proof_of(browser, event, tmp_path: Path) -> Path:
    answer = browser.get(f"{LOG}{event.pk}/proof/")
    assert answer["Content-Disposition"] == 'attachment; filename="aura-event-5.json"'
    file = tmp_path / "aura-event-5.json"
    file.write_bytes(answer.content)
    return file


def verdict(file: Path, *options: str) -> int:
    return verify_bundle.main([str(file), *options])


def test_a_proof_is_downloaded_and_holds_by_the_command_on_the_page(
    vera, signed_event, tmp_path, capsys
):
    file = proof_of(vera, signed_event, tmp_path)
    page = unescape(text(vera.get(f"{LOG}{signed_event.pk}/change/")))
    command = re.search(r"python3 verify_bundle.py aura-event-5.json (--key) '([^']+)'", page)
    assert command
    assert verdict(file, *command.groups()) == 0
    said = capsys.readouterr().out
    assert "OK: event 5 of 7 entries" in said
    assert "something_happened" in said
    assert json.loads(file.read_bytes())["body"].encode() == bytes(signed_event.body)
    verifier = vera.get(f"{LOG}verifier/")
    assert verifier.content == Path(verify_bundle.__file__).read_bytes()


def test_every_event_of_a_log_has_its_proof(signed_event):
    for event in AuditEvent.objects.all():
        said = verify_bundle.check_event(json.loads(evidence.proof_of(event)), [], [], None)
        assert f"event {event.link.seq} of" in said


def test_checkpoints_that_are_far_apart_lead_to_the_export(vera, signed_event, monkeypatch):
    monkeypatch.setattr(evidence, "LEAVES_MOST", 3)
    answer = vera.get(f"{LOG}{signed_event.pk}/proof/")
    assert "too far apart" in messages(vera, answer)


def test_a_flipped_byte_anywhere_in_a_proof_is_refused(vera, signed_event, tmp_path):
    file = proof_of(vera, signed_event, tmp_path)
    key = json.loads(file.read_bytes())["keys"][-1]
    whole = file.read_bytes()
    assert verdict(file, "--key", key) == 0
    proof = json.loads(whole)
    parts = [
        b"something_happened",
        b"timestamp",
        proof["proof"][0].encode()[:-1],
        proof["proof"][-1].encode()[:-1],
        proof["checkpoint"].split("\n")[2].encode()[:-1],
        proof["checkpoint"].split(" ")[-1].encode()[:-4],
    ]
    for part in parts:
        start = whole.index(part)
        for at in range(start, start + len(part), 5):
            forged = bytearray(whole)
            forged[at] ^= 1
            file.write_bytes(forged)
            assert verdict(file, "--key", key) == 1, (part, at)
    for place in (4, 6, 8, 0, -1):
        file.write_bytes(whole.replace(b'"seq": 5', b'"seq": %d' % place))
        assert verdict(file, "--key", key) == 1, place


def test_a_proof_of_another_log_or_cut_short_is_refused(vera, signed_event, tmp_path, capsys):
    file = proof_of(vera, signed_event, tmp_path)
    proof = json.loads(file.read_bytes())
    stranger = SecretKey.made("aura-log/other").public.text
    assert verdict(file, "--key", stranger) == 1
    for changed in (
        proof | {"proof": proof["proof"][:-1]},
        proof | {"proof": [*proof["proof"], proof["proof"][0]]},
        {name: value for name, value in proof.items() if name != "checkpoint"},
        proof | {"keys": []},
    ):
        file.write_text(json.dumps(changed))
        assert verdict(file) == 1
    assert "BROKEN" in capsys.readouterr().out


def test_a_checkpoint_kept_elsewhere_must_say_the_same(vera, signed_event, tmp_path):
    file = proof_of(vera, signed_event, tmp_path)
    kept = tmp_path / "kept.txt"
    kept.write_text(json.loads(file.read_bytes())["checkpoint"])
    assert verdict(file, "--checkpoint", str(kept)) == 0
    kept.write_text(logbook.newest().note)  # of 12 entries
    assert verdict(file, "--checkpoint", str(kept)) == 1


def test_either_key_checks_a_proof_after_a_rotation(vera, signed_event, tmp_path):
    old = signing_key().public.text
    new = rotation.rotate().text
    file = proof_of(vera, signed_event, tmp_path)
    assert verdict(file, "--key", old) == verdict(file, "--key", new) == verdict(file) == 0


def test_an_event_that_is_not_signed_yet_says_so(vera, signed_event):
    event = record("something_happened", actor=logbook.ADA, action="did")
    page = text(vera.get(f"{LOG}{event.pk}/change/"))
    assert "No signed checkpoint covers this event yet" in page
    assert f"{event.pk}/proof/" not in page
    assert "not linked yet" in messages(vera, vera.get(f"{LOG}{event.pk}/proof/"))
    sequence()
    assert "No signed checkpoint" in messages(vera, vera.get(f"{LOG}{event.pk}/proof/"))
    signer.sign_head()
    assert vera.get(f"{LOG}{event.pk}/proof/")["Content-Type"] == "application/json"


def test_of_a_log_that_was_changed_no_proof_is_given(vera, signed_event):
    logbook.guards_off()
    logbook.sql("UPDATE governance_auditevent SET body = 'x' WHERE id = %s", signed_event.pk)
    answer = vera.get(f"{LOG}{signed_event.pk}/proof/")
    assert "does not lead to what was signed" in messages(vera, answer)
