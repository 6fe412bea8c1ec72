"""The witness: what it signs, what it refuses, and what our side does then. Over real HTTP."""

from __future__ import annotations

import socket
import threading
from base64 import b64encode

import httpx
import pytest
import uvicorn
from django.conf import settings

from governance.audit import contradiction, merkle, notes, sink, witness
from governance.audit.checkpoints import Rewritten, signer
from governance.audit.keys import signing_key
from governance.audit.notes import COSIGNATURE, Checkpoint, Note, SecretKey
from governance.audit.verify import verify
from governance.witness.asgi import application
from governance.witness.memory import Memory
from governance.witness.server import Witness, watched
from tests.governance import logbook
from tests.governance.logbook import signed_log

LEAVES = [bytes([n]) * 32 for n in range(20)]
LOG = SecretKey.made("example.com/log")
OTHER = SecretKey.made("example.com/log")


def served(watching: Witness):
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.bind(("127.0.0.1", 0))
    bound.listen()  # whoever connects before the server is up waits for it
    server = uvicorn.Server(
        uvicorn.Config(application(watching), lifespan="off", log_config=None, access_log=False)
    )
    thread = threading.Thread(target=server.run, args=([bound],), daemon=True)
    thread.start()
    return server, thread, f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def watching(tmp_path):
    return Witness(
        SecretKey.made("example.com/witness", COSIGNATURE),
        (LOG.public,),
        Memory(tmp_path / "seen.sqlite3"),
    )


def root(size: int) -> bytes:
    return merkle.root(LEAVES[:size])


def note(size: int, *, key: SecretKey = LOG, said: bytes | None = None) -> Note:
    return notes.signed(key, Checkpoint(key.public.name, size, said or root(size)))


def body(old: int, new: Note, proof: list[bytes] | None = None) -> bytes:
    size = new.checkpoint.size
    if proof is None:
        proof = merkle.consistency_proof(old, size, lambda a, b: merkle.root(LEAVES[a:b]))
    lines = [f"old {old}", *(b64encode(p).decode() for p in proof)]
    return ("\n".join(lines) + f"\n\n{new}").encode()


def test_it_signs_what_continues_what_it_has_seen(watching):
    for old, new in ((0, 3), (3, 3), (3, 8), (8, 20)):
        answer = watching.add_checkpoint(body(old, note(new)))
        assert answer.status == 200, answer
        both = note(new).with_signatures(notes.cosignatures(answer.text))
        assert both.signers([watching.key.public]) == [watching.key.public]
    again = Memory(watching.memory._path)  # as after a restart
    newest = again.newest("example.com/log")
    assert newest.checkpoint.size == 20
    assert watching.checkpoint("example.com/log").text == str(newest)
    assert watching.checkpoint("example.com/none").status == 404


@pytest.mark.parametrize(
    ("request_body", "status"),
    [
        (body(0, note(9, key=OTHER)), 403),
        (body(0, note(9, key=SecretKey.made("example.com/nobody"))), 404),
        (body(0, note(9)), 409),  # it has seen 5
        (body(5, note(5, said=bytes(32)), []), 409),
        (body(5, note(9), []), 422),
        (body(5, note(9, said=bytes(32))), 422),
        (body(9, note(5), []), 400),
        (b"", 400),
        (b"old x\n\n", 400),
        (b"\xff", 400),
        (b"old 5\nno base64\n\n" + str(note(9)).encode(), 400),
        (b"old 5\n" + b"AAAA\n" * 64 + b"\n" + str(note(9)).encode(), 400),
    ],
)
def test_it_refuses_everything_else_and_remembers_what_it_had(watching, request_body, status):
    watching.add_checkpoint(body(0, note(5)))
    answer = watching.add_checkpoint(request_body)
    assert answer.status == status
    if status == 409:
        assert (answer.text, answer.content_type) == ("5\n", "text/x.tlog.size")
    assert watching.memory.newest("example.com/log").checkpoint.size == 5


