"""The fingerprint that binds an approval to one exact action, under the policy in force."""

from __future__ import annotations

import hashlib

from governance.audit.canonical import canonical
from governance.policy import current
from governance.types import Action


def fingerprint(action: Action) -> str:
    """SHA-256 (hex) over everything that makes this action this action, policy version included."""
    bound = {
        "tool": action.tool,
        "arguments": dict(action.arguments),
        "resource": {
            "type": action.resource.type,
            "name": action.resource.name,
            "namespace": action.resource.namespace,
            "place": action.resource.place,
        },
        "principal": str(action.principal),
        "policy": current.version(),
        "preconditions": dict(action.preconditions),
    }
    return hashlib.sha256(canonical(bound)).hexdigest()
