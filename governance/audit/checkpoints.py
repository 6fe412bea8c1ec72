"""Signing the log: what was linked gets a checkpoint, and never two that contradict each other.

The file of checkpoints remembers what was signed; the database has to continue it. Where it does
not, because somebody rewrote it or an older backup was restored, nothing more is signed.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from django.conf import settings
from django.db import Error, connection, transaction

from governance.audit import notes, sink
from governance.audit.keys import NoKey, make_signing_key, signing_key
from governance.audit.merkle import Frontier
from governance.audit.notes import Note, SecretKey
from governance.audit.sequence import Linked
from governance.models import Checkpoint

PATIENCE_S = 2.0
PAGE = 10_000
RECENT = 4096  # leaves: what is linked within a deadline is a fraction of that


class Rewritten(Exception):
    """The database does not continue what was signed."""


NONE_HERE = "this process has no key of the log: see AURA_LOG_KEY_FILE in docs/log.md"
FLUSH_LOOKS, FLUSH_PAUSE_S = 4, 0.015
# A message of no meaning, committed: the disk has all of the database's log up to it then.
FLUSH = "SELECT pg_logical_emit_message(true, 'aura', '')"
STATE = """
SELECT (SELECT max(seq) FROM governance_auditlink),
       (SELECT max(size) FROM governance_checkpoint WHERE origin = %s)
"""
KEEP = """
INSERT INTO governance_checkpoint (origin, size, root, frontier, note, signed_at)
VALUES (%s, %s, %s, %s, %s, now()) ON CONFLICT DO NOTHING
"""


@dataclass(slots=True)
class _Signed:
    """What this process knows of the file: the tree behind its last note, and its length then.

    `recent` are the last leaves of the tree that were seen on the way to it.
    """

    path: Path
    origin: str
    tree: Frontier
    note: Note | None
    file_bytes: int
    recent: deque[bytes] = field(default_factory=lambda: deque(maxlen=RECENT))

    def grown(self, leaves: Iterable[bytes]) -> _Signed:
        """The same with more leaves, not signed yet."""
        tree, recent = self.tree.copy(), deque(self.recent, maxlen=RECENT)
        for leaf in leaves:
            tree.append(leaf)
            recent.append(leaf)
        return replace(self, tree=tree, recent=recent)


class Signer:
    """Signs for this process; other processes with the same file take their turns."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._signed: _Signed | None = None

    def signs_here(self) -> bool:
        """Whether this process has the key. Raises `NoKey` when it cannot be used."""
        return signing_key() is not None

    def sign(self, linked: Linked, *, patience_s: float = PATIENCE_S) -> None:
        """Sign at least up to these places, which are committed and on the disk.

        Raises `NoKey`, `Rewritten`, `sink.Busy` or OSError; nothing is signed then.
        """
        with self._held(patience_s) as (key, file):
            signed = self._known(key, file)
            if signed.tree.size < linked.last:
                self._go_on(key, file, signed, linked.last, linked=linked)
            else:
                _demand_same(signed, linked)

    def sign_head(self, *, keep: bool = True, patience_s: float = PATIENCE_S) -> bool:
        """Sign everything that is linked; `keep` writes it into the database too.

        False: there was nothing to do. Raises as `sign` does.
        """
        key = signing_key()
        if key is None:
            return False
        head, kept = _state(key.public.name)
        if head == kept:
            return False
        known = self._signed
        if known is None or known.tree.size < head:  # else it was on the disk when it was signed
            _flush()
            known = None
        with self._held(patience_s) as (key, file):
            signed = self._known(key, file)
            if head < kept:
                raise Rewritten(f"the log ends at {head}, and {kept} events were signed")
            if signed.tree.size < head:
                if known is not None:  # another file or key than a moment ago
                    _flush()
                signed = self._go_on(key, file, signed, head, durably=keep)
            if keep:
                _keep(signed)
        return True

    @contextmanager
    def _held(self, patience_s: float) -> Iterator[tuple[SecretKey, sink.CheckpointFile]]:
        """The lock of this process, then that of the file."""
        deadline = time.monotonic() + patience_s
        if not self._lock.acquire(timeout=patience_s):
            raise sink.Busy("another thread signs for too long")
        try:
            path = settings.AURA.log_checkpoints
            with sink.held(path, max(0.0, deadline - time.monotonic())) as file:
                key = signing_key()  # under the lock: it may have been rotated meanwhile
                if key is None:
                    raise NoKey(NONE_HERE)
                yield key, file
        finally:
            self._lock.release()

    def _known(self, key: SecretKey, file: sink.CheckpointFile) -> _Signed:
        """The tree that was signed last, whoever signed it."""
        path, origin, length = settings.AURA.log_checkpoints, key.public.name, file.size()
        known = self._signed
        if known is None or (known.path, known.origin) != (path, origin):
            known = None
        elif known.file_bytes == length:
            return known
        note = file.last()
        if note is None or note.checkpoint.origin != origin:
            note = _kept_note(key)
        empty = _Signed(path, origin, Frontier(), note, length)
        self._signed = _behind(note, known or empty) if note else empty
        self._signed.note, self._signed.file_bytes = note, length
        return self._signed

    def _go_on(
        self,
        key: SecretKey,
        file: sink.CheckpointFile,
        signed: _Signed,
        last: int,
        *,
        linked: Linked | None = None,
        durably: bool = False,
    ) -> _Signed:
        grown = signed.grown(leaves_between(signed.tree.size, last, linked))
        tree = grown.tree
        if tree.size < last:
            raise Rewritten(f"the log ends at {tree.size}, and {last} was linked")
        grown.note = notes.signed(key, notes.Checkpoint(key.public.name, tree.size, tree.root()))
        self._signed = None  # a line that is written by half is read again
        file.append(grown.note, durably=durably)
        grown.file_bytes = file.size()
        self._signed = grown
        return grown