def test_of_two_histories_at_once_it_signs_one(watching):
    """The race that C2SP warns of."""
    watching.add_checkpoint(body(0, note(2)))
    statuses = []

    def send(size):
        statuses.append(watching.add_checkpoint(body(2, note(size))).status)

    threads = [threading.Thread(target=send, args=(size,)) for size in range(3, 11)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [409] * 7


def test_watched_keys_are_read_with_comments():
    text = f"# ours\n{LOG.public.text}  # since spring\n\n"
    assert watched(text.splitlines()) == (LOG.public,)
    with pytest.raises(notes.BadNote):
        watched(["nonsense"])


# --- our side -------------------------------------------------------------------------------------


@pytest.fixture
def witnessed(tmp_path, monkeypatch):
    """Our log is shown to a witness elsewhere."""
    key = signing_key()
    elsewhere = Witness(
        SecretKey.made("example.com/witness", COSIGNATURE),
        (key.public,),
        Memory(tmp_path / "seen.sqlite3"),
    )
    server, thread, url = served(elsewhere)
    config = settings.AURA.model_copy(
        update={"witness_url": url, "witness_key": elsewhere.key.public.text}
    )
    monkeypatch.setattr(settings, "AURA", config)
    yield elsewhere
    server.should_exit = True
    thread.join()


@pytest.mark.django_db
def test_our_checkpoints_are_shown_and_its_signature_is_kept(witnessed):
    signed_log(3, 8)
    assert witness.present()
    assert not witness.present()
    logbook.write(3)
    signer.sign_head()
    witness._seen.clear()  # as after a restart: it says itself what it has seen
    assert witness.present()
    kept = list(sink.notes(settings.AURA.log_checkpoints))[-1]
    assert kept.checkpoint.size == 11
    assert witnessed.key.public in kept.signers([witnessed.key.public])
    assert verify(full=True).valid
    assert witness.newest(kept.checkpoint.origin).checkpoint == kept.checkpoint


@pytest.mark.django_db
@pytest.mark.parametrize("attack", [logbook.rollback, logbook.fork, logbook.edit])
def test_a_log_rewritten_with_the_stolen_key_is_refused_and_no_effect_begins(witnessed, attack):
    import random

    from governance.audit.intent import IntentNotKept, ensure_intent_durable
    from governance.audit.sequence import Linked

    signed_log(4, 9, 12)
    witness.present()
    logbook.guards_off()
    attack(random.Random(1))  # noqa: S311
    logbook.sign_again()
    if attack is not logbook.rollback:
        logbook.write(2)
        signer.sign_head()
    witness._seen.clear()
    with pytest.raises(Rewritten, match="rolled back or rewritten"):
        witness.present()
    assert contradiction.contradicted()
    with pytest.raises(IntentNotKept, match="witness"):
        ensure_intent_durable(Linked(1, (bytes(32),)))


@pytest.mark.django_db
def test_a_witness_that_is_away_stops_nothing(witnessed, monkeypatch):
    gone = settings.AURA.model_copy(update={"witness_url": "http://127.0.0.1:9"})
    monkeypatch.setattr(settings, "AURA", gone)
    signed_log(3)
    with pytest.raises(witness.Unwitnessed, match="does not answer"):
        witness.present()
    assert not contradiction.contradicted()
    assert verify(full=True).valid


@pytest.mark.django_db
def test_an_answer_that_is_signed_by_somebody_else_does_not_count(witnessed, monkeypatch):
    stranger = SecretKey.made("example.com/witness", COSIGNATURE).public.text
    config = settings.AURA.model_copy(update={"witness_key": stranger})
    monkeypatch.setattr(settings, "AURA", config)
    signed_log(3)
    with pytest.raises(witness.Unwitnessed, match="AURA_WITNESS_KEY"):
        witness.present()


def test_over_http(watching):
    server, thread, url = served(watching)
    try:
        with httpx.Client(trust_env=False) as client:
            answer = client.post(f"{url}/add-checkpoint", content=body(0, note(5)))
            assert (answer.status_code, answer.text[:2]) == (200, "\u2014 ")
            conflict = client.post(f"{url}/add-checkpoint", content=body(0, note(9)))
            assert (conflict.status_code, conflict.headers["content-type"]) == (
                409,
                "text/x.tlog.size",
            )
            newest = client.get(f"{url}/checkpoint", params={"origin": "example.com/log"})
            assert Note.read(newest.text).checkpoint.size == 5
            assert client.get(f"{url}/checkpoint").status_code == 400
            assert client.get(f"{url}/add-checkpoint").status_code == 405
            assert client.get(f"{url}/").status_code == 404
            assert client.post(f"{url}/add-checkpoint", content=b"x" * 70_000).status_code == 413
    finally:
        server.should_exit = True
        thread.join()
