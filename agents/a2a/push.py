"""Push notifications: a client's URL is told how its task stands, whenever that changes.

As webhooks are (`aura.kernel.deliveries`): guarded against SSRF, signed as Standard Webhooks says
with the installation's secret (`manage.py callback_secret`), with the token and the credentials
that the client gave, and tried again. The row is the queue: it is due while the task has a version
that its receiver was not told of. Who is told late is told the newest state alone.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from agents.a2a.errors import InvalidParams, TaskNotFound
from agents.a2a.incoming import text_of
from agents.a2a.outgoing import Json, Shown, whole
from agents.external.protocol import Protocol
from agents.models import ENDED_TASK, HelpdeskTask, PushConfig
from aura.kernel import deliveries, outbound, rows
from aura.kernel.deliveries import GONE, LEASE, Outcome, retry_after
from aura.kernel.hands import Hands
from aura.kernel.outbound import NotAllowed
from aura.kernel.sealing import Unreadable, seal, unseal
from governance.approvals.callbacks import secrets

THREADS = 4
MOST = 10  # of one task
UNNAMED = "default"  # protocol 0.3 has one of a task that nobody gave an id
SECRET_CHARS = 4096
_SCHEME = re.compile(r"[A-Za-z0-9]{1,64}")
TOKEN_HEADER = "x-a2a-notification-token"  # noqa: S105 - its name


class Wanted(NamedTuple):
    """What a client asks for, checked."""

    name: str
    url: str
    token: str
    scheme: str
    credentials: str
    protocol: Protocol


def wanted(config: Mapping[str, Any], protocol: Protocol) -> Wanted:
    """Raises `InvalidParams`, also for a URL that may not be asked."""
    url = config.get("url")
    try:
        outbound.parse(url if isinstance(url, str) else "")
    except NotAllowed as refusal:
        raise InvalidParams(f'"url": {refusal.message}') from None
    scheme, credentials = _authentication(config.get("authentication"), protocol)
    return Wanted(
        name=text_of(config, "id"),
        url=str(url),
        token=_secret(config.get("token"), "token"),
        scheme=scheme,
        credentials=credentials,
        protocol=protocol,
    )


def keep(task: HelpdeskTask, config: Wanted) -> PushConfig:
    """Stored with the task; one of the same id is replaced. Raises `InvalidParams`."""
    name = config.name or (UNNAMED if config.protocol is Protocol.OLD else str(uuid.uuid4()))
    if task.push_configs.exclude(name=name).count() >= MOST:
        raise InvalidParams(f"A task has at most {MOST} push notification configurations")
    values = {
        "url": config.url,
        "token": seal(config.token) if config.token else "",
        "scheme": config.scheme,
        "credentials": seal(config.credentials) if config.credentials else "",
        "protocol": config.protocol,
        "told_version": task.version,
        "next_at": None if task.state in ENDED_TASK else Now(),
        "attempts": 0,
    }
    kept, _ = PushConfig.objects.update_or_create(task=task, name=name, defaults=values)
    return kept


def find(task: HelpdeskTask, name: str) -> PushConfig:
    """Without a name the first one. Raises `TaskNotFound`."""
    found = task.push_configs.order_by("pk")
    config = found.filter(name=name).first() if name else found.first()
    if config is None:
        raise TaskNotFound("There is no such push notification configuration", taskId=task.key)
    return config


def shown(config: PushConfig, protocol: Protocol) -> Json:
    """What a client is told of it; its secrets stay here."""
    new = protocol is Protocol.NEW
    content: Json = {"id": config.name, "url": config.url}
    if config.scheme:
        key, value = ("scheme", config.scheme) if new else ("schemes", [config.scheme])
        content["authentication"] = {key: value}
    if new:
        return {"taskId": config.task.key, **content}
    return {"taskId": config.task.key, "pushNotificationConfig": content}


def any_waits() -> bool:
    """Whether any receiver may be due: asked after every segment, and seldom true."""
    found = rows.ask(
        "SELECT EXISTS (SELECT FROM agents_pushconfig WHERE next_at <= statement_timestamp())", ()
    )
    return bool(found and found[0])


def due() -> QuerySet[PushConfig]:
    """Receivers that were not told of what their task has become."""
    behind = PushConfig.objects.filter(task__version__gt=F("told_version"))
    return behind.filter(next_at__lte=Now()).order_by("next_at", "pk")


def pump() -> None:
    """Tell who is to be told, until all are, or are being told already."""
    while not hands.stopping and (config := _claim()):
        if due().exists():
            hands.wake()
        version, ended = config.task.version, config.task.state in ENDED_TASK
        _finish(config, _attempt(config), version=version, ended=ended)


hands = Hands("a2a-push", pump, threads=THREADS)


def _attempt(config: PushConfig) -> Outcome:
    task = config.task
    told = Shown.of(task, [one.message for one in task.messages.all()])
    try:
        headers = _headers(config)
    except Unreadable as error:
        return Outcome(error=f"The client's secret is {error}")
    return deliveries.attempt(
        config.url,
        message_id=f"{task.key}-{task.version}",
        body=json.dumps(whole(told, Protocol(config.protocol))),
        secrets=secrets(),
        headers=headers,
    )


def _headers(config: PushConfig) -> dict[str, str]:
    headers = {}
    if config.token:
        headers[TOKEN_HEADER] = unseal(config.token)
    if config.credentials:
        headers["authorization"] = f"{config.scheme} {unseal(config.credentials)}"
    return headers


def _claim() -> PushConfig | None:
    """One that is due, its attempt counted; due again if we die before it has ended."""
    with transaction.atomic():
        rows = due().select_for_update(of=("self",), skip_locked=True)
        config = rows.select_related("task").first()
        if config is None:
            return None
        config.attempts += 1
        PushConfig.objects.filter(pk=config.pk).update(
            attempts=config.attempts, next_at=Now() + LEASE
        )
    return config


def _finish(config: PushConfig, outcome: Outcome, *, version: int, ended: bool) -> None:
    row = PushConfig.objects.filter(pk=config.pk)
    error = outcome.error or ("" if outcome.good else outcome.response)
    seen: dict[str, Any] = {"status_code": outcome.status_code, "error": error}
    pause = None if outcome.status_code == GONE else retry_after(config.attempts)
    if outcome.good:
        row.update(told_version=version, attempts=0, next_at=None if ended else Now(), **seen)
    else:
        row.update(next_at=None if pause is None else Now() + pause, **seen)


def _authentication(given: Any, protocol: Protocol) -> tuple[str, str]:
    """(scheme, credentials)"""
    if given is None:
        return "", ""
    if not isinstance(given, Mapping):
        raise InvalidParams('"authentication" must be an object')
    scheme = given.get("scheme") if protocol is Protocol.NEW else next(iter(_schemes(given)), "")
    if not isinstance(scheme, str) or not _SCHEME.fullmatch(scheme):
        raise InvalidParams('"authentication" must name a scheme such as Bearer')
    return scheme, _secret(given.get("credentials"), "credentials")


def _schemes(given: Mapping[str, Any]) -> list[Any]:
    schemes = given.get("schemes")
    return schemes if isinstance(schemes, list) else []


def _secret(given: Any, name: str) -> str:
    """Fit for a header."""
    if given in (None, ""):
        return ""
    fits = isinstance(given, str) and len(given) <= SECRET_CHARS
    if not fits or not given.isascii() or not given.isprintable():
        raise InvalidParams(f'"{name}" must be printable ASCII text')
    return str(given)
