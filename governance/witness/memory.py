"""What a witness remembers: of each log the last checkpoint it has signed. SQLite, one file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from governance.audit.notes import Note

TABLE = """
CREATE TABLE IF NOT EXISTS seen (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, note TEXT NOT NULL)
"""


class Memory:
    """Check and set are one transaction: of two requests at once the second sees the first."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path
        with self._open() as database:
            database.execute(TABLE)

    def newest(self, origin: str) -> Note | None:
        """The last checkpoint of a log, with our signature."""
        with self._open() as database:
            return _newest(database, origin)

    def replace(self, origin: str, decide: Callable[[Note | None], Note]) -> Note:
        """Store what `decide` makes of the last one, on the disk before this returns.

        What `decide` raises leaves everything as it was.
        """
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            note = decide(_newest(database, origin))
            database.execute(
                "INSERT INTO seen VALUES (?, ?, ?) ON CONFLICT (origin) DO UPDATE"
                " SET size = excluded.size, note = excluded.note",
                (origin, note.checkpoint.size, str(note)),
            )
            database.execute("COMMIT")
        return note

    def _open(self) -> _Opened:
        return _Opened(self._path)


class _Opened:
    """A connection that is closed, and whatever it did not commit undone, at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> sqlite3.Connection:
        self._database = sqlite3.connect(self._path, timeout=5, isolation_level=None)
        self._database.execute("PRAGMA synchronous = EXTRA")
        return self._database

    def __exit__(self, *error: object) -> None:
        self._database.close()


def _newest(database: sqlite3.Connection, origin: str) -> Note | None:
    row = database.execute("SELECT note FROM seen WHERE origin = ?", (origin,)).fetchone()
    return Note.read(row[0]) if row else None
