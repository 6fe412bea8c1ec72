"""Showing our checkpoints to a witness (C2SP tlog-witness): somebody else who remembers them.

The witness has a key and a memory of its own and signs only what continues what it has seen. So a
log that was rolled back or rewritten together with everything of ours cannot be shown to it again.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Final
from urllib.parse import quote

import httpx
from django.conf import settings

from governance.audit import contradiction, notes, sink
from governance.audit.checkpoints import PATIENCE_S, Rewritten
from governance.audit.keys import signing_key
from governance.audit.notes import Note
from governance.audit.proofs import consistency
from governance.models import Checkpoint

TIMEOUT_S: Final = 2.0
OK, CONFLICT, UNPROCESSABLE = 200, 409, 422

_seen: dict[str, int] = {}  # origin -> size the witness has, as far as we know


class Unwitnessed(Exception):
    """The witness did not sign; the text says why. The log goes on without it."""


def present() -> bool:
    """Show the newest checkpoint to the witness and keep its signature. False: it has seen it.

    Raises `Unwitnessed`, and `Rewritten` when it remembers what our log does not have.
    """
    key = signing_key()
    if key is None or not settings.AURA.witness_url:
        return False
    origin = key.public.name
    row = Checkpoint.objects.filter(origin=origin).order_by("-size").first()
    if row is None or _seen.get(origin) == row.size:
        return False
    note = Note.read(row.note)
    answer = _add(_seen.get(origin, 0), note)
    if answer.status_code == CONFLICT:
        answer = _add(_their_size(answer, row.size), note)
    if answer.status_code == UNPROCESSABLE:
        raise _contradicted(f"the witness refuses our log at {row.size} events as rewritten")
    if answer.status_code != OK:
        raise Unwitnessed(f"the witness answered {answer.status_code}: {answer.text[:200].strip()}")
    _keep(note, answer.text)
    _seen[origin] = row.size
    return True


def _add(old: int, note: Note) -> httpx.Response:
    proof = consistency(old, note.checkpoint.size)
    lines = [f"old {old}", *(b64encode(node).decode() for node in proof)]
    body = "\n".join(lines) + "\n\n" + str(note)
    try:
        url = f"{settings.AURA.witness_url.rstrip('/')}/add-checkpoint"
        return httpx.post(url, content=body.encode(), timeout=TIMEOUT_S, trust_env=False)
    except httpx.HTTPError as error:
        raise Unwitnessed(f"the witness does not answer: {error}") from None


def _their_size(answer: httpx.Response, ours: int) -> int:
    """What the witness has; more than we have is a contradiction."""
    said = answer.text.strip()
    if not said.isdigit():
        raise Unwitnessed(f"the witness answered 409 and no size: {said[:200]}")
    if int(said) > ours:
        raise _contradicted(f"the witness has seen {said} events, and our log has {ours}")
    return int(said)


def _contradicted(reason: str) -> Rewritten:
    text = f"{reason}: the log was rolled back or rewritten (docs/log.md)"
    contradiction.remember(text)
    return Rewritten(text)


def _keep(note: Note, answer: str) -> None:
    """The file has the same checkpoint once more, with the witness's signature."""
    try:
        more = notes.cosignatures(answer)
        both = note.with_signatures(more)
        trusted = settings.AURA.witness_key
        if trusted and not both.signers([notes.public_key(trusted)]):
            raise Unwitnessed("the answer is not signed by AURA_WITNESS_KEY")
    except notes.BadNote as error:
        raise Unwitnessed(f"the witness's signature is none: {error}") from None
    with sink.held(settings.AURA.log_checkpoints, PATIENCE_S) as file:
        file.append_beside(both)


def newest(origin: str) -> Note | None:
    """What the witness has of our log; None where it has nothing. Raises `Unwitnessed`."""
    url = f"{settings.AURA.witness_url.rstrip('/')}/checkpoint"
    try:
        answer = httpx.get(
            f"{url}?origin={quote(origin, safe='')}", timeout=TIMEOUT_S, trust_env=False
        )
        return Note.read(answer.text) if answer.status_code == OK else None
    except (httpx.HTTPError, notes.BadNote) as error:
        raise Unwitnessed(f"the witness does not answer: {error}") from None
