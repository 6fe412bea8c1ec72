"""Links in notices: signed, and good until the request is decided or has expired.

A link decides nothing and lets nobody in: it leads to the page of the request, after login.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.core.signing import BadSignature, Signer
from django.utils.timezone import now

from governance.models import Approval, ApprovalStatus

SALT: Final = "governance.approvals.links"


class LinkRefused(Exception):
    """It leads nowhere; the text says why, and nothing of the request."""


def sign(approval: Approval) -> str:
    """The last part of the link to a request."""
    return Signer(salt=SALT).sign(str(approval.pk))


def follow(signed: str) -> UUID:
    """The request that the link leads to. Raises `LinkRefused`."""
    try:
        key = UUID(Signer(salt=SALT).unsign(signed))
    except (BadSignature, ValueError):
        raise LinkRefused("This link is not one of ours: look here for what waits.") from None
    approval = Approval.objects.filter(pk=key).only("status", "expires_at").first()
    if approval is None or approval.status != ApprovalStatus.PENDING:
        raise LinkRefused("This link was used up: the request is decided or withdrawn.")
    if approval.expires_at <= now():
        raise LinkRefused("This link has expired, as has its request.")
    return key
