"""Where messages arrive, and what is told in the tests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message as Mail
from typing import Any

from governance import approvals
from governance.notices import Kind, Message, sending
from governance.types import Action, ActionClass, ActorKind, Principal, Resource
from tests.stubs.mailbox import Mailbox
from tests.stubs.receiver import Receiver

BASE = "https://aura.example.com"
TOKEN = "tk_Zy8Xw7Vu6Ts5"


@dataclass
class World:
    """Where messages arrive."""

    mails: Mailbox
    ntfy: Receiver
    slack: Receiver
    settings: Any

    def set(self, **named: Any) -> None:
        self.settings.AURA = self.settings.AURA.model_copy(update=named)

    @property
    def pushed(self) -> list[dict[str, Any]]:
        return [json.loads(got.body) for got in self.ntfy.got]

    @property
    def posted(self) -> list[dict[str, Any]]:
        return [json.loads(got.body) for got in self.slack.got]

    @property
    def mailed(self) -> list[Mail]:
        return [message_from_bytes(raw) for _, raw in self.mails.got]

    def told(self) -> list[str]:
        """The titles that ntfy got."""
        sending.pump()
        return [said["title"] for said in self.pushed]


def message(key: str = "k", kind: Kind = Kind.QUESTION, **more: Any) -> Message:
    said = {"head": "QUESTION", "what": "Which one?", "page": "/admin/inbox/", **more}
    return Message(key=key, kind=kind, **said)


def ask(action_class: ActionClass = ActionClass.DESTRUCTIVE, **terms: Any) -> Any:
    action = Action(
        tool="delete_pod",
        arguments={"pod": "web-1"},
        action_class=action_class,
        resource=Resource(type="pod", name="shop/web-1"),
        principal=Principal(kind=ActorKind.AGENT, name="k8s"),
        trace_id="tr_1",
    )
    return approvals.request(action, policy="p", **terms)
