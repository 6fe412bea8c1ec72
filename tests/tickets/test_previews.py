"""Before the merge: the branch in the cluster, and what people are shown when they decide."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db.models.functions import Now

from agents.argocd.previewing import Mode
from agents.runtime.tool import CallContext, ToolFailure, TransientFailure
from aura.config import Settings
from governance.policy import activation, current
from governance.types import SYSTEM, Role
from tests.admin.conftest import admin_browser, grace
from tests.fakes import bare_repository, call, git, plan, says
from tests.people import person
from tests.tickets.conftest import OPS
from tests.tickets.sites import Site, payloads, site
from tickets import previews, selectors, services
from tickets.claims import PREVIEWED
from tickets.models import Preview, Status, Ticket

__all__ = ["admin_browser", "grace", "site"]
pytestmark = pytest.mark.django_db(transaction=True)

DEPLOY = ("Deploy nginx", "Deploy nginx 1.27 in namespace web.")
MERGES_ARE_ASKED = """
policies:
  - name: merges
    resources: [{type: repository, match: {name: main}}]
    rules:
      - action: write
        effect: require_approval
        conditions: {reason_required: true, four_eyes: false}
"""


@pytest.fixture
def previewing(site: Site, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The site with branches tried in place; what ends them is called by the test itself."""
    site.settings["argocd_preview"] = "target-revision"
    same = {name: site.settings[name] for name in ("argocd_server", "argocd_token")}
    settings.AURA = Settings(**{**same, "argocd_preview_idle_s": 600.0})
    monkeypatch.setattr(previews.hands, "wake", lambda: None)
    return site


def follows(site: Site) -> str:
    app = site.cluster.get("Application", "shop", "argocd")
    return str(app["spec"]["source"]["targetRevision"])


def scripted(site: Site, path: str, text: str, *last: Any) -> tuple[Ticket, list[Any]]:
    """A ticket whose plan is approved, and the script that writes, pushes and begins a preview."""
    ticket = site.desk.open()
    steps = [
        {"description": "Write", "tool": "git_write_file", "path": path},
        {"description": "Try it", "tool": PREVIEWED},
    ]
    site.desk.advance(ticket, says(plan(*steps)), **site.settings)
    services.approve_plan(ticket, actor=OPS)
    return ticket, [
        says(call("git_write_file", path=path, content=text)),
        says(call("git_stage", files=["."])),
        says(call("git_commit", message="Change it")),
        says(call("git_push")),
        says(call(PREVIEWED)),
        *map(says, last),
    ]


def started(site: Site) -> tuple[Ticket, Any]:
    """A ticket at work whose branch is in the cluster, and its tool."""
    asks = call("ask_question", question="What now?")
    ticket, script = scripted(site, "apps/one.yaml", _yaml("1"), asks)
    site.desk.advance(ticket, *script, **site.settings)
    assert follows(site) == f"aura/ticket-{ticket.pk}"
    Ticket.objects.filter(pk=ticket.pk).update(status=Status.EXECUTING)
    ticket.refresh_from_db()
    return ticket, site.tool(ticket, Mode.TARGET_REVISION)


def test_the_branch_runs_before_it_is_merged_and_then_all_is_as_it_was(previewing):
    site = previewing
    ticket = site.ticket(*DEPLOY)
    tools = [step.tool for step in ticket.steps.all()]
    assert tools[-4:] == [PREVIEWED, "argo_app_wait", "git_merge", "argo_app_wait"]
    site.followed(ticket, meanwhile=previews.pump)
    assert ticket.status == Status.RESOLVED, ticket.last_error
    assert (follows(site), site.image()) == ("main", "nginx:1.27")
    (pushed,), (merge,) = payloads(ticket, "push_executed"), payloads(ticket, "merge_completed")
    waits = ticket.run.calls.filter(tool="argo_app_wait")
    assert [each.data["expected"] for each in waits] == [pushed["sha"], merge["sha"]]
    told = {"app": "shop", "mode": "target-revision", "branch": f"aura/ticket-{ticket.pk}"}
    assert payloads(ticket, "preview_started") == payloads(ticket, "preview_ended") == [told]


def test_what_is_ill_in_the_preview_is_never_merged(previewing):
    site = previewing
    before = git(site.desk.repository, "rev-parse", "main")
    ticket = site.ticket("Deploy nginx", "Deploy nginx 1.28-nonexistent in namespace web.")
    site.followed(ticket)
    assert ticket.status == Status.FAILED
    assert "so it is not merged: Not healthy: " in ticket.last_error
    assert git(site.desk.repository, "rev-parse", "main") == before
    assert follows(site).startswith("aura/ticket-")
    previews.pump()  # as the sweep does
    assert follows(site) == "main"
    assert payloads(ticket, "preview_ended")


