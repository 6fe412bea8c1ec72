"""Certificates in TLS secrets: expired, not yet valid, near their end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agents.kubernetes.kinds import Object
from agents.kubernetes.reading import name_of, part, parts, text
from agents.kubernetes.triage.remedies import manual
from agents.kubernetes.triage.snapshot import Snapshot
from agents.triage.findings import Finding, Severity

_SOON_S: Final = 14 * 86_400.0


def expiry(snapshot: Snapshot) -> Iterator[Finding]:
    """A certificate is past its time, or ends within 14 days."""
    for secret in snapshot.all("Secret"):
        known = part(secret, "certificate")
        if not known:
            continue
        past = snapshot.since(text(known, "notAfter"))
        early = snapshot.since(text(known, "notBefore")) < 0
        if past < -_SOON_S and not early:
            continue
        over = past > 0 or early
        users = _users(snapshot, secret)
        yield Finding(
            cause="network/certificate-expired" if over else "network/certificate-expires",
            object=snapshot.place(secret),
            severity=(Severity.CRITICAL if users else Severity.WARNING) if over else Severity.INFO,
            confidence=0.99,
            summary=_summary(secret, users, early=early, over=over),
            evidence=snapshot.facts(
                secret,
                ("certificate", "notAfter"),
                ("certificate", "notBefore"),
                ("certificate", "subject"),
            ),
            remedy=manual("Renew the certificate; look at cert-manager if it should have."),
        )


def _summary(secret: Object, users: list[str], *, early: bool, over: bool) -> str:
    known = part(secret, "certificate")
    when = (
        f"is not valid before {text(known, 'notBefore')}"
        if early
        else (f"{'ended' if over else 'ends'} at {text(known, 'notAfter')}")
    )
    used = f" Ingress {', '.join(users)} uses it." if users else ""
    return f"The certificate in secret {name_of(secret)} {when}.{used}"


def _users(snapshot: Snapshot, secret: Object) -> list[str]:
    return [
        name_of(ingress)
        for ingress in snapshot.all("Ingress")
        if name_of(secret) in {text(it, "secretName") for it in parts(ingress, "spec", "tls")}
    ]


RULES: Final = (expiry,)
