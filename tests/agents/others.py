"""Other agents than the product's, for one test: nothing is remembered of either."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import pytest

from agents.a2a import app
from agents.definition import HelpdeskAgent
from agents.helpdesk import cards, catalogue

REMEMBERED = (
    (catalogue, "toolset"),
    (catalogue, "working_toolset"),
    (cards, "tools"),
    (cards, "skills"),
    (app, "_card"),
)


def in_place(monkeypatch: pytest.MonkeyPatch, agents: Sequence[HelpdeskAgent]) -> None:
    """These are the only agents until the test ends."""
    monkeypatch.setattr(catalogue, "agents", lambda: tuple(agents))
    for module, name in REMEMBERED:
        monkeypatch.setattr(module, name, cache(getattr(module, name).__wrapped__))
