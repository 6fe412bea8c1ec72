"""Signatures of another process, for one that has no key to sign with.

The database has its checkpoints, and who has the database writes rows there: what counts is the
signature of the key that `AURA_LOG_PUBLIC_KEY` names, or of one that followed it, over the events
that are in the database now.
"""

from __future__ import annotations

from django.conf import settings

from governance.audit.checkpoints import RECENT, leaves_between, nearest_tree
from governance.audit.keys import NoKey
from governance.audit.notes import BadNote, Note, PublicKey, public_key
from governance.audit.rotation import successors
from governance.models import Checkpoint

MOST_ROWS = 20  # checkpoints that are looked at: of those that we signed, the first one does
UNKNOWN = (
    "this process cannot tell who signs the log: give it AURA_LOG_KEY_FILE, or in"
    " AURA_LOG_PUBLIC_KEY what `manage.py log_key` says (docs/log.md)"
)


def trusted() -> list[PublicKey]:
    """The keys whose signatures count here. Raises `NoKey` where none is configured."""
    if not settings.AURA.log_public_key:
        raise NoKey(UNKNOWN)
    try:
        return successors(public_key(settings.AURA.log_public_key))
    except BadNote as error:
        raise NoKey(f"AURA_LOG_PUBLIC_KEY: {error}") from None


def is_signed(place: int, keys: list[PublicKey]) -> bool:
    """Whether one of the keys signed the log of the database up to this place at least."""
    rows = Checkpoint.objects.filter(size__gte=place).order_by("size", "pk")
    return any(
        _holds(note, place, keys) for note in rows.values_list("note", flat=True)[:MOST_ROWS]
    )


def _holds(text: str, place: int, keys: list[PublicKey]) -> bool:
    try:
        note = Note.read(text)
        said = note.checkpoint
        signed = any(key.name == said.origin for key in note.signers(keys))
    except BadNote:
        return False
    if not signed or said.size < place:
        return False
    # From a tree before what may just have been linked, so that its leaves are looked at.
    tree = nearest_tree(max(0, place - RECENT), said.origin)
    for leaf in leaves_between(tree.size, said.size):
        tree.append(leaf)
    return (tree.size, tree.root()) == (said.size, said.root)
