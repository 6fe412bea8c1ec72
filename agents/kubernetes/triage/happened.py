"""Events as values: both generations of the API, and rows that somebody recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from agents.kubernetes.events import last_seen
from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import number, part, text
from agents.kubernetes.words import moment, plain
from aura.kernel.secrets import redact


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`about` is `kind/namespace/name` of what it is of, in lower case up to the name."""

    warning: bool
    reason: str
    message: str
    kind: str
    namespace: str
    name: str
    count: int = 1
    last: datetime | None = None

    @property
    def about(self) -> str:
        return place(self.kind, self.namespace, self.name)

    @property
    def line(self) -> str:
        kind = "Warning" if self.warning else "Normal"
        often = f" (x{self.count})" if self.count > 1 else ""
        return f"{kind} {self.reason} {self.about} {self.message}{often}"

    @classmethod
    def of(cls, said: Object) -> Event:
        """An event of the API, or a row `{type, reason, object: "pod/web-1", message, count}`."""
        about = part(said, "involvedObject") or part(said, "regarding")
        row = text(said, "object") or text(said, "involvedObject")
        kind, _, name = (row if not about else "").rpartition("/")
        message = text(said, "message") or text(said, "note")
        return cls(
            warning=text(said, "type") != "Normal",
            reason=text(said, "reason"),
            message=redact(plain(" ".join(message.split()))),
            kind=(text(about, "kind") or kind).lower(),
            namespace=text(about, "namespace")
            or text(said, "metadata", "namespace")
            or text(said, "namespace"),
            name=text(about, "name") or name,
            count=max(
                number(said, "count"),
                number(said, "series", "count"),
                number(said, "deprecatedCount"),
                1,
            ),
            last=moment(
                last_seen(said)
                or text(said, "deprecatedLastTimestamp")
                or text(said, "last_seen")
                or text(said, "lastSeen")
            ),
        )


def place(kind: str, namespace: str, name: str) -> str:
    """`pod/shop/web-1`, or `node/a` for what has no namespace."""
    return "/".join(filter(None, (kind.lower(), namespace, name)))
