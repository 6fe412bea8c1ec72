"""Every channel, over the real wire."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from governance.notices import sending
from tests.governance.notices.wires import BASE, TOKEN, World
from tests.stubs.mailbox import mailbox
from tests.stubs.receiver import receiving


@pytest.fixture
def world(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Every channel is configured, and told of everything."""
    monkeypatch.setattr(sending.hands, "wake", lambda: None)
    with ExitStack() as stack:
        made = World(
            stack.enter_context(mailbox()),
            stack.enter_context(receiving()),
            stack.enter_context(receiving()),
            settings,
        )
        made.set(
            public_url=BASE,
            email_to=("ops@example.com",),
            email_from="aura@example.com",
            smtp_host="127.0.0.1",
            smtp_port=made.mails.port,
            notify_provider="ntfy",
            ntfy_server=made.ntfy.url(""),
            ntfy_topic="aura-7f3a",
            ntfy_token=TOKEN,
            slack_webhook_url=made.slack.url("/services/T0/B0/secret"),
            notify=(),
        )
        yield made
