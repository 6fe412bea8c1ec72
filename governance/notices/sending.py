"""The outbox is emptied: by a few threads of a worker, and tried again for about a day."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, assert_never

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils.timezone import now

from aura.config import NoticeChannel
from aura.kernel.deliveries import LONGEST_ASKED_S, retry_after
from aura.kernel.hands import Hands
from aura.kernel.secrets import redact
from governance.models import Notice
from governance.notices import links, mail, messages, ntfy, slack
from governance.notices.messages import Message
from governance.notices.outbox import OVER
from governance.notices.posting import Sent

THREADS: Final = 2
LEASE: Final = timedelta(minutes=2)  # longer than any attempt
DIGEST: Final = 4  # so many that are due at once over one channel are told together
AT_ONCE: Final = 500
LISTED: Final = 10  # of those told together
LOCK: Final = 0x4E4F5449  # any number that no other advisory lock of the product uses

logger = logging.getLogger(__name__)


def due() -> QuerySet[Notice]:
    return Notice.objects.filter(next_at__lte=Now()).order_by("next_at", "pk")


def pump() -> None:
    """Send what is due, until nothing is left that is not being sent already."""
    while not hands.stopping and (notices := _claim()):
        _finish(notices, _tried(notices))


hands = Hands("notices", pump, threads=THREADS)


def send(channel: NoticeChannel, message: Message) -> Sent:
    """One attempt, now. Whatever happens is the outcome."""
    link = links.url(message.page, until=message.until)
    match channel:
        case NoticeChannel.EMAIL:
            return mail.send(message, link)
        case NoticeChannel.NTFY:
            return ntfy.send(message, link)
        case NoticeChannel.SLACK:
            return slack.send(message, link)
        case _ as never:
            assert_never(never)


def _claim() -> list[Notice]:
    """What is due and goes out together, its attempt counted; due again if we die meanwhile."""
    with transaction.atomic():
        _alone()
        first = due().select_for_update(skip_locked=True).first()
        if first is None:
            return []
        alike = due().filter(channel=first.channel).select_for_update(skip_locked=True)
        claimed = list(alike[:AT_ONCE])
        if len(claimed) < DIGEST:
            claimed = [first]
        for notice in claimed:
            notice.attempts += 1
        chosen = Notice.objects.filter(pk__in=[notice.pk for notice in claimed])
        chosen.update(attempts=F("attempts") + 1, next_at=Now() + LEASE)
    return claimed


def _alone() -> None:
    """One claim at a time, until the transaction's end: two at once would share what belongs
    together, and neither would find enough of it for a digest.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def _tried(notices: Sequence[Notice]) -> Sent:
    """What nobody foresaw is an outcome too: else it would be tried for ever, before all others."""
    try:
        return _sent(notices)
    except DatabaseError:
        raise
    except Exception as error:
        logger.exception("%s could not be sent by %s", notices[0], notices[0].channel)
        return Sent(error=redact(f"{type(error).__name__}: {error}"), again=True)


def _sent(notices: Sequence[Notice]) -> Sent:
    channel = NoticeChannel(notices[0].channel)
    if channel not in settings.AURA.notice_channels:
        return Sent(error="nobody is to be told any more")
    said = [messages.of(notice.body) for notice in notices]
    lasting = [each for each in said if each.until is None or each.until > now()]
    if not lasting:
        return Sent(error=OVER)
    return send(channel, lasting[0] if len(lasting) == 1 else digest(lasting))


def digest(said: Sequence[Message]) -> Message:
    """Many messages as one, the loudest first, which leads to the inbox."""
    loudest = sorted(said, key=lambda each: -each.priority)
    lines = [f"{each.head}: {each.what}" for each in loudest[:LISTED]]
    if more := len(said) - len(lines):
        lines.append(f"and {more} more")
    first = loudest[0]
    return Message(
        key=f"{first.key}-and-{len(said) - 1}-more",
        kind=first.kind,
        head="AURA",
        what=f"{len(said)} things need somebody",
        lines=lines,
        page="/admin/inbox/",
        call="Look at all of them",
        priority=first.priority,
        tags=first.tags,
    )


def _finish(notices: Sequence[Notice], sent: Sent) -> None:
    if sent.again and sent.asked_s:
        _leave_alone(notices[0].channel, sent.asked_s)
    # Who failed together comes back together: one pause, with one spread, for all.
    pauses = {
        attempts: retry_after(attempts, asked_s=sent.asked_s) if sent.again else None
        for attempts in {notice.attempts for notice in notices}
    }
    for notice in notices:
        row = Notice.objects.filter(pk=notice.pk, sent_at=None)
        if not sent.error:
            row.update(sent_at=now(), next_at=None, error="")
            continue
        pause = pauses[notice.attempts]
        if pause is None:
            logger.warning("%s by %s is given up: %s", notice, notice.channel, sent.error)
        # What was withdrawn meanwhile stays so.
        row.filter(next_at__isnull=False).update(
            error=sent.error, next_at=Now() + pause if pause else None
        )


def _leave_alone(channel: str, asked_s: float) -> None:
    """What waits for this channel waits longer, as its server asked; then it goes out together."""
    until = Now() + timedelta(seconds=min(asked_s, LONGEST_ASKED_S))
    sooner = Notice.objects.filter(channel=channel, next_at__lt=until)
    with transaction.atomic():
        waiting = sooner.select_for_update(skip_locked=True)
        Notice.objects.filter(pk__in=waiting.values("pk")).update(next_at=until)
