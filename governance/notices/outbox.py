"""What is to be told is a row for each channel that is told of it, written with the change."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.timezone import now

from governance.models import LinkUse, Notice
from governance.notices.messages import Message

OVER: Final = "it was over before anybody was told"
KEEP: Final = timedelta(days=30)  # so long what was told, or given up, is shown


def tell(message: Message) -> None:
    """Have people told of it; in the transaction that made it true. The second time is nothing."""
    if channels := settings.AURA.told_of(message.kind):
        body = message.cleaned().body()
        Notice.objects.bulk_create(
            [
                Notice(key=message.key, channel=channel, kind=message.kind, body=body)
                for channel in channels
            ],
            ignore_conflicts=True,
        )


def withdraw(key: str) -> None:
    """What was not sent yet needs not be known any more."""
    if not settings.AURA.notice_channels:
        return
    waiting = Notice.objects.filter(key=key, next_at__isnull=False)
    waiting.update(next_at=None, error=OVER)


def forget_old() -> None:
    """Once a day: remove what was told long ago, and uses of links that lead nowhere any more."""
    Notice.objects.filter(Q(next_at=None) & Q(created_at__lt=now() - KEEP)).delete()
    LinkUse.objects.filter(until__lt=Now()).delete()
