"""Signed notes and checkpoints, as C2SP writes them (signed-note, tlog-checkpoint). Pure.

A checkpoint says "the log `origin` had `size` entries with this root"; a note is such a text with
signature lines. Keys are Ed25519; in text form a public key is `name+hash+base64` ("vkey").
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519, COSIGNATURE = 0x01, 0x04  # C2SP's signature types
KEY_BYTES, ID_BYTES, STAMP_BYTES = 32, 4, 8
NAME = re.compile(r"[^\s+]{1,200}")
PRIVATE = "PRIVATE+KEY+"
HEAD_LINES = 3  # of a checkpoint: origin, size, root
MOST_NOTE_CHARS = 100_000


class BadNote(Exception):
    """Not a note, not a checkpoint, or not signed by who should have signed it."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that notes are checked with. `kind` is the signature type it makes."""

    name: str
    raw: bytes
    kind: int = ED25519

    @property
    def id(self) -> bytes:
        """The first bytes of a hash over name, type and key: how a signature names its key."""
        material = self.name.encode() + b"\n" + bytes([self.kind]) + self.raw
        return hashlib.sha256(material).digest()[:ID_BYTES]

    @property
    def text(self) -> str:
        """The vkey."""
        return f"{self.name}+{self.id.hex()}+{_base64(bytes([self.kind]) + self.raw)}"

    def verifies(self, signature: bytes, message: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A key that signs; `str()` does not show it."""

    public: PublicKey
    _private: Ed25519PrivateKey

    @classmethod
    def made(cls, name: str, kind: int = ED25519) -> SecretKey:
        """A new one."""
        return cls._of(name, kind, Ed25519PrivateKey.generate())

    @classmethod
    def read(cls, text: str) -> SecretKey:
        """From the text of a key file. Raises `BadNote`."""
        body = text.strip().removeprefix(PRIVATE)
        name, _, rest = body.partition("+")
        digest, _, encoded = rest.partition("+")
        raw = _bytes(encoded)
        if not text.startswith(PRIVATE) or len(raw) != 1 + KEY_BYTES or not NAME.fullmatch(name):
            raise BadNote("this is no signing key")
        key = cls._of(name, raw[0], Ed25519PrivateKey.from_private_bytes(raw[1:]))
        if key.public.id.hex() != digest or raw[0] not in {ED25519, COSIGNATURE}:
            raise BadNote("this signing key is damaged")
        return key

    @classmethod
    def _of(cls, name: str, kind: int, private: Ed25519PrivateKey) -> SecretKey:
        return cls(PublicKey(name, private.public_key().public_bytes_raw(), kind), private)

    @property
    def text(self) -> str:
        """What a key file holds: as `note.GenerateKey` of Go's sumdb writes it."""
        raw = bytes([self.public.kind]) + self._private.private_bytes_raw()
        return f"{PRIVATE}{self.public.name}+{self.public.id.hex()}+{_base64(raw)}"

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message)

    def __repr__(self) -> str:
        return f"SecretKey({self.public.text})"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself at one moment."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"

    @classmethod
    def read(cls, text: str) -> Checkpoint:
        """From the text of a note; lines beyond the third are allowed. Raises `BadNote`."""
        lines = text.split("\n")
        if len(lines) <= HEAD_LINES or not lines[0]:
            raise BadNote("this is no checkpoint")
        origin, size, root = lines[:HEAD_LINES]
        digest = _bytes(root)
        if (
            not re.fullmatch("0|[1-9][0-9]{0,17}", size)
            or len(digest) != hashlib.sha256().digest_size
        ):
            raise BadNote("this is no checkpoint")
        return cls(origin, int(size), digest)


