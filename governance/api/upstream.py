"""The auditd of another installation, where HELPDESK_AUDIT_URL names one (behaviour §1.2)."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlsplit

import httpx
from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from aura.config import Settings
from aura.kernel.errors import Problem

TIMEOUT_S: Final = 10.0
BYTES_MOST: Final = 32 * 1024 * 1024
PASSED: Final = ("X-Truncated", "X-Trace-ID")
HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class GovernanceAway(Problem):
    code, status = "GOVERNANCE_UNAVAILABLE", 502


def elsewhere() -> bool:
    """Does the setting name another auditd than the one of this process?"""
    config: Settings = settings.AURA
    if not config.audit_url:
        return False
    place = urlsplit(config.audit_url)
    return not (place.hostname in HERE and place.port == config.ports.auditd)


def ask(request: Request, path: str, names: dict[str, str]) -> HttpResponse:
    """Its answer to the same query, status and body as they came. Raises `GovernanceAway`.

    `path` has `{name}` where the route of the request has a part of that name. Who may ask is
    judged here; there the credential is HELPDESK_AUDIT_API_KEY.
    """
    config: Settings = settings.AURA
    quoted = {name: quote(value, safe="") for name, value in names.items()}
    query = request.META.get("QUERY_STRING", "")
    url = f"{config.audit_url.rstrip('/')}{path.format(**quoted)}{'?' if query else ''}{query}"
    headers = {"Accept": "application/json"}
    if config.audit_api_key:
        headers["Authorization"] = f"Bearer {config.audit_api_key}"
    if trace := request.headers.get("X-Trace-ID", ""):
        headers["X-Trace-ID"] = trace
    try:
        return _passed_on(url, headers)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise GovernanceAway("governance service unavailable") from error


def _passed_on(url: str, headers: dict[str, str]) -> HttpResponse:
    with (
        httpx.Client(timeout=TIMEOUT_S, trust_env=False) as client,
        client.stream("GET", url, headers=headers) as answer,
    ):
        body = bytearray()
        for part in answer.iter_bytes():
            body += part
            if len(body) > BYTES_MOST:
                raise GovernanceAway("governance service unavailable: its answer is too long")
        kept = {name: answer.headers[name] for name in PASSED if name in answer.headers}
        return HttpResponse(
            bytes(body), status=answer.status_code, content_type="application/json", headers=kept
        )
