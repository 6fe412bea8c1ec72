"""A text next to the inventory and the linter: what `policy lint` and the console say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings

from aura.config import Settings
from governance.inventory import Inventory, configured
from governance.policy.document import Document
from governance.policy.lint import Finding, lint
from governance.policy.loader import load
from governance.policy.nodes import Fault, PolicyRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """`faults` are why a text cannot be used; without any, `document` is there, and `findings`."""

    source: str
    document: Document | None = None
    faults: Sequence[Fault] = ()
    findings: Sequence[Finding] = ()


def known() -> Inventory | None:
    """The inventory that names are checked against; None: there is none.

    Raises `InventoryRefused`.
    """
    config: Settings = settings.AURA
    return configured(config.inventory) if config.inventory else None


def checked(text: str, source: str, *, inventory: Inventory | None) -> Checked:
    """Everything that is wrong with a text, or would be said in vain."""
    try:
        document = load(text, source, inventory=inventory)
    except PolicyRefused as refused:
        return Checked(source=source, faults=refused.faults)
    return Checked(source=source, document=document, findings=_linted(text))


@lru_cache(maxsize=8)  # by the text: documents that differ in their lines alone are equal
def _linted(text: str) -> tuple[Finding, ...]:
    return tuple(lint(load(text, "")))
