"""What a person weighs before they decide, in words: what is asked, how bad it can be, how it is
undone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aura.kernel.text import one_line
from governance.models import Approval
from governance.types import ActionClass

RISKS: Final[Mapping[str, str]] = {
    ActionClass.READ: "It looks and changes nothing.",
    ActionClass.WRITE: "It changes something, and it can be undone.",
    ActionClass.DESTRUCTIVE: "It deletes or ends something that may not come back.",
    ActionClass.UNKNOWN: "Nobody knows what it does: treat it as destructive.",
    "plan": "Nothing is done yet. Approving lets the agent carry out the steps of this plan.",
}
UNDO: Final[Mapping[str, str]] = {
    ActionClass.READ: "There is nothing to undo.",
    ActionClass.WRITE: "By another change; nothing better is known of this tool.",
    "plan": "Cancel it before the merge: nothing reaches a cluster. After it, by a revert commit.",
}
SENTENCE_CHARS: Final = 300
NO_UNDO: Final = "Not by Aura. Make sure of it before you say yes."


def sentence(approval: Approval) -> str:
    """What is asked for: in its own words where it has some, else the tool and what it is for."""
    said = approval.arguments.get("summary" if approval.kind else "description")
    if not isinstance(said, str) or not said.strip():
        said = f"{approval.tool_name.replace('_', ' ').capitalize()}: {approval.resource_name}"
    return one_line(said, SENTENCE_CHARS)


def preview(approval: Approval) -> str:
    """What the call would touch, as whoever asks found out."""
    return _noted(approval, "preview")


def trouble(approval: Approval) -> str:
    """Why not all of that could be found out."""
    return _noted(approval, "trouble")


def risk(approval: Approval) -> str:
    """How bad it can be."""
    return RISKS.get(approval.shown_class, RISKS[ActionClass.UNKNOWN])


def undo(approval: Approval) -> str:
    """How it is undone, as far as its class tells."""
    return UNDO.get(approval.shown_class, NO_UNDO)


def _noted(approval: Approval, name: str) -> str:
    said = approval.context.get(name) if isinstance(approval.context, dict) else None
    return said if isinstance(said, str) else ""
