"""What a ticket waits for. What waits in all is `aura.console.inbox`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.models import ToolExecution
from agents.types import WaitKind
from governance.models import Approval
from tickets import selectors
from tickets.journal import pending_approval
from tickets.models import Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The call of a ticket that waits, and the request that a decision would be about.

    What a page shows of a request comes from the request's own row, which never changes: so a
    person decides on exactly what `fingerprint` binds.
    """

    call: ToolExecution
    approval: Approval | None

    @property
    def kind(self) -> WaitKind:
        return WaitKind(self.call.wait)

    @property
    def key(self) -> str:
        """Names this request: one that is put later, even in the same words, has another key."""
        return str(self.approval.pk if self.approval else self.call.pk)

    @property
    def fingerprint(self) -> str:
        return self.approval.fingerprint if self.approval else ""

    @property
    def headline(self) -> str:
        """What is asked for, in one line."""
        return str(pending_approval(self.call)["action"])

    @property
    def question(self) -> str:
        return str(self.call.wait_detail.get("question", ""))

    @property
    def secret(self) -> Mapping[str, Any]:
        """The Secret whose values are asked for: `namespace`, `name`, `keys`; empty for others."""
        return self.call.wait_detail.get("secret") or {}

    @property
    def options(self) -> list[str]:
        return [str(option) for option in self.call.wait_detail.get("options", [])]


def waiting(ticket: Ticket) -> Waiting | None:
    """What this ticket waits for, if it does."""
    call = selectors.waiting_call(ticket)
    if call is None:
        return None
    return Waiting(call=call, approval=call.approval)