@dataclass(frozen=True, slots=True)
class Note:
    """A signed text. `signatures` are (key name, key id and signature)."""

    text: str
    signatures: tuple[tuple[str, bytes], ...]

    def __str__(self) -> str:
        lines = (signature_line(name, blob) for name, blob in self.signatures)
        return self.text + "\n" + "".join(lines)

    @classmethod
    def read(cls, note: str) -> Note:
        """Raises `BadNote` for what is no signed note."""
        text, gap, tail = note.rpartition("\n\n")
        if not gap or not tail.endswith("\n") or len(note) > MOST_NOTE_CHARS:
            raise BadNote("this is no signed note")
        return cls(text + "\n", tuple(map(_signature, tail[:-1].split("\n"))))

    @property
    def checkpoint(self) -> Checkpoint:
        """Raises `BadNote`."""
        return Checkpoint.read(self.text)

    def signers(self, keys: Iterable[PublicKey]) -> list[PublicKey]:
        """The known keys that signed it. Raises `BadNote` when one of theirs does not hold."""
        known = {(key.name, key.id): key for key in keys}
        found = []
        for name, blob in self.signatures:
            key = known.get((name, blob[:ID_BYTES]))
            if key is None:
                continue  # C2SP: signatures of keys that nobody knows are passed over
            if not _holds(key, self.text, blob[ID_BYTES:]):
                raise BadNote(f"the signature of {name} does not hold")
            found.append(key)
        return found

    def with_signatures(self, more: Iterable[tuple[str, bytes]]) -> Note:
        return Note(self.text, (*self.signatures, *more))


def _holds(key: PublicKey, text: str, signature: bytes) -> bool:
    if key.kind != COSIGNATURE:
        return key.verifies(signature, text.encode())
    seconds = int.from_bytes(signature[:STAMP_BYTES], "big")
    return key.verifies(signature[STAMP_BYTES:], _cosigned(text, seconds))


def signed(key: SecretKey, checkpoint: Checkpoint) -> Note:
    """The checkpoint as a note with one signature."""
    blob = key.public.id + key.sign(checkpoint.text.encode())
    return Note(checkpoint.text, ((key.public.name, blob),))


def cosignature(key: SecretKey, note: Note, seconds: int) -> str:
    """A witness's line for a note, stamped with the time; C2SP tlog-cosignature v1."""
    stamp = seconds.to_bytes(STAMP_BYTES, "big")
    blob = key.public.id + stamp + key.sign(_cosigned(note.text, seconds))
    return signature_line(key.public.name, blob)


def signature_line(name: str, blob: bytes) -> str:
    """One signature as a note holds it."""
    return f"\u2014 {name} {_base64(blob)}\n"


def cosignatures(lines: str) -> list[tuple[str, bytes]]:
    """A witness's answer. Raises `BadNote`."""
    return [_signature(line) for line in lines.rstrip("\n").split("\n")]


def public_key(text: str) -> PublicKey:
    """From a vkey. Raises `BadNote`."""
    name, _, rest = text.strip().partition("+")
    digest, _, encoded = rest.partition("+")
    raw = _bytes(encoded)
    if not NAME.fullmatch(name) or len(raw) != 1 + KEY_BYTES:
        raise BadNote(f"{text.strip()[:100]!r} is no public key (name+hash+base64)")
    key = PublicKey(name, raw[1:], raw[0])
    if key.id.hex() != digest or key.kind not in {ED25519, COSIGNATURE}:
        raise BadNote(f"{text.strip()[:100]!r} is damaged, or of an unknown type")
    return key


def _cosigned(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _signature(line: str) -> tuple[str, bytes]:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    blob = _bytes(encoded)
    if dash != "\u2014" or not NAME.fullmatch(name) or len(blob) <= ID_BYTES:
        raise BadNote("a line of the note is no signature")
    return name, blob


def _base64(raw: bytes) -> str:
    return b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    try:
        raw = b64decode(text, validate=True)
    except ValueError:
        raw = b""
    if _base64(raw) != text or not raw:  # of one value there is one text
        raise BadNote("a part that must be base64 is not")
    return raw
