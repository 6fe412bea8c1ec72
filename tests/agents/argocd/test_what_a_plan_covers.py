"""Which syncs an approved plan may cover, and which need an approval of their own."""

from __future__ import annotations

from typing import Any, cast

import pytest

from agents.argocd.tools import SYNC, argo_tools
from agents.argocd.watched import Watched
from governance.types import ActionClass

MERGE = "a" * 40


def classified(said: dict[str, Any], *, app: str = "shop", merge: str = MERGE) -> ActionClass:
    watched = Watched(desk=cast("Any", None), app=app, expected=lambda: merge)
    tool = next(each for each in argo_tools(watched) if each.name == SYNC)
    return tool.classify(tool.parameters.model_validate(said))


@pytest.mark.parametrize("said", [{}, {"app": "shop"}, {"revision": MERGE}])
def test_the_tickets_own_application_at_its_own_revision_is_a_plain_write(said):
    assert classified(said) is ActionClass.WRITE


@pytest.mark.parametrize(
    "said",
    [
        {"app": "payments"},
        {"revision": "aura/ticket-T1"},
        {"revision": "HEAD~3"},
        {"prune": True},
    ],
)
def test_another_application_or_revision_is_not_what_the_plan_said(said):
    assert classified(said) is ActionClass.DESTRUCTIVE


def test_before_anything_is_merged_no_revision_is_the_tickets_own():
    assert classified({"revision": MERGE}, merge="") is ActionClass.DESTRUCTIVE
