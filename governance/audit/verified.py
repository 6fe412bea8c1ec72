"""Up to where the log was verified on this machine: kept beside the keys, not in the database."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from governance.audit.merkle import Frontier
from governance.audit.notes import BadNote, Note


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The chain and the tree behind a checkpoint that held."""

    tree: Frontier = field(default_factory=Frontier)
    hash: bytes = b""
    event_id: int = 0
    last_key: str = ""
    note: Note | None = None
    file_end: int = 0  # so far the file of checkpoints was read

    @property
    def size(self) -> int:
        return self.tree.size


def _path() -> Path:
    path: Path = settings.AURA.data / "log-verified.json"
    return path


def load() -> Verified | None:
    """What the last run left; None when there is nothing, or nothing that holds together."""
    try:
        said = json.loads(_path().read_text())
        note = Note.read(said["note"])
        tree = Frontier.unpacked(note.checkpoint.size, bytes.fromhex(said["tree"]))
        if tree.root() != note.checkpoint.root:
            return None
        return Verified(
            tree=tree,
            hash=bytes.fromhex(said["hash"]),
            event_id=int(said["event"]),
            last_key=str(said["key"]),
            note=note,
            file_end=int(said["file"]),
        )
    except (OSError, ValueError, KeyError, TypeError, BadNote):
        return None


def save(state: Verified) -> None:
    """Replace the file at once: a torn one would cost a full run."""
    path = _path()
    text = json.dumps(
        {
            "note": str(state.note),
            "tree": state.tree.packed.hex(),
            "hash": state.hash.hex(),
            "event": state.event_id,
            "key": state.last_key,
            "file": state.file_end,
        }
    )
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)


def forget() -> None:
    """The next run begins at the first event."""
    _path().unlink(missing_ok=True)
