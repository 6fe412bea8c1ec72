"""The fingerprint that binds an approval to one exact action. Pure."""

from __future__ import annotations

import hashlib

from governance.audit.canonical import canonical
from governance.policy.engine import VERSION
from governance.types import Action


def fingerprint(action: Action) -> str:
    """SHA-256 (hex) over everything that makes this action this action, policy version included."""
    bound = {
        "tool": action.tool,
        "arguments": dict(action.arguments),
        "resource": {"type": action.resource.type, "name": action.resource.name},
        "principal": str(action.principal),
        "policy": VERSION,
        "preconditions": dict(action.preconditions),
    }
    return hashlib.sha256(canonical(bound)).hexdigest()