def test_every_end_of_a_ticket_ends_its_preview(previewing):
    site = previewing
    ticket, tool = started(site)
    previews.pump()
    assert follows(site) != "main"  # somebody is at work
    Ticket.objects.filter(pk=ticket.pk).update(status=Status.PAUSED)
    previews.pump()
    assert follows(site) != "main"  # and may be again soon
    Ticket.objects.filter(pk=ticket.pk).update(updated_at=Now() - timedelta(hours=1))
    previews.pump()
    assert follows(site) == "main"
    assert previews.running(ticket) is None
    # Begun again, and cancelled.
    Ticket.objects.filter(pk=ticket.pk).update(status=Status.EXECUTING)
    tool.run(tool.parameters(), CallContext(call_id="again", trace_id="t"))
    assert follows(site) != "main"
    ticket.refresh_from_db()
    services.cancel_ticket(ticket, actor=OPS)
    previews.pump()
    assert follows(site) == "main"
    assert len(payloads(ticket, "preview_ended")) == 2


def test_a_worker_that_dies_while_it_begins_leaves_nothing_behind(previewing):
    site = previewing
    ticket, tool = started(site)
    row = Preview.objects.get(ticket=ticket)
    mine, other = (CallContext(call_id=each, trace_id="t") for each in (row.call, "other"))
    Preview.objects.update(started_at=None)
    assert tool.probe(tool.parameters(), other) is None
    assert tool.probe(tool.parameters(), mine).data["app"] == "shop"
    # Killed before Argo CD was asked, and cancelled: another worker may be at it for a while yet.
    Preview.objects.update(started_at=None)
    services.cancel_ticket(ticket, actor=OPS)
    previews.pump()
    assert follows(site) == "main"
    assert Preview.objects.get().ended_at is None
    Preview.objects.update(created_at=Now() - timedelta(minutes=5), next_at=None)
    previews.pump()
    assert Preview.objects.get().ended_at is not None


def test_an_argo_cd_that_is_away_is_asked_until_it_is_back(previewing, settings):
    site = previewing
    ticket, _ = started(site)
    services.cancel_ticket(ticket, actor=OPS)
    right = django_settings.AURA
    settings.AURA = Settings(argocd_server="http://127.0.0.1:1")
    for _ in range(3):
        Preview.objects.update(next_at=None)
        previews.pump()
    assert "cannot be reached" in Preview.objects.get().error
    (told,) = payloads(ticket, "error_occurred")
    assert "still follows" in told["message"]
    settings.AURA = right
    Preview.objects.update(next_at=None)
    previews.pump()
    assert follows(site) == "main"


def test_one_ticket_at_a_time_tries_its_branch_in_an_application(previewing):
    site = previewing
    first, _ = started(site)
    second = site.ticket(*DEPLOY)
    assert site.watched(first).others("shop") == []
    assert site.watched(second).others("shop") == [f"ticket {str(first.pk)[:8]}"]
    site.advance(second)  # writes, pushes, and waits for its turn
    assert second.run.calls.get(tool=PREVIEWED).state != "done"
    assert not second.previews.exists()
    tool = site.tool(second, Mode.TARGET_REVISION)
    with pytest.raises(TransientFailure, match="for now"):
        tool.run(tool.parameters(), CallContext(call_id="x", trace_id="t"))
    services.cancel_ticket(first, actor=OPS)
    previews.pump()
    site.due(second)
    site.advance(second)
    assert follows(site) == f"aura/ticket-{second.pk}"


def test_a_preview_of_its_own_is_deleted_with_the_ticket(previewing, tmp_path):
    site = previewing
    site.follow(bare_repository(tmp_path / "own", {"apps/one.yaml": _yaml("1")}))
    site.settings["argocd_preview"] = "application"
    last = call("argo_app_wait"), call("give_up", reason="tried")
    ticket, script = scripted(site, "apps/one.yaml", _yaml("2"), *last)
    model = site.desk.advance(ticket, *script, **site.settings)
    while ticket.status == Status.OBSERVING:
        site.due(ticket)
        site.desk.advance(ticket, model=model, **site.settings)
    assert "tried" in ticket.last_error
    row = Preview.objects.get()
    assert row.app == f"aura-preview-{str(ticket.pk)[:8]}-shop"
    assert site.cluster.get("ConfigMap", "one", row.namespace)["data"] == {"a": "2"}
    told = [e.data for e in ticket.run.calls.filter(tool="argo_app_wait")]
    assert [(each["app"], each["healthy"]) for each in told] == [(row.app, True)]

    def over() -> bool:
        Preview.objects.update(next_at=None)
        previews.pump()
        return Preview.objects.filter(ended_at=None).count() == 0

    site.cluster.until(over)
    assert site.cluster.list("ConfigMap", row.namespace) == []
    assert follows(site) == "main"


def test_nothing_is_merged_that_no_preview_has_shown_healthy(previewing):
    site = previewing
    ticket = site.ticket(*DEPLOY)
    tool = next(each for each in site.tools(ticket) if each.name == "git_merge")
    with pytest.raises(ToolFailure, match=f"{PREVIEWED} and argo_app_wait first"):
        tool.check(tool.parameters(summary="x"))


