"""A witness after C2SP tlog-witness: `POST /add-checkpoint`, and `GET /checkpoint?origin=` beside.

It signs what continues what it has seen, and nothing else. Needs neither our database nor Django's.
"""

from __future__ import annotations

import time
from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass

from governance.audit import merkle, notes
from governance.audit.notes import BadNote, Checkpoint, Note, PublicKey, SecretKey
from governance.witness.memory import Memory

OK, BAD, FORBIDDEN, UNKNOWN, CONFLICT, UNPROCESSABLE = 200, 400, 403, 404, 409, 422
MOST_PROOF = 63  # lines; C2SP's limit
SIZE_TYPE = "text/x.tlog.size"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and text of an HTTP answer."""

    status: int
    text: str
    content_type: str = "text/plain; charset=utf-8"


class _Refused(Exception):
    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.text)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Witness:
    """`logs` are the keys of those it watches: origin and key name are the same."""

    key: SecretKey
    logs: tuple[PublicKey, ...]
    memory: Memory

    def add_checkpoint(self, body: bytes) -> Answer:
        """200 with our signature line, 400, 403, 404, 409 with the size we have, or 422."""
        try:
            old, proof, note = _request(body)
            said = self._trusted(note)
            kept = self.memory.replace(
                said.origin, lambda newest: self._decide(newest, old, proof, note)
            )
        except _Refused as refused:
            return refused.answer
        except (BadNote, ValueError) as error:
            return Answer(BAD, f"{error}\n")
        ours = [blob for name, blob in kept.signatures if name == self.key.public.name][-1]
        return Answer(OK, notes.signature_line(self.key.public.name, ours))

    def checkpoint(self, origin: str) -> Answer:
        """The last checkpoint of a log, as we signed it."""
        note = self.memory.newest(origin)
        return Answer(OK, str(note)) if note else Answer(UNKNOWN, "no such log\n")

    def _trusted(self, note: Note) -> Checkpoint:
        said = note.checkpoint
        known = [key for key in self.logs if key.name == said.origin]
        if not known:
            raise _Refused(Answer(UNKNOWN, f"{said.origin} is not watched here\n"))
        try:
            signers = note.signers(known)
        except BadNote as error:
            raise _Refused(Answer(FORBIDDEN, f"{error}\n")) from None
        if not signers:
            raise _Refused(Answer(FORBIDDEN, "not signed by a known key of this log\n"))
        return said

    def _decide(self, newest: Note | None, old: int, proof: list[bytes], note: Note) -> Note:
        said = note.checkpoint
        if old > said.size:
            raise _Refused(Answer(BAD, "the old size is larger than the new one\n"))
        seen = newest.checkpoint if newest else Checkpoint(said.origin, 0, merkle.EMPTY)
        if old != seen.size or (old == said.size and newest and seen.root != said.root):
            raise _Refused(Answer(CONFLICT, f"{seen.size}\n", SIZE_TYPE))
        if not merkle.consistent(seen.size, said.size, seen.root, said.root, proof):
            raise _Refused(Answer(UNPROCESSABLE, "the log does not continue what was seen\n"))
        line = notes.cosignature(self.key, note, int(time.time()))
        return note.with_signatures(notes.cosignatures(line))


def _request(body: bytes) -> tuple[int, list[bytes], Note]:
    try:
        head, gap, note = body.decode().partition("\n\n")
    except UnicodeDecodeError:
        raise BadNote("not UTF-8") from None
    first, *lines = head.split("\n")
    word, _, size = first.partition(" ")
    if word != "old" or not size.isdecimal() or not gap or len(lines) > MOST_PROOF:
        raise BadNote("the body is: old <size>, proof lines, an empty line, a checkpoint")
    return int(size), [b64decode(line, validate=True) for line in lines], Note.read(note)


def watched(lines: Iterable[str]) -> tuple[PublicKey, ...]:
    """Keys of logs, one a line; `#` begins a comment. Raises `BadNote`."""
    texts = (line.partition("#")[0].strip() for line in lines)
    return tuple(notes.public_key(text) for text in texts if text)
