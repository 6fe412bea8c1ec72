"""Checks that the log is what was written, signed and witnessed. One pass, in flat memory.

Everything is compared with the bytes that were hashed: the chain, the leaves, the columns, the
places, and every checkpoint in the database and in the file beside it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db import connection
from django.utils.timezone import now

from governance.audit import halting, rotation, sink, stream, verified
from governance.audit.chain import GENESIS, chained, leaf
from governance.audit.keys import NoKey, signing_key
from governance.audit.merkle import HASH_BYTES, Frontier
from governance.audit.notes import BadNote, Note
from governance.audit.stream import Row
from governance.models import AuditEvent, AuditLink, AuditPending, Checkpoint

PROGRESS_EVERY = 10_000
CHECKPOINTS = 1000  # a page
LATE = 10_000  # ids: so much later an event may be committed than one that was made after it
# From the indexes alone, which a join does not do.
OUTSIDE = """
SELECT EXISTS (
    SELECT id FROM governance_auditevent WHERE id > %s
    EXCEPT SELECT event_id FROM governance_auditlink WHERE event_id > %s
    EXCEPT SELECT event_id FROM governance_auditpending
)
"""

Progress = Callable[[int, int], None]  # (events looked at, events to look at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`broken_at` is the place (seq) of the first bad event, None when the log is intact.

    `events` are all in the log, `hashed` those whose hashes hold; up to `trusted` of them were
    checked before, by a run of this machine. `checkpoint` is the last that holds.
    """

    events: int
    hashed: int = 0
    trusted: int = 0
    broken_at: int | None = None
    problem: str = ""
    first_key: str = ""
    last_key: str = ""
    last_hash: str = ""
    checked_at: datetime = field(default_factory=now)
    checkpoint: str = ""

    @property
    def valid(self) -> bool:
        return self.broken_at is None

    @property
    def fault(self) -> str:
        """What is wrong, and where; empty when nothing is."""
        return "" if self.valid else f"place {self.broken_at}: {self.problem}"


class Broken(Exception):
    """The log does not hold at `place`."""

    def __init__(self, place: int, problem: str) -> None:
        super().__init__(problem)
        self.place, self.problem = place, problem


def verify(
    full: bool = False,  # noqa: FBT001, FBT002 - the interface of the log, used by its name
    progress: Progress | None = None,
    outside: Iterable[Note] = (),
) -> Verdict:
    """Check the log: what came since the last verified checkpoint, or with `full` everything.

    `outside`: checkpoints kept elsewhere, e.g. by a witness, that the log must agree with too.
    Whoever gives them judges what it means that it does not; otherwise no effect begins any more.
    """
    outside = list(outside)
    start = (None if full else verified.load()) or verified.Verified()
    verdict = _verified(start, progress, outside)
    if not verdict.valid and not outside:
        halting.halt(verdict.fault)
    return verdict


def _verified(start: verified.Verified, progress: Progress | None, outside: list[Note]) -> Verdict:
    walk = _Walk(start, _expected(start, outside))
    try:
        walk.begin()
        head = _head()
        for row in stream.rows(after=start.size):
            walk.step(row)
            if progress and walk.tree.size % PROGRESS_EVERY == 0:
                progress(walk.tree.size, head)
        walk.end()
    except (BadNote, ValueError) as error:
        return walk.verdict(Broken(walk.tree.size + 1, f"a checkpoint is not ours: {error}"))
    except Broken as fault:
        return walk.verdict(fault)
    if progress:
        progress(walk.tree.size, walk.tree.size)
    walk.remember()
    return walk.verdict(None)


def verify_tail(count: int) -> Verdict:
    """The chain and the columns of the last events alone: quick at any length."""
    before = max(0, _head() - count)
    link = AuditLink.objects.filter(seq=before).first()
    unknown = Frontier(before, [bytes(HASH_BYTES)] * before.bit_count())  # no root is asked of it
    start = verified.Verified(tree=unknown, hash=bytes(link.hash) if link else b"")
    walk = _Walk(start, iter(()))
    try:
        for row in stream.rows(after=before):
            walk.step(row)
    except Broken as fault:
        return walk.verdict(fault)
    return walk.verdict(None)


@dataclass(frozen=True, slots=True)
class Expectation:
    """A checkpoint that the log must agree with; `end` is where its line of our file ends, or 0."""

    size: int
    note: Note
    end: int = 0


