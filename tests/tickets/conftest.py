"""A real repository and a person, for tests that drive tickets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from governance.types import ActorKind, Principal
from tests.fakes import ScriptedModel, bare_repository, workshop
from tickets import drive, services
from tickets.models import Ticket

OPS = Principal(kind=ActorKind.USER, name="ops")
AUTHOR = Principal(kind=ActorKind.USER, name="ada")  # who asks does not approve


class Desk:
    """A desk with one scripted agent on one repository."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.repository: Path | str = bare_repository(root)

    def open(self, title: str = "Add nginx", **more: Any) -> Ticket:
        """A ticket whose run is due."""
        ticket = services.create_ticket(title=title, description="Please.", actor=AUTHOR, **more)
        services.run_ticket(ticket, actor=OPS)
        return ticket

    def advance(self, ticket: Ticket, *script: Any, model: Any = None, **settings: Any) -> Any:
        """One segment with this script; the ticket is read anew. Returns the model."""
        scripted = model or ScriptedModel(list(script))
        shop = workshop(scripted, self.repository, self.root / "work", **settings)
        drive.advance(ticket.pk, shop)
        ticket.refresh_from_db()
        return scripted


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
