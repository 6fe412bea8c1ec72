"""The log as files that anybody can check without us: see `offline/verify_bundle.py`."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.utils.timezone import now

from aura.kernel.ids import iso
from governance.audit import rotation, sink, stream
from governance.audit.checkpoints import Rewritten, signer
from governance.audit.keys import signing_key
from governance.audit.notes import Note
from governance.models import Checkpoint

VERIFIER = Path(__file__).with_name("offline") / "verify_bundle.py"
PART = 10_000  # entries a file

Write = Callable[[str, bytes], None]  # (name inside the bundle, its bytes)


class NothingSigned(Exception):
    """There is no checkpoint, so there is nothing that could be proved."""


class Exported(NamedTuple):
    """How many events there are, and why the newest could not be signed any more, or ''."""

    events: int
    problem: str


def export(target: Path) -> Exported:
    """Write every signed event, the checkpoints and the keys to a directory, or to a `.tar`.

    Puts the verifier beside it. A log that was tampered with is exported too: the bundle shows it.
    Raises FileExistsError for a target that exists, and `NothingSigned`.
    """
    problem = ""
    try:
        signer.sign_head()
    except Rewritten as error:
        problem = str(error)
    newest = Checkpoint.objects.order_by("-size").first()
    if newest is None:
        raise NothingSigned("nothing is signed yet")
    if target.exists():
        raise FileExistsError(
            f"{target} is there already: name a directory or a .tar that is not, so that nothing"
            " old is mixed into the bundle"
        )
    with _bundle(target) as write:
        for number, lines in enumerate(_parts(newest.size)):
            write(f"entries/{number:06d}.jsonl", lines)
        write("checkpoints.jsonl", b"".join(_checkpoints(newest.size)))
        keys = [key.text for key in reversed(rotation.Trust.here(signing_key()).keys)]
        write("keys.txt", "".join(f"{key}\n" for key in keys).encode())
        about = {"version": 1, "origin": newest.origin, "events": newest.size, "at": iso(now())}
        write("bundle.json", json.dumps(about, indent=2).encode())
    shutil.copyfile(VERIFIER, target.with_name(VERIFIER.name))
    return Exported(newest.size, problem)


def _parts(size: int) -> Iterator[bytes]:
    entries = (_entry(row) for row in stream.rows() if row.seq <= size)
    while lines := list(islice(entries, PART)):
        yield b"".join(lines)


def _entry(row: stream.Row) -> bytes:
    entry: dict[str, object] = {"seq": row.seq, "hash": row.hash.hex()}
    body = row.body or b""
    try:
        entry["body"] = body.decode()
    except UnicodeDecodeError:  # nothing of ours
        entry["body64"] = b64encode(body).decode()
    return json.dumps(entry, ensure_ascii=False).encode() + b"\n"


def _checkpoints(size: int) -> Iterator[bytes]:
    """Those of the database, and those of the file that are not there: witnessed, or lost."""
    told: set[str] = set()
    rows = Checkpoint.objects.order_by("id").values_list("note", flat=True).iterator()
    for note in map(Note.read, rows):
        told.add(str(note))
        yield _line("note", note)
    for note in sink.notes(settings.AURA.log_checkpoints):
        beyond = note.checkpoint.size > size
        if str(note) not in told and (len(note.signatures) > 1 or beyond):
            yield _line("witnessed" if len(note.signatures) > 1 else "note", note)


def _line(name: str, note: Note) -> bytes:
    return json.dumps({name: str(note)}, ensure_ascii=False).encode() + b"\n"


@contextmanager
def _bundle(target: Path) -> Iterator[Write]:
    if target.suffix != ".tar":

        def into_directory(name: str, content: bytes) -> None:
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

        yield into_directory
        return
    with tarfile.open(target, "x") as tar:

        def into_tar(name: str, content: bytes) -> None:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))

        yield into_tar
