"""What people are told, whatever the channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

from aura.config import NoticeKind
from aura.kernel.secrets import redact
from aura.kernel.unseen import visible

Kind = NoticeKind
LOW, NORMAL, HIGH, URGENT = 2, 3, 4, 5  # as ntfy counts
LINE_CHARS: Final = 1000
TITLE_CHARS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """`key` names what is told: of two messages with the same one, one is sent.

    `head` says what it is about and `what` which one; `page` is the path of the console where its
    link leads until `until`, `call` the words on that link. `how` is for mails alone: other ways
    than the link. `tags` are ntfy's names of symbols.
    """

    key: str
    kind: Kind
    head: str
    what: str
    lines: Sequence[str] = ()
    how: Sequence[str] = ()
    page: str
    call: str = "Look at it"
    until: datetime | None = None
    priority: int = NORMAL
    tags: Sequence[str] = ()

    def cleaned(self) -> Message:
        """Without credentials and with every character visible; titles are one line, and no text
        begins a line of its own."""
        return replace(
            self,
            head=_line(self.head),
            what=_line(self.what)[:TITLE_CHARS],
            lines=[_paragraph(line)[:LINE_CHARS] for line in self.lines],
        )

    def body(self) -> dict[str, Any]:
        """As JSON; `of` reads it."""
        until = self.until.isoformat() if self.until else None
        return asdict(self) | {"until": until}


def of(body: dict[str, Any]) -> Message:
    """The message of a stored `body`."""
    until = datetime.fromisoformat(body["until"]) if body["until"] else None
    return Message(**(body | {"until": until, "kind": Kind(body["kind"])}))


def _paragraph(text: str) -> str:
    """What a text goes on with is indented: it cannot pass for a line, or a link, of ours."""
    return visible(redact(text)).replace("\n", "\n  ")


def _line(text: str) -> str:
    return " ".join(visible(redact(text)).split())
