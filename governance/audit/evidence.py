"""The proof of one event as a file: its exact bytes, the way to a signed root, and that root.

`offline/verify_bundle.py` checks it without us. It proves that the event stands in the log that was
signed; that no other is missing there takes the whole log (`export`).
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any, Final

from governance.audit import elsewhere, merkle, proofs, rotation
from governance.audit.chain import leaf
from governance.audit.keys import NoKey, signing_key
from governance.audit.notes import BadNote, Note
from governance.audit.record import data_of
from governance.models import AuditEvent, AuditLink, Checkpoint

NOTES_MOST: Final = 100  # checkpoints that are looked at: the first one does, but after a lost key
LEAVES_MOST: Final = 200_000  # read for one proof; checkpoints of a running log are closer


class NotProvable(Exception):
    """Why there is no proof of this event, in words for a person."""


def trusted_key() -> str:
    """The public key that the log is checked with, as text; empty where it is not known here."""
    try:
        key = signing_key()
        return key.public.text if key else elsewhere.trusted()[-1].text
    except NoKey:
        return ""


def covered(seq: int) -> bool:
    """Whether something signed speaks of the event at this place."""
    return Checkpoint.objects.filter(size__gte=seq).exists()


def proof_of(event: AuditEvent) -> bytes:
    """The file. Raises `NotProvable`."""
    link: AuditLink | None = getattr(event, "link", None)
    if link is None:
        raise NotProvable("The event is not linked yet.")
    try:
        trust = rotation.Trust.here(signing_key())
        note = _first_note(link.seq, trust)
    except (NoKey, BadNote, ValueError, KeyError) as error:
        raise NotProvable(f"No proof can be made: {error}.") from None
    said, body = note.checkpoint, bytes(event.body)
    if said.size - _signed_before(link.seq) > LEAVES_MOST:
        raise NotProvable(
            "The checkpoints around this event are too far apart for a page:"
            " `manage.py export_log` has its proof."
        )
    path = proofs.inclusion(link.seq, said.size)
    if not merkle.included(leaf(body), link.seq - 1, said.size, path, said.root):
        raise NotProvable("The log does not lead to what was signed here: verify it.")
    keys = [key.text for key in reversed(trust.keys)] or [trusted_key()]
    return _file(link.seq, body, path, note, keys)


def _file(seq: int, body: bytes, path: list[bytes], note: Note, keys: list[str]) -> bytes:
    proof: dict[str, Any] = {
        "version": 1,
        "seq": seq,
        "proof": [b64encode(node).decode() for node in path],
        "checkpoint": str(note),
        "keys": keys,
        "rotations": _rotations(),
    }
    try:
        proof["body"] = body.decode()
    except UnicodeDecodeError:  # nothing of ours
        proof["body64"] = b64encode(body).decode()
    return json.dumps(proof, ensure_ascii=False, indent=1).encode()


def _first_note(seq: int, trust: rotation.Trust) -> Note:
    """The first checkpoint that speaks of the place. Raises `NotProvable` and `BadNote`."""
    rows = Checkpoint.objects.filter(size__gte=seq).order_by("size", "pk")
    for text in rows.values_list("note", flat=True)[:NOTES_MOST]:
        note = Note.read(text)
        if trust.accepts(note):
            return note
    raise NotProvable("No signed checkpoint speaks of this event yet.")


def _signed_before(seq: int) -> int:
    """Events of the last checkpoint before the place."""
    rows = Checkpoint.objects.filter(size__lt=seq).order_by("-size")
    return rows.values_list("size", flat=True).first() or 0


def _rotations() -> list[dict[str, Any]]:
    """What both keys of each change of keys have signed, so that either leads to the other."""
    changes = AuditEvent.objects.filter(type__in=[rotation.ROTATED, rotation.RESTORED])
    return [data_of(event.body)["data"] for event in changes.order_by("id")]
