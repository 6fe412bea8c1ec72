"""Keys follow each other: the log holds an event in which the old and the new one sign both.

A restored backup gets a key of a new name, hence a new origin: what was signed under the old name
beyond the backup stays signed, and is never contradicted under that name.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import Any

from governance.audit import halting, verified
from governance.audit.checkpoints import NONE_HERE, PATIENCE_S, signer
from governance.audit.keys import NoKey, new_name, replace_key, signing_key
from governance.audit.notes import BadNote, Note, PublicKey, SecretKey, public_key
from governance.audit.record import data_of, record
from governance.audit.sequence import sequence_waiting
from governance.models import AuditEvent, AuditLink, Checkpoint
from governance.types import SYSTEM, Principal

ROTATED, RESTORED = "log_key_rotated", "log_restored"


def rotate(*, actor: Principal = SYSTEM) -> PublicKey:
    """Sign with a new key of the same name from now on; it is returned.

    Raises `NoKey`, and whatever keeps the old key from signing (`Signer.sign_head`).
    """
    old = _present()
    new = SecretKey.made(old.public.name)
    _announce(ROTATED, old, new, actor)
    signer.sign_head()
    replace_key(new)
    return new.public


def accept_restore(*, reason: str, actor: Principal = SYSTEM) -> PublicKey:
    """Go on from a restored backup, under a key of a new name; it is returned.

    Without the old key nothing ties its checkpoints to the log any more: they are given up.
    """
    old, new = signing_key(), SecretKey.made(new_name())
    if old is None:
        origins = sorted(set(Checkpoint.objects.values_list("origin", flat=True)))
        data = {"after": new.public.text, "abandoned": origins, "reason": reason}
        record(RESTORED, actor=actor, action=RESTORED, data=data)
        sequence_waiting(PATIENCE_S)
    else:
        kept = AuditLink.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
        _announce(RESTORED, old, new, actor, kept=kept, reason=reason)
    replace_key(new)
    halting.accept(reason=reason, by=actor)
    verified.forget()
    signer.sign_head()
    return new.public


def _present() -> SecretKey:
    key = signing_key()
    if key is None:
        raise NoKey(NONE_HERE)
    return key


def _announce(event: str, old: SecretKey, new: SecretKey, actor: Principal, **more: Any) -> None:
    said = statement(old.public.text, new.public.text, more.get("kept"))
    signed = [b64encode(key.sign(said)).decode() for key in (old, new)]
    data = {"before": old.public.text, "after": new.public.text, "signed": signed, **more}
    record(event, actor=actor, action=event, data=data)
    sequence_waiting(PATIENCE_S)


def statement(before: str, after: str, kept: int | None) -> bytes:
    """What both keys sign: their vkeys, and after a restore how many events were kept."""
    cut = "" if kept is None else f"{kept}\n"
    return f"aura log key v1\n{before}\n{after}\n{cut}".encode()


@dataclass(slots=True)
class Trust:
    """The keys of this log, and how far what was signed under an older name still counts.

    Without keys nobody's signature is checked: then a process verifies that has none.
    """

    keys: list[PublicKey] = field(default_factory=list)
    kept: dict[str, int] = field(default_factory=dict)  # origin -> events that outlived a restore
    abandoned: set[str] = field(default_factory=set)  # origins whose key was lost

    @classmethod
    def here(cls, key: SecretKey | None) -> Trust:
        """From the present key back through the rotations in the log."""
        trust = cls([key.public] if key else [])
        events = AuditEvent.objects.filter(type__in=[ROTATED, RESTORED]).order_by("-id")
        for event in events:
            trust.follow(data_of(event.body)["data"])
        return trust

    def follow(self, said: dict[str, Any]) -> None:
        """Trust the key before, if a trusted one vouches for it."""
        if "abandoned" in said:
            self.abandoned.update(said["abandoned"])
            return
        if (pair := _vouched(said)) is None:
            return
        before, after = pair
        if after in self.keys and before not in self.keys:
            self.keys.append(before)
            if (kept := said.get("kept")) is not None:
                self.kept[before.name] = int(kept)

    def accepts(self, note: Note) -> bool:
        """Whether the log must agree with it. Raises `BadNote` for one that is not ours."""
        said = note.checkpoint
        if said.origin in self.abandoned:
            return False
        if self.keys and not any(key.name == said.origin for key in note.signers(self.keys)):
            raise BadNote(f"{said.origin} at {said.size} is signed by no key of this log")
        return said.size <= self.kept.get(said.origin, said.size)


def successors(key: PublicKey) -> list[PublicKey]:
    """This key of the log and those that came after it, each vouched for by the one before."""
    keys = [key]
    for event in AuditEvent.objects.filter(type__in=[ROTATED, RESTORED]).order_by("id"):
        pair = _vouched(data_of(event.body)["data"])
        if pair is not None and pair[0] in keys:
            keys.append(pair[1])
    return keys


def _vouched(said: dict[str, Any]) -> tuple[PublicKey, PublicKey] | None:
    """The keys before and after, where both signed that they follow each other."""
    try:
        before, after = public_key(said["before"]), public_key(said["after"])
        message = statement(before.text, after.text, said.get("kept"))
        by_before, by_after = (b64decode(signature) for signature in said["signed"])
    except (BadNote, KeyError, ValueError, TypeError):
        return None
    both = before.verifies(by_before, message) and after.verifies(by_after, message)
    return (before, after) if both else None
