#!/usr/bin/env python3
"""Checks an exported log of Aura: `python3 verify_bundle.py BUNDLE [--key VKEY]`; exits 0 or 1.

One file; needs Python 3.9 and the package `cryptography`, neither Aura nor a database. BUNDLE is
a directory or a tar. It must hold: entries without a gap, each hash following from the one before;
the RFC 6962 root over them, signed (C2SP notes, Ed25519); every older checkpoint agreeing with it.
Or it is the proof of one event, a JSON file: its bytes must lead to the root that is signed.
Give `--key` and `--checkpoint` from somewhere else than the bundle: they tell whose log it is, and
that it is not an older or shortened one.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PLAIN, COSIGNED = 1, 4  # signature types of C2SP
KEY_BYTES = 32
KEY_EVENTS = (b'"type":"log_key_rotated"', b'"type":"log_restored"')


class Bad(Exception):
    """What is wrong."""


# --- the tree -------------------------------------------------------------------------------------


class Tree:
    """RFC 6962: the roots of the complete subtrees, the largest first."""

    def __init__(self) -> None:
        self.size = 0
        self.nodes: list[bytes] = []

    def append(self, body: bytes) -> None:
        digest, size = hashlib.sha256(b"\x00" + body).digest(), self.size
        while size & 1:
            digest = hashlib.sha256(b"\x01" + self.nodes.pop() + digest).digest()
            size >>= 1
        self.nodes.append(digest)
        self.size += 1

    def root(self) -> bytes:
        if not self.nodes:
            return hashlib.sha256().digest()
        root = self.nodes[-1]
        for left in self.nodes[-2::-1]:
            root = hashlib.sha256(b"\x01" + left + root).digest()
        return root


# --- keys and notes -------------------------------------------------------------------------------


class Key:
    """A public key in text form: name+hash+base64."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        try:
            self.name, digest, encoded = self.text.split("+", 2)
            raw = base64.b64decode(encoded, validate=True)
        except ValueError:
            raise Bad(f"{self.text[:80]!r} is no public key") from None
        self.kind, self.raw = raw[0], raw[1:]
        self.id = hashlib.sha256(self.name.encode() + b"\n" + raw).digest()[:4]
        if (
            self.id.hex() != digest
            or len(self.raw) != KEY_BYTES
            or self.kind not in (PLAIN, COSIGNED)
        ):
            raise Bad(f"{self.text[:80]!r} is damaged or of an unknown type")

    def signed(self, signature: bytes, message: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True


class Checkpoint:
    """A signed note: origin, size, root, an empty line, signatures."""

    def __init__(self, note: str) -> None:
        self.text, gap, tail = note.rpartition("\n\n")
        self.text += "\n"
        try:
            self.origin, size, root = self.text.split("\n")[:3]
            self.size, self.root = int(size), base64.b64decode(root, validate=True)
            lines = [line.split(" ") for line in tail.rstrip("\n").split("\n")]
            self.signatures = [(name, base64.b64decode(blob)) for _, name, blob in lines]
        except ValueError:
            raise Bad("a checkpoint is no signed note") from None
        if not gap:
            raise Bad("a checkpoint is no signed note")

    def signed_by(self, key: Key) -> bool:
        for name, blob in self.signatures:
            if (name, blob[:4]) != (key.name, key.id):
                continue
            message, signature = self.text.encode(), blob[4:]
            if key.kind == COSIGNED:
                seconds = int.from_bytes(blob[4:12], "big")
                message = b"cosignature/v1\ntime %d\n" % seconds + message
                signature = blob[12:]
            if not key.signed(signature, message):
                raise Bad(f"a signature of {name} on {self.size} entries does not hold")
            return True
        return False


class Keys:
    """Those that are trusted: the given one and whoever it is tied to by rotations in the log."""

    def __init__(self, given: list[Key]) -> None:
        self.trusted = {key.text: key for key in given}
        self.kept: dict[str, int] = {}
        self.abandoned: set[str] = set()

    def follow(self, events: list[dict[str, Any]]) -> None:
        """Both keys of a rotation sign it, so trust goes either way."""
        left = list(events)
        while True:
            tied = [event for event in left if self._ties(event)]
            if not tied:
                return
            left = [event for event in left if event not in tied]

    def _ties(self, data: dict[str, Any]) -> bool:
        if data.get("after") in self.trusted and "abandoned" in data:
            self.abandoned.update(data["abandoned"])
            return True
        try:
            before, after, kept = Key(data["before"]), Key(data["after"]), data.get("kept")
            cut = "" if kept is None else f"{kept}\n"
            message = f"aura log key v1\n{before.text}\n{after.text}\n{cut}".encode()
            signatures = [base64.b64decode(signature) for signature in data["signed"]]
        except (Bad, KeyError, TypeError, ValueError):
            return False
        if before.text not in self.trusted and after.text not in self.trusted:
            return False
        if not before.signed(signatures[0], message) or not after.signed(signatures[1], message):
            return False
        self.trusted[before.text], self.trusted[after.text] = before, after
        if kept is not None:
            self.kept[before.name] = kept
        return True

    def signed(self, checkpoint: Checkpoint) -> bool:
        """Whether one of ours of that name signed it."""
        found = [k for k in self.trusted.values() if checkpoint.signed_by(k)]
        return any(key.name == checkpoint.origin for key in found)


# --- the bundle -----------------------------------------------------------------------------------


class Bundle:
    """A directory, or the same as a tar."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.tar = None if self.path.is_dir() else tarfile.open(self.path)  # noqa: SIM115

    def lines(self, name: str) -> Iterator[bytes]:
        try:
            found = self.tar.extractfile(name) if self.tar else (self.path / name).open("rb")
        except (KeyError, OSError):
            found = None
        if found is None:
            raise Bad(f"{name} is missing")
        with found as file:
            yield from file

    def parts(self) -> list[str]:
        names = (
            [m.name for m in self.tar.getmembers()]
            if self.tar
            else [p.relative_to(self.path).as_posix() for p in self.path.glob("entries/*")]
        )
        return sorted(n for n in names if n.startswith("entries/") and n.endswith(".jsonl"))

    def entries(self) -> Iterator[dict[str, Any]]:
        for part in self.parts():
            for line in self.lines(part):
                yield json.loads(line)

    def checkpoints(self) -> Iterator[Checkpoint]:
        for line in self.lines("checkpoints.jsonl"):
            said = json.loads(line)
            yield Checkpoint(said.get("note") or said["witnessed"])

    def keys(self) -> list[Key]:
        return [Key(line.decode()) for line in self.lines("keys.txt") if line.strip()]


def walk(
    bundle: Bundle, sizes: set[int], progress: Callable[[int], None]
) -> tuple[Tree, dict[int, bytes], list[dict[str, Any]], bytes]:
    """(tree, roots at `sizes`, rotation events, last hash) of entries whose chain holds."""
    tree, previous = Tree(), bytes(32)
    roots: dict[int, bytes] = {}
    rotations: list[dict[str, Any]] = []
    for entry in bundle.entries():
        body = entry["body"].encode() if "body" in entry else base64.b64decode(entry["body64"])
        if entry["seq"] != tree.size + 1:
            raise Bad(f"entry {tree.size + 1} is missing")
        previous = hashlib.sha256(previous + body).digest()
        if entry["hash"] != previous.hex():
            raise Bad(f"entry {entry['seq']} was changed: its hash does not follow")
        tree.append(body)
        if tree.size in sizes:
            roots[tree.size] = tree.root()
        if any(mark in body for mark in KEY_EVENTS):
            rotations.append(json.loads(body)["data"])
        if tree.size % 10000 == 0:
            progress(tree.size)
    return tree, roots, rotations, previous


def check(
    bundle: Bundle,
    given: list[Key],
    outside: list[Checkpoint],
    witness: Key | None,
    progress: Callable[[int], None],
) -> str:
    """Raises `Bad`; else what was found, as text."""
    own = list(bundle.checkpoints())
    everything = own + outside
    tree, roots, rotations, last = walk(bundle, {c.size for c in everything}, progress)
    roots[0] = Tree().root()
    keys = Keys(given or bundle.keys()[-1:])
    keys.follow(rotations)
    ours: list[Checkpoint] = []
    for checkpoint in sorted(everything, key=lambda c: c.size):
        if counts(checkpoint, keys, tree.size, roots, agreed=ours[-1].size if ours else 0):
            ours.append(checkpoint)
    covered = max((c.size for c in ours), default=0)
    if covered < tree.size or not ours:
        raise Bad(f"{tree.size} entries are here, and {covered} are signed")
    seen = ""
    if witness:
        witnessed = max((c.size for c in ours if c.signed_by(witness)), default=0)
        if not witnessed:
            raise Bad("nothing here is signed by the witness")
        seen = f", {witnessed} of them witnessed"
    return f"OK: {tree.size} entries{seen}, {len(own)} checkpoints, last hash {last.hex()}"


def counts(
    checkpoint: Checkpoint, keys: Keys, size: int, roots: dict[int, bytes], agreed: int
) -> bool:
    """Whether a checkpoint speaks of these entries, as one at `agreed` did already.

    Raises `Bad` where it contradicts them.
    """
    if checkpoint.origin in keys.abandoned:
        return False  # its key was lost, and the log tells of that
    if not keys.signed(checkpoint):
        raise Bad(f"the checkpoint at {checkpoint.size} is not signed by a key of this log")
    if checkpoint.size > keys.kept.get(checkpoint.origin, checkpoint.size):
        return False  # of before a restore that the log tells of
    if checkpoint.size > size:
        raise Bad(f"{checkpoint.size} entries were signed, and {size} are here")
    if roots[checkpoint.size] != checkpoint.root:
        which = f"entry {checkpoint.size}"
        if checkpoint.size - agreed > 1:
            which = f"one of the entries {agreed + 1} to {checkpoint.size}"
        raise Bad(f"{which} is not what was signed")
    return True


# --- one event ------------------------------------------------------------------------------------


def proof_in(path: str) -> dict[str, Any] | None:
    """The proof of one event that the file is, or None."""
    if Path(path).is_dir():
        return None
    with Path(path).open("rb") as file:
        if file.read(1) != b"{":
            return None
    said: dict[str, Any] = json.loads(Path(path).read_bytes())
    return said


def root_over(body: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """The root to which a proof leads from the entry at `index` (from 0); RFC 9162 2.1.3.2."""
    place, last = index, size - 1
    found = hashlib.sha256(b"\x00" + body).digest()
    for sibling in path:
        if last == 0:
            raise Bad("the proof is too long")
        if place & 1 or place == last:
            found = hashlib.sha256(b"\x01" + sibling + found).digest()
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\x01" + found + sibling).digest()
        place, last = place >> 1, last >> 1
    if last:
        raise Bad("the proof is too short")
    return found


def check_event(
    said: dict[str, Any], given: list[Key], outside: list[Checkpoint], witness: Key | None
) -> str:
    """Raises `Bad`; else what was proved, as text."""
    body = said["body"].encode() if "body" in said else base64.b64decode(said["body64"])
    checkpoint, seq = Checkpoint(said["checkpoint"]), int(said["seq"])
    if not 0 < seq <= checkpoint.size:
        raise Bad(f"there is no event {seq} among {checkpoint.size}")
    keys = Keys(given or [Key(text) for text in said["keys"]][-1:])
    keys.follow(said["rotations"])
    signed = {checkpoint.size: checkpoint.root}
    if not counts(checkpoint, keys, checkpoint.size, signed, agreed=0):
        raise Bad("the checkpoint was given up: ask for the proof again")
    path = [base64.b64decode(node, validate=True) for node in said["proof"]]
    if root_over(body, seq - 1, checkpoint.size, path) != checkpoint.root:
        raise Bad(f"event {seq} is not what was signed at that place")
    for other in outside:
        if other.size != checkpoint.size:
            raise Bad(f"this proof can be compared with a checkpoint of {checkpoint.size} alone")
        if other.root != checkpoint.root:
            raise Bad(f"the checkpoint kept elsewhere says something else of {other.size} entries")
    if witness and not checkpoint.signed_by(witness):
        raise Bad("nothing here is signed by the witness")
    event = json.loads(body)
    what = ascii(f"{event['type']} at {event['timestamp']}")
    return f"OK: event {seq} of {checkpoint.size} entries signed by {checkpoint.origin!a}: {what}"


def say(text: str, **how: Any) -> None:
    print(text, **how)  # noqa: T201 - that is what it is for


def kept(text: str) -> list[Checkpoint]:
    """What was kept elsewhere: a note, or lines of the log's own file of checkpoints.

    A line that a crash tore is passed over, as long as there is a whole one.
    """
    if not text.startswith("{"):
        return [Checkpoint(text)]
    found = []
    for line in text.splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            continue
        found += [Checkpoint(said[name]) for name in ("note", "witnessed") if name in said]
    if not found:
        raise Bad("there is no checkpoint in the file kept elsewhere")
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("bundle", help="a directory or tar of export_log, or the proof of an event")
    parser.add_argument("--key", action="append", default=[], help="the log's public key")
    parser.add_argument("--checkpoint", action="append", default=[], help="file kept elsewhere")
    parser.add_argument("--witness", help="public key of the witness that must have signed")
    said = parser.parse_args(arguments)

    def progress(done: int) -> None:
        if sys.stderr.isatty():
            say(f"\r{done:,} entries", end="", file=sys.stderr)

    try:
        outside = [c for name in said.checkpoint for c in kept(Path(name).read_text("utf-8"))]
        witness = Key(said.witness) if said.witness else None
        given = [Key(text) for text in said.key]
        proof = proof_in(said.bundle)
        if proof is not None:
            say(check_event(proof, given, outside, witness))
        else:
            say(check(Bundle(said.bundle), given, outside, witness, progress))
    except (Bad, OSError, ValueError, KeyError, TypeError, tarfile.TarError) as error:
        say(f"BROKEN: {error}")
        return 1
    if not given:
        say("No --key was given: it is whole, but whose it is was not checked.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
