"""What a ticket may claim of the cluster, told from the calls that it has made."""

from __future__ import annotations

from typing import Any

import pytest

from agents.runtime.tool import ToolFailure
from aura.config import ConfigError, load
from tests import builders
from tickets import claims
from tickets.models import Ticket

pytestmark = pytest.mark.django_db

MERGE = "a" * 40


def made(ticket: Ticket, tool: str, **data: Any) -> None:
    """A call of the ticket that has succeeded."""
    with builders.worker(ticket) as journal:
        builders.done(journal, builders.says(journal, tool), **data)
    ticket.refresh_from_db()
    ticket.run.due_at = ticket.created_at
    ticket.run.save(update_fields=["due_at"])


def seen(ticket: Ticket, app: str, sha: str, **more: Any) -> None:
    made(
        ticket,
        "argo_app_wait",
        **{"app": app, "expected": sha, "healthy": True, "ours": True, "also": [], **more},
    )


def test_a_merge_that_goes_into_two_applications_is_seen_in_both():
    ticket = builders.executing()
    made(ticket, "git_merge", sha=MERGE, files=["x"])
    seen(ticket, "shop", MERGE, also=["till"])
    with pytest.raises(ToolFailure, match="also goes into till"):
        claims.refuse_unseen(ticket)
    seen(ticket, "till", "b" * 40)
    with pytest.raises(ToolFailure, match="also goes into till"):
        claims.refuse_unseen(ticket)
    seen(ticket, "till", MERGE, also=["shop"])
    claims.refuse_unseen(ticket)


def test_what_was_well_and_is_ill_now_is_not_well():
    ticket = builders.executing()
    made(ticket, "git_merge", sha=MERGE, files=["x"])
    seen(ticket, "shop", MERGE)
    claims.refuse_unseen(ticket)
    seen(ticket, "shop", MERGE, healthy=False)
    with pytest.raises(ToolFailure, match="nobody has seen the merged commit healthy"):
        claims.refuse_unseen(ticket)


def test_a_preview_counts_for_the_commit_that_was_pushed_last():
    ticket = builders.executing()
    with pytest.raises(ToolFailure, match="argo_preview_start"):
        claims.refuse_untried(ticket)
    made(ticket, "git_push", sha="1111111", branch="b")
    seen(ticket, "aura-preview-x-shop", "1111111", ours=False)
    claims.refuse_untried(ticket)
    made(ticket, "git_push", sha="2222222", branch="b")
    with pytest.raises(ToolFailure, match="argo_preview_start"):
        claims.refuse_untried(ticket)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"AURA_ARGOCD_PREVIEW": "target-revision"}, "needs AURA_ARGOCD_SERVER"),
        (
            {"AURA_ARGOCD_PREVIEW": "application", "AURA_ARGOCD_CONTEXT": "x"},
            "needs AURA_ARGOCD_SERVER, which renders",
        ),
        (
            {
                "AURA_ARGOCD_PREVIEW": "target-revision",
                "AURA_ARGOCD_CONTEXT": "x",
                "AURA_AGENT_AUTO_MERGE": "false",
            },
            "needs AURA_AGENT_AUTO_MERGE",
        ),
        ({"AURA_ARGOCD_PREVIEW": "branch"}, "AURA_ARGOCD_PREVIEW"),
    ],
)
def test_a_preview_that_could_never_be_stops_the_start(monkeypatch, setting, words):
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=words):
        load()
