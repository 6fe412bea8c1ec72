"""How a failure is worded: a line for people, then one with the detail."""

from __future__ import annotations

from agents.runtime.tool import ToolFailure
from aura.kernel.secrets import redact

DETAIL_CHARS = 300


def failed(tool: str, target: str, plainly: str, detail: object = "") -> ToolFailure:
    """A failure as every helpdesk tool tells it (behaviour §1.1); credentials are taken out."""
    line = f"ERROR — {tool} failed for {target}"
    more = " ".join(str(detail).split())[:DETAIL_CHARS]
    return ToolFailure(redact(f"{plainly}\n{line}{f': {more}' if more else ''}"))


def refuse_credentials(what: str, text: str) -> None:
    """Nothing that looks like a credential is sent to a stranger. Raises `ToolFailure`."""
    if redact(text) != text:
        raise ToolFailure(
            f"the {what} holds what looks like a credential, and would carry it outside;"
            " leave it out"
        )
