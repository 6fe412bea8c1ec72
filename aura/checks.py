"""What `manage.py check --deploy` says of our own settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage
from django.core.checks import Warning as Complaint

from aura.config import Settings


def tls(**_: Any) -> list[CheckMessage]:
    """Django's own checks of cookies and HSTS are silent where no TLS is declared; this is not."""
    config: Settings = settings.AURA
    if config.tls or config.loopback:
        return []
    return [
        Complaint(
            "Passwords and tokens cross the network as readable text.",
            hint="Put a proxy with TLS before Aura and set AURA_PUBLIC_URL=https://… to its name.",
            id="aura.W001",
        )
    ]


def authentication(**_: Any) -> list[CheckMessage]:
    """Off is for trying out, and refused already where other machines could reach us."""
    config: Settings = settings.AURA
    if config.auth == "on":
        return []
    said = "AURA_AUTH is off: everybody on this machine may do everything."
    return [Complaint(said, id="aura.W002")]