class _Walk:
    """Where the walk is: the chain and the tree up to there."""

    def __init__(self, start: verified.Verified, expected: Iterator[Expectation]) -> None:
        self.start = start
        self.previous = start.hash or GENESIS
        self.tree = Frontier(start.size, start.tree.nodes)
        self.event_id = start.event_id
        self.last_key = start.last_key
        self.note: Note | None = start.note
        self.file_end = start.file_end
        self._expected = expected
        self._next: Expectation | None = None

    def begin(self) -> None:
        """What was verified before must still be there."""
        self._next = next(self._expected, None)
        while self._next and self._next.size == 0:
            self._compare(self._next)
        if self.start.size == 0:
            return
        link = AuditLink.objects.filter(seq=self.start.size).first()
        if link is None:
            raise Broken(_head() + 1, f"the log ended later: {self.start.size} were verified")
        if bytes(link.hash) != self.previous:
            raise Broken(self.start.size, "the log is not the one that was verified before")

    def step(self, row: Row) -> None:
        place, before, own, said_leaf, event_id, uid, *_, body, key, _, _, _ = row
        seq = self.tree.size + 1
        if place != seq:
            raise Broken(seq, "an event is missing")
        if body is None:
            raise Broken(seq, "the event of a link is missing")
        if before != self.previous or own != chained(before, body):
            raise Broken(seq, "the hash does not follow")
        if said_leaf != leaf(body):
            raise Broken(seq, "the leaf hash was changed")
        if not row.says_what_its_bytes_say():
            raise Broken(seq, "a column was changed")
        self.previous, self.event_id = own, event_id
        self.last_key = key or uid.hex()
        self.tree.append(said_leaf)
        while self._next and self._next.size <= seq:
            self._compare(self._next)

    def _compare(self, expected: Expectation) -> None:
        if expected.size < self.tree.size:
            raise Broken(expected.size, "the checkpoints are out of order")
        if expected.note.checkpoint.root != self.tree.root():
            raise Broken(self.tree.size, "the signed checkpoint says something else")
        self.note, self.file_end = expected.note, max(self.file_end, expected.end)
        self._next = next(self._expected, None)

    def end(self) -> None:
        if self._next:
            size = self._next.size
            raise Broken(self.tree.size + 1, f"the log ended later: {size} events were signed")
        _demand_all_in(self.tree.size, since=self.start.event_id)

    def remember(self) -> None:
        """The next run begins at the last checkpoint, if this one got to it."""
        if self.note is not None and self.note.checkpoint.size == self.tree.size:
            verified.save(
                verified.Verified(
                    tree=self.tree,
                    hash=self.previous,
                    event_id=self.event_id,
                    last_key=self.last_key,
                    note=self.note,
                    file_end=self.file_end,
                )
            )

    def verdict(self, fault: Broken | None) -> Verdict:
        first = AuditEvent.objects.filter(link__seq=1).first()
        return Verdict(
            events=_head() + AuditPending.objects.count(),
            hashed=self.tree.size,
            trusted=self.start.size,
            broken_at=fault.place if fault else None,
            problem=fault.problem if fault else "",
            first_key=(first.key or first.uid.hex) if first else "",
            last_key=self.last_key,
            last_hash=self.previous.hex() if self.tree.size else "",
            checkpoint=str(self.note) if self.note else "",
        )


def _head() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(seq), 0) FROM governance_auditlink")
        return int(cursor.fetchone()[0])


def _demand_all_in(size: int, *, since: int) -> None:
    """No event may be outside of the chain that does not wait for its link."""
    first = max(0, since - LATE)
    with connection.cursor() as cursor:
        cursor.execute(OUTSIDE, [first, first])
        if cursor.fetchone()[0]:
            raise Broken(size + 1, "an event was kept out of the chain")


def _expected(start: verified.Verified, outside: Iterable[Note]) -> Iterator[Expectation]:
    """Every checkpoint that speaks of more than was verified, by size, its signature checked.

    Raises `BadNote` or ValueError while it is read.
    """
    try:
        trust = rotation.Trust.here(signing_key())
    except NoKey:
        trust = rotation.Trust.here(None)
    path, after = settings.AURA.log_checkpoints, start.size
    sources = (
        _of_database(after),
        sink.placed(path, start.file_end),
        ((note, 0) for note in sorted(outside, key=lambda note: note.checkpoint.size)),
    )
    merged = heapq.merge(*(_ours(s, trust, after) for s in sources), key=lambda e: e.size)
    yield from merged


def _ours(
    source: Iterable[tuple[Note, int]], trust: rotation.Trust, after: int
) -> Iterator[Expectation]:
    for note, end in source:
        size = note.checkpoint.size
        if (size > after or after == 0) and trust.accepts(note):
            yield Expectation(size, note, end)


def _of_database(after: int) -> Iterator[tuple[Note, int]]:
    """By pages: the connection is used for the events in between."""
    while page := list(Checkpoint.objects.filter(size__gt=after).order_by("size")[:CHECKPOINTS]):
        for row in page:
            note = Note.read(row.note)
            said = note.checkpoint
            if (said.origin, said.size, said.root) != (row.origin, row.size, bytes(row.root)):
                raise BadNote(f"its columns at {row.size} say something else")
            if Frontier.unpacked(row.size, bytes(row.frontier)).root() != said.root:
                raise BadNote(f"its subtrees at {row.size} say something else")
            yield note, 0
        after = page[-1].size
