"""Names of events: our log's and the document's.

What others post has a type of its own in the log: whoever may post cannot put words into the mouth
of the product, which reads its own events (policy activations, restored keys) by their types.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

POSTED: Final = "posted."
OURS: Final = {"tool_called": "tool_execution"}  # type in our log -> name in the document
_THEIRS: Final = {name: ours for ours, name in OURS.items()}

REQUESTED: Final = "gateway_request"
EXECUTED: Final = "tool_execution"
JUDGED: Final = "policy_decision"
DELEGATED: Final = "delegation_decision"
RETRIED: Final = "tool_retry"
VERIFIED: Final = "verification_outcome"
OUTCOME: Final = "delegation_outcome"


def shown(stored: str) -> str:
    """The document's name for a type of the log."""
    return OURS.get(stored, stored.removeprefix(POSTED))


def stored(name: str) -> Sequence[str]:
    """The types of the log that the document's name stands for."""
    return (_THEIRS.get(name, name), POSTED + name)
