"""What the page of a version shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.timezone import now

from aura.kernel.textdiff import unified
from governance.admin.policies import history, rules
from governance.inventory import InventoryRefused
from governance.models import PolicyVersion
from governance.policy import current, words
from governance.policy.checking import Checked, checked, known
from governance.policy.comparison import Comparison, compare
from governance.policy.diff import Change
from governance.policy.document import Document
from governance.policy.lint import Finding
from governance.policy.loader import load
from governance.policy.nodes import Fault
from governance.policy.replay import Replayed
from governance.policy.trial import Trial, trial

LINES_MOST: Final = 3000
REPLAYED_MOST: Final = 2000
CHANGES_MOST: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the source; `marked`: something was found there."""

    number: int
    text: str
    marked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Something found at a line; `quoted` is that line."""

    where: str
    line: int
    message: str
    quoted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeWords:
    """A kind of change, as `policy diff` says it."""

    loosens: bool
    action: str
    before: str
    after: str
    times: str
    example: str
    rules: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Against the policy in force: kinds of change, and `text`, a diff of the two texts.

    `unknown` says why the two cannot be compared, which counts as loosening; `more` kinds are left
    out.
    """

    unknown: str
    loosening: Sequence[ChangeWords]
    tightening: Sequence[ChangeWords]
    more: int
    text: str

    @property
    def loosens(self) -> bool:
        return bool(self.unknown or self.loosening)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """The candidate next to what is in force, on what was decided since."""

    said: str
    changes: Sequence[ChangeWords]
    most: int = REPLAYED_MOST


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """`trouble` is why it cannot be used, or not be checked; `compared` is None of what counts."""

    places: Sequence[Place]
    rules: Sequence[rules.PolicyWords]
    lines: Sequence[Line]
    cut: int
    trouble: str
    compared: Compared | None = None
    tried: Tried | None = None
    told: Sequence[history.Told] = ()


def built_in() -> PolicyVersion:
    """The built-in default as a version: its row where it was ever activated, else one unsaved."""
    text = current.built_in_text()
    digest = load(text, current.BUILT_IN).digest()
    kept = PolicyVersion.objects.filter(digest=digest).first()
    return kept or PolicyVersion(
        digest=digest,
        text=text,
        source=current.BUILT_IN,
        loaded_by="system:system",
        loaded_at=now(),
    )


def counts(version: PolicyVersion) -> bool:
    """Whether it is this version that decides."""
    policy = current.policy()
    return policy.version == version.digest and policy.source != current.NOT_ACTIVATED


def is_kept(version: PolicyVersion) -> bool:
    """Whether it has a row, as all but a built-in default have that nobody did anything with."""
    return bool(version.pk)


def read(version: PolicyVersion) -> Reading:
    """All that a page shows of it."""
    found = look(version.text, version.source)
    shown = reading(version.text, found)
    document = found.document or _as_kept(version)
    trouble = shown.trouble
    if document is None or document.digest() != version.digest:
        trouble = (
            "The text is not what its digest says: somebody changed it behind the product's back."
            " In force, it denies everything."
        )
    return Reading(
        places=shown.places,
        rules=rules.in_words(document) if document else (),
        lines=shown.lines,
        cut=shown.cut,
        trouble=trouble,
        compared=None if counts(version) or document is None else against(document, version.text),
        tried=_tried() if version.shadow else None,
        told=history.history(version.digest),
    )


def look(text: str, source: str) -> Checked:
    """As `policy lint` does; an inventory that cannot be read is no fault of the text."""
    try:
        return checked(text, source, inventory=known())
    except InventoryRefused:
        return checked(text, source, inventory=None)


def reading(text: str, found: Checked) -> Reading:
    """The same of a text that nobody kept (yet)."""
    lines = text.splitlines()
    places = [
        Place(
            where=f"{found.source}:{line}:{column}",
            line=line,
            message=message,
            quoted=lines[line - 1] if 0 < line <= len(lines) else "",
        )
        for line, column, message in _found(found)
    ]
    marked = {place.line for place in places}
    shown = enumerate(lines[:LINES_MOST], start=1)
    return Reading(
        places=places,
        rules=rules.in_words(found.document) if found.document else (),
        lines=[Line(number=n, text=line, marked=n in marked) for n, line in shown],
        cut=max(0, len(lines) - LINES_MOST),
        trouble="It cannot be used as it is." if found.faults else "",
    )


def against(document: Document, text: str) -> Compared:
    """What it would decide otherwise than the policy in force, and how its text differs."""
    before = current.policy()
    found: Comparison = compare(before.document, document)
    changes = [change_words(change) for change in found.changes[:CHANGES_MOST]]
    return Compared(
        unknown=words.UNKNOWN if found.unknown else "",
        loosening=[change for change in changes if change.loosens],
        tightening=[change for change in changes if not change.loosens],
        more=len(found.changes) - len(changes),
        text=text_diff(current.text(), text, before.source),
    )


def text_diff(before: str, after: str, source: str) -> str:
    """A unified diff of two texts; empty when they are alike."""
    lines = unified(before.splitlines(), after.splitlines(), names=(source, "this version"))
    return "\n".join(lines)


def change_words(change: Change | Replayed) -> ChangeWords:
    before, after = change.words
    return ChangeWords(
        loosens=change.loosens,
        action=change.example.action_class,
        before=before,
        after=after,
        times=words.times(change).strip(),
        example=words.asked(change.example),
        rules=words.rules(change),
    )


def _tried() -> Tried | None:
    found: Trial | None = trial(most=REPLAYED_MOST)
    if found is None:
        return None
    return Tried(
        said=str(found),
        changes=[change_words(change) for change in found.changes[:CHANGES_MOST]],
    )


def _as_kept(version: PolicyVersion) -> Document | None:
    """Its document without a look at the inventory, which may have changed since."""
    return checked(version.text, version.source, inventory=None).document


def _found(found: Checked) -> list[tuple[int, int, str]]:
    """(line, column, message) of everything that was found."""
    everything: list[Fault | Finding] = [*found.faults, *found.findings]
    return [(one.line, one.column, one.message) for one in everything]


def standing(version: PolicyVersion) -> list[tuple[str, str]]:
    """(badge, words) of what it is at the moment."""
    found: list[tuple[str, str]] = []
    if counts(version):
        found.append(("approved", "in force"))
    elif version.active:
        found.append(("denied", "not what was activated"))
    if version.waiting:
        found.append(("pending", "waits"))
    if version.shadow:
        found.append(("working", "candidate"))
    if not found:
        found.append(("", "was in force" if version.activated_at else "kept"))
    return found
