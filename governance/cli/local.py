"""A decision of a policy file, made here: no server, no database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from governance import inventory
from governance.cli import spans
from governance.cli.frame import Failure
from governance.inventory import InventoryRefused
from governance.policy import trace
from governance.policy.engine import CompiledPolicy
from governance.policy.loader import load
from governance.policy.nodes import PolicyRefused
from governance.policy.types import PolicyRequest
from governance.types import ANONYMOUS, ActionClass, ActorKind, Principal, Resource


def explain(  # noqa: PLR0913 - what a request consists of, each by its name
    file: Path,
    *,
    infra: Path | None,
    kind: str,
    name: str,
    action: str,
    tags: frozenset[str],
    user: str,
    role: str,
) -> dict[str, Any]:
    """The trace, as the server's explain answers it. Raises `Failure`."""
    try:
        known = inventory.configured(infra) if infra else None
        text = file.read_text(encoding="utf-8")
        document = load(text, str(file), inventory=known)
    except (PolicyRefused, InventoryRefused) as refusal:
        raise Failure(f"it cannot be used\n{refusal}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{file} cannot be read: {error}") from None
    resource = Resource(type=kind, name=name, tags=tags)
    policy = CompiledPolicy(document, source=str(file), clock=spans.now)
    request = PolicyRequest(
        principal=Principal(
            kind=ActorKind.USER,
            name=user or ANONYMOUS,
            roles=frozenset({role} if role else ()),
        ),
        tool="",
        action_class=ActionClass(action),
        resource=known.described(resource) if known and not tags else resource,
    )
    return trace.explain(policy, request)
