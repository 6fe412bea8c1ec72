"""Links of messages: signed, good until they end, and for each person once.

A link decides nothing and lets nobody in: it leads to a page of the console, after login, and what
may be seen there is decided there.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Final

from django.conf import settings
from django.core import signing
from django.utils.timezone import now

from aura.config import Settings
from governance.models import LinkUse

SALT: Final = "governance.notices.links"
LASTS: Final = timedelta(days=7)  # where what it is about has no end of its own


class LinkRefused(Exception):
    """It leads nowhere; the text says why. `page`: where it led, for one that was ours."""

    def __init__(self, text: str, *, title: str, page: str = "", status: int = 410) -> None:
        super().__init__(text)
        self.title, self.page, self.status = title, page, status


def url(page: str, *, until: datetime | None) -> str:
    """A new link to a path of the console."""
    return address(f"/admin/decide/{sign(page, until=until or now() + LASTS)}/")


def address(path: str) -> str:
    """A path of the console as people reach it."""
    config: Settings = settings.AURA
    return f"{config.console_url}{path}"


def sign(page: str, *, until: datetime) -> str:
    """The last part of a new link."""
    said = [page, int(until.timestamp()), token_urlsafe(9)]
    return signing.dumps(said, salt=SALT, compress=True)


def follow(signed: str, *, person: str) -> str:
    """The path that it leads to, which it does once for each person. Raises `LinkRefused`."""
    try:
        page, until_s, nonce = signing.loads(signed, salt=SALT)
    except signing.BadSignature:
        text = "It is not one of ours, or a part of it is missing. Nothing was done."
        raise LinkRefused(text, title="This link leads nowhere", status=404) from None
    until = datetime.fromtimestamp(until_s, tz=now().tzinfo)
    if until <= now():
        text = f"It was good until {until:%Y-%m-%d %H:%M} UTC. Nothing was done."
        raise LinkRefused(text, title="This link has expired", page=page)
    _, fresh = LinkUse.objects.get_or_create(nonce=nonce, person=person, defaults={"until": until})
    if not fresh:
        text = "Each link of a message opens its page once. Nothing was done."
        raise LinkRefused(text, title="You have used this link before", page=page)
    return str(page)