signer = Signer()


def prepare_to_sign() -> str:
    """Make the key of a log that nobody signed yet; why this process will not sign, or ''."""
    try:
        if signing_key() is None and not Checkpoint.objects.exists():
            make_signing_key()
        if signing_key() is None:
            return (
                f"the log is signed with a key that is not in {settings.AURA.log_key}: put it there"
                " if this machine is to sign, or see docs/log.md (a lost key)"
            )
    except (NoKey, OSError, Error) as error:
        return str(error)
    return ""


def _flush() -> None:
    """A place may have been linked by a commit that did not wait for the disk: wait for it here.

    Where many commit, the next of them that waits has brought it along.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_insert_lsn()")
        (end,) = cursor.fetchone()
        for _ in range(FLUSH_LOOKS):
            time.sleep(FLUSH_PAUSE_S)
            cursor.execute("SELECT pg_current_wal_flush_lsn() >= %s::pg_lsn", [end])
            if cursor.fetchone()[0]:
                return
        cursor.execute(FLUSH)


def _state(origin: str) -> tuple[int, int]:
    """(last place of the log, size of the last checkpoint in the database)."""
    with connection.cursor() as cursor:
        cursor.execute(STATE, [origin])
        head, kept = cursor.fetchone()
    return head or 0, kept or 0


def _keep(signed: _Signed) -> None:
    """Write the row. It need not wait for the disk: the file has it, and the next one comes."""
    if signed.note is None:
        return
    tree = signed.tree
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit TO off")
        values = (signed.origin, tree.size, tree.root(), tree.packed, str(signed.note))
        cursor.execute(KEEP, values)


def _kept_note(key: SecretKey) -> Note | None:
    """What the database has of this origin, for a file that was lost."""
    row = Checkpoint.objects.filter(origin=key.public.name).order_by("-size").first()
    if row is None:
        return None
    try:
        note = Note.read(row.note)
        if note.signers([key.public]) and note.checkpoint.origin == row.origin:
            return note
    except notes.BadNote:
        pass
    raise Rewritten("the file of checkpoints is lost, and those in the database are not ours")


def _behind(note: Note, known: _Signed) -> _Signed:
    """The tree a note speaks of, built from what the database has."""
    said = note.checkpoint
    near = replace(known, tree=nearest_tree(said.size, said.origin), recent=deque(maxlen=RECENT))
    for start in (known, near):
        if start.tree.size > said.size:
            continue
        grown = start.grown(leaves_between(start.tree.size, said.size))
        if (grown.tree.size, grown.tree.root()) == (said.size, said.root):
            return grown
    raise Rewritten(
        f"the log in the database is not the one that was signed at {said.size} events: it was"
        " rewritten, or an older backup was restored (docs/log.md)"
    )


def _demand_same(signed: _Signed, linked: Linked) -> None:
    """Is what was just linked what was signed at those places? Raises `Rewritten`."""
    before = signed.tree.size - len(signed.recent)
    if linked.first > before:
        places = range(linked.first - 1 - before, linked.last - before)
        if tuple(signed.recent[place] for place in places) == linked.leaves:
            return
    elif signed.note is not None:
        start = replace(signed, tree=nearest_tree(linked.first - 1, signed.origin))
        if (
            start.grown(leaves_between(start.tree.size, signed.tree.size)).tree.root()
            == signed.tree.root()
        ):
            return
    raise Rewritten(f"other events were signed at the places {linked.first} to {linked.last}")


def nearest_tree(size: int, origin: str = "") -> Frontier:
    """The tree of the last checkpoint up to `size`. Whether it is right, the root will tell."""
    rows = Checkpoint.objects.filter(size__lte=size)
    row = (rows.filter(origin=origin) if origin else rows).order_by("-size").first()
    try:
        return Frontier.unpacked(row.size, bytes(row.frontier)) if row else Frontier()
    except ValueError:
        return Frontier()


def leaves_between(size: int, last: int, linked: Linked | None = None) -> Iterator[bytes]:
    """Leaf hashes of the places behind `size`, up to `last`."""
    if linked is not None and size + 1 >= linked.first:
        yield from linked.leaves[size + 1 - linked.first :]
        return
    while size < last:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT leaf FROM governance_auditlink WHERE seq > %s AND seq <= %s ORDER BY seq",
                [size, min(last, size + PAGE)],
            )
            page = [bytes(leaf) for (leaf,) in cursor.fetchall()]
        if not page:
            return
        yield from page
        size += len(page)