def test_only_the_tickets_own_application_is_tried_and_a_refusal_leaves_nothing(previewing):
    site = previewing
    ticket, _ = started(site)
    services.cancel_ticket(ticket, actor=OPS)
    previews.pump()
    other = dict(site.cluster.get("Application", "shop", "argocd"))
    site.cluster.put({**other, "metadata": {"name": "payments", "namespace": "argocd"}})
    site.settings["argocd_app_name"] = "shop"
    tool, context = site.tool(ticket, Mode.TARGET_REVISION), CallContext(call_id="x", trace_id="t")
    with pytest.raises(ToolFailure, match="payments does not deploy what this ticket changes"):
        tool.run(tool.parameters(app="payments"), context)
    site.settings["argocd_token"] = "argocd-readonly"
    tool = site.tool(ticket, Mode.TARGET_REVISION)
    with pytest.raises(ToolFailure, match="does not let this token do it"):
        tool.run(tool.parameters(), context)
    previews.pump()
    assert not Preview.objects.filter(ended_at=None).exists()
    assert follows(site) == "main"


# --- what people are shown ---


def test_the_plan_is_shown_with_where_it_goes(site, admin_browser):
    ticket = site.planned(*DEPLOY)
    shown = (selectors.plan_approval_of(ticket) or {})["preview"]
    assert shown.startswith("Goes into shop (apps): ")
    assert "it syncs by itself, prunes, heals itself" in shown
    page = admin_browser.get(f"/admin/tickets/ticket/{ticket.pk}/change/")
    assert "Goes into shop (apps): " in page.content.decode()


def test_a_merge_is_shown_with_its_dry_run_and_binds_the_commit_alone(site, admin_browser):
    version = activation.keep(MERGES_ARE_ASKED + _built_in_policies(), source="p.yaml", by=SYSTEM)
    activation.propose(version, by=person("root", Role.ADMIN))
    current.forget()
    try:
        ticket = site.followed(site.ticket(*DEPLOY))
        assert ticket.status == Status.PENDING_APPROVAL, ticket.last_error
        shown = (selectors.approval_of(ticket) or {})["preview"]
        assert shown.startswith("Dry run of shop: ok\n")
        assert "+ Deployment web/nginx" in shown
        assert "\n\nGit\ndiff --git a/" in shown, shown
        page = admin_browser.get(f"/admin/tickets/ticket/{ticket.pk}/change/")
        assert "Dry run of shop: ok" in page.content.decode()
        site.commit("README.md", "# Somebody else was here\n")
        services.decide_action(ticket, approved=True, reason="seen", actor=OPS)
        site.followed(ticket)
        assert ticket.status == Status.RESOLVED, ticket.last_error
        assert ticket.run.calls.filter(tool="git_merge").count() == 1
    finally:
        current.forget()


def test_what_the_cluster_would_refuse_is_not_merged(site):
    before = git(site.desk.repository, "rev-parse", "main")
    site.cluster.until(
        lambda: site.cluster.get("Application", "shop", "argocd")["status"]["history"]
    )
    site.cluster.fault("Application", "shop", "sync-failed", namespace="argocd")
    ticket = site.desk.open()
    script = [
        says(plan(path="apps/x/one.yaml")),
        says(call("git_write_file", path="apps/x/one.yaml", content=_yaml("1"))),
        says(call("git_stage", files=["."])),
        says(call("git_commit", message="Add it")),
        says(call("git_push")),
        says(call("git_merge", summary="Add it")),
        says(call("give_up", reason="the cluster says no")),
    ]
    site.desk.advance(ticket, script[0], **site.settings)
    services.approve_plan(ticket, actor=OPS)
    model = site.desk.advance(ticket, *script[1:], **site.settings)
    told = "".join(message.content for message in model.requests[-1].messages)
    assert "it is not merged, because Argo CD's dry run of it fails" in told
    assert 'admission webhook "policy.sandbox.aura.dev" denied the request' in told
    assert git(site.desk.repository, "rev-parse", "main") == before


# --- the other way to Argo CD ---


def test_a_ticket_is_done_over_the_kubernetes_api_alone(site):
    site.settings |= {
        "argocd_server": "",
        "argocd_token": "",
        "argocd_context": "aura-sandbox",
        "kubeconfig": str(site.cluster.kubeconfig),
    }
    ticket = site.followed(site.ticket(*DEPLOY))
    assert ticket.status == Status.RESOLVED, ticket.last_error
    assert site.image() == "nginx:1.27"


def _yaml(value: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: one\ndata:\n  a: '{value}'\n"


def _built_in_policies() -> str:
    text = (django_settings.BASE_DIR / "governance/policy/default.yaml").read_text()
    return str(text.partition("policies:\n")[2])
