"""Documents next to the built-in default, and their versions."""

from __future__ import annotations

from governance.models import PolicyVersion
from governance.policy import activation, current
from governance.types import SYSTEM

STRICT = current.built_in_text().replace("effect: allow", "effect: deny")
LOOSE = current.built_in_text().replace("tags: [inventory]", "name_pattern: '*'")


def kept(text: str, source: str = "p.yaml") -> PolicyVersion:
    """A version that decides nothing yet."""
    return activation.keep(text, source=source, by=SYSTEM)
