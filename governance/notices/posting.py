"""One attempt to tell a server of messages something, by HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aura.kernel import backoff, outbound
from aura.kernel.outbound import Failed, NotAllowed
from aura.kernel.secrets import redact

AGAIN: Final = frozenset({408, 425, 429})  # refusals of a client that may end
SAID_BYTES: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What came of it: no `error`, it was taken. `again`: another try may help.

    `asked_s`: so many seconds the server asked to be left alone (`Retry-After`).
    """

    error: str = ""
    again: bool = False
    asked_s: float = 0.0


def post(url: str, said: Mapping[str, Any], *, token: str = "") -> Sent:
    """Send JSON to a URL of the settings. Whatever happens is the outcome."""
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    try:
        answer = outbound.post_configured(
            url, json.dumps(said, ensure_ascii=False).encode(), headers
        )
    except NotAllowed as refusal:
        return Sent(error=refusal.message)
    except Failed as failure:
        return Sent(error=str(failure), again=True)
    kind = answer.status // 100
    if kind == 2:  # noqa: PLR2004 - the successes of HTTP
        return Sent()
    text = redact(answer.body[:SAID_BYTES].decode(errors="replace").replace("\0", "�"))
    again = kind == 5 or answer.status in AGAIN  # noqa: PLR2004
    asked_s = backoff.retry_after_s(answer.headers) or 0.0
    return Sent(error=f"status {answer.status}: {text}", again=again, asked_s=asked_s)
