"""Telling a receiver by HTTP: one attempt, signed as Standard Webhooks says, and when the next is.

Sent through the guard of `aura.kernel.outbound`; who keeps the messages keeps the queue.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils.timezone import now
from standardwebhooks import Webhook

from aura.config import VERSION
from aura.kernel import backoff, outbound
from aura.kernel.outbound import Failed, NotAllowed
from aura.kernel.secrets import redact
from aura.kernel.telemetry import metrics

PREFIX = "whsec_"
RESPONSE_CHARS = 1000
LEASE = timedelta(seconds=20)  # longer than any attempt
FIRST_RETRY_S = 5.0
LONGEST_RETRY_S = 6 * 3600.0
LONGEST_ASKED_S = 3600.0  # by a receiver; past that its wish is taken for a mistake
MOST_ATTEMPTS = 12  # after 5 s, 15 s, 45 s … 6 h, 6 h: about a day
GONE = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of an attempt: a status code, or an `error` in words."""

    status_code: int | None = None
    error: str = ""
    response: str = ""
    duration_ms: int = 0

    @property
    def good(self) -> bool:
        return self.status_code is not None and self.status_code // 100 == 2  # noqa: PLR2004


def secret_of(key: bytes) -> str:
    """A signing secret as receivers' libraries read it, `whsec_…`."""
    return PREFIX + b64encode(key).decode()


def attempt(
    url: str,
    *,
    message_id: str,
    body: str,
    secrets: Sequence[str],
    headers: Mapping[str, str] | None = None,
) -> Outcome:
    """Send one message. Whatever happens is the outcome; call it outside any transaction.

    `headers` (names in lower case) are sent beside those of the standard.
    """
    began = time.monotonic()
    sent = {**(headers or {}), **signed(message_id, body, secrets)}
    outcome = _attempt(url, sent, body, began)
    kind = "failed" if outcome.error else "delivered" if outcome.good else "refused"
    metrics.WEBHOOK_SECONDS.labels(kind).observe(time.monotonic() - began)
    return outcome


def signed(message_id: str, body: str, secrets: Sequence[str]) -> dict[str, str]:
    """The headers of an attempt made now; every secret signs."""
    moment = now()
    signatures = [Webhook(secret).sign(message_id, moment, body) for secret in secrets]
    return {
        "content-type": "application/json",
        "user-agent": f"Aura/{VERSION}",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def retry_after(attempts: int, *, asked_s: float = 0.0) -> timedelta | None:
    """How long to wait after so many failed attempts; None after the last one.

    `asked_s`: so long the receiver asked to be left alone, which is obeyed for an hour.
    """
    if attempts >= MOST_ATTEMPTS:
        return None
    pause_s = backoff.pause_s(
        attempts, first_s=FIRST_RETRY_S, longest_s=LONGEST_RETRY_S, factor=3.0
    )
    return timedelta(seconds=max(pause_s, min(asked_s, LONGEST_ASKED_S)))


def _attempt(url: str, headers: dict[str, str], body: str, began: float) -> Outcome:
    try:
        answer = outbound.post(url, body.encode(), headers)
    except NotAllowed as refusal:
        return Outcome(error=refusal.message)
    except Failed as failure:
        return Outcome(error=str(failure), duration_ms=_since(began))
    text = answer.body[: 4 * RESPONSE_CHARS].decode(errors="replace").replace("\0", "�")
    return Outcome(
        status_code=answer.status,
        response=redact(text)[:RESPONSE_CHARS],
        duration_ms=_since(began),
    )


def _since(began: float) -> int:
    return int((time.monotonic() - began) * 1000)
