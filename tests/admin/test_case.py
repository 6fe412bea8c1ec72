"""What a person reads before they decide, and how long texts are cut."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from agents.models import ToolExecution
from agents.runtime import claims
from governance import approvals
from governance.models import Approval
from governance.policy import current
from governance.templatetags.shown import MOMENTS, passed, remaining
from governance.types import ActorKind, Principal, Role
from tests import builders
from tests.admin import stories
from tests.admin.conftest import ACT, LOOK, browser_of
from tests.admin.conftest import person as staff
from tests.admin.pages import (
    act,
    approval_page,
    decide_url,
    forms_on,
    messages,
    page_of,
    submit,
    text,
    url_of,
    words_in,
)
from tests.people import person
from tickets.admin.cases import asked
from tickets.models import Ticket

pytestmark = pytest.mark.django_db

EVIL = "<script>alert(1)</script>\u202eevil\u200b\x1b[31m"
SEEN = "⟨U+202E⟩evil⟨U+200B⟩"


def words(response: Any) -> str:
    return words_in(text(response))


def test_one_sentence_first_then_what_it_touches_its_risk_and_how_it_is_undone(admin_browser):
    ticket, approval = stories.incident()
    for page in (page_of(ticket), approval_page(approval)):
        shown = words(admin_browser.get(page))
        parts = [
            "destructive",
            "left",
            "Delete pod: shop/web-6c54d8f9b7-x2x9p",
            "production",
            "holds pii",
            "1 pod",
            "at production (k3s-production)",
            "may not come back",
            "Its controller makes a new one",
            "agent:aura",
            "It hangs since an hour.",
            "nobody has checked them",
            "Destructive work in production needs a person.",
            "2 of 3 pods of its Deployment are ready",
        ]
        places = [shown.find(part, shown.index("Touches") - 200) for part in parts]
        assert all(place >= 0 for place in places), list(zip(parts, places, strict=True))
        assert shown.index(parts[2]) < shown.index("Risk") < shown.index("Policy")
        assert "Denied by linus “look at its log first”" in shown
        assert "Written on the ticket's branch so far: 1 commit" in shown
        assert approval.fingerprint in shown


def test_a_plan_is_said_to_do_nothing_yet(admin_browser):
    ticket = builders.pending_plan_approval()
    shown = words(admin_browser.get(page_of(ticket)))
    assert "Create Redis StatefulSet with Sentinel" in shown
    assert "Cancel it before the merge: nothing reaches a cluster" in shown
    for page in (shown, words(admin_browser.get(approval_page(Approval.objects.get())))):
        assert re.search(r"Touches 1 file in redis\b.* Risk Nothing is done yet", page)
    assert "Ask for changes" in shown


def test_only_what_may_not_come_back_is_asked_twice(admin_browser):
    ticket, approval = stories.incident()
    plan = builders.pending_plan_approval()
    assert 'popovertarget="sure"' in text(admin_browser.get(page_of(ticket)))
    assert 'popovertarget="sure"' in text(admin_browser.get(approval_page(approval)))
    assert 'popovertarget="sure"' not in text(admin_browser.get(page_of(plan)))


def test_what_the_ticket_has_cost_is_said(admin_browser):
    _, approval = stories.incident()
    assert re.search(
        r"Cost so far \d+ tokens, price not known",
        words(admin_browser.get(approval_page(approval))),
    )


def test_a_ticket_that_asked_no_model_is_said_to_have_cost_nothing(admin_browser):
    ticket = builders.pending_plan_approval()
    Ticket.objects.filter(pk=ticket.pk).update(
        current_turn=3, prompt_tokens=0, completion_tokens=0, estimated_cost=0
    )
    shown = words(admin_browser.get(page_of(ticket)))
    assert "none: no model was asked" in shown
    assert "Cost so far" not in shown
    assert "USD" not in shown


def test_moments_are_not_called_zero_minutes():
    assert passed(now()) == remaining(now()) == MOMENTS
    assert passed(now() - timedelta(hours=2)) == "2\xa0hours"
    assert remaining(now() + timedelta(days=2, minutes=1)) == "2\xa0days"


def test_the_policies_that_were_looked_at_are_told_in_words(admin_browser):
    _, approval = stories.incident()
    call = ToolExecution.objects.get(approval=approval)
    policy = current.policy()
    page = approval_page(approval)
    assert "The policy was changed since" in words(admin_browser.get(page))
    ticket = Ticket.objects.get(pk=approval.trace_id)
    decided = policy.decide(asked(approval, call, ticket))
    call.decision |= {"version": policy.version, "ruleIndex": decided.rule_index}
    call.save()
    Approval.objects.filter(pk=approval.pk).update(policy_name=decided.policy)
    shown = words(admin_browser.get(page))
    assert ("Every policy that was looked at" in shown) is (decided.rule_index is not None)


@pytest.mark.parametrize("where", ["ticket", "request"])
def test_who_may_not_decide_is_told_why_and_offered_nothing(db, where):
    ticket, approval = stories.incident()
    page = page_of(ticket) if where == "ticket" else approval_page(approval)
    for name, rights in (("viewer", LOOK), ("operator", ACT)):
        browser = browser_of(staff(f"{name}-{where}", *rights))
        shown = text(browser.get(page))
        assert "You cannot approve this" in shown
        assert 'value="approve"' not in shown
        assert 'value="deny"' not in shown


def test_who_asked_may_say_no_and_is_told_why_they_cannot_say_yes(db, settings):
    settings.AURA = settings.AURA.model_copy(update={"auth": "on"})
    _, approval = stories.incident()
    Approval.objects.filter(pk=approval.pk).update(requested_for="ada", four_eyes=True)
    browser = browser_of(person("ada", Role.APPROVER))
    shown = text(browser.get(approval_page(approval)))
    assert "You cannot approve this: you asked for it." in shown
    assert 'value="approve"' not in shown
    page, url = approval_page(approval), decide_url(approval)
    submit(browser, page, url, decision="deny", reason="I meant another one")
    approval.refresh_from_db()
    assert approval.status == "denied"


def test_a_no_without_a_reason_is_asked_for_it_where_it_was_said(admin_browser):
    ticket, approval = stories.incident()
    for page, url in (
        (page_of(ticket), url_of(ticket, "decide")),
        (approval_page(approval), decide_url(approval)),
    ):
        shown = text(submit(admin_browser, page, url, decision="deny"))
        refusal = shown[shown.index('id="deny"') :].partition("</form>")[0]
        consent = shown[shown.index('id="consent"') :].partition("</form>")[0]
        assert "errorlist" in refusal
        assert "errorlist" not in consent


def test_two_people_at_once_and_the_second_is_told(admin_browser):
    ticket, approval = stories.incident()
    shown = {
        page: forms_on(admin_browser, page)[url]
        for page, url in (
            (page_of(ticket), url_of(ticket, "decide")),
            (approval_page(approval), decide_url(approval)),
        )
    }
    linus = Principal(kind=ActorKind.USER, name="linus", roles=frozenset({"approver"}))
    approvals.deny(approval.pk, by=linus, reason="not now")
    for (page, sent), url in zip(
        shown.items(), (url_of(ticket, "decide"), decide_url(approval)), strict=True
    ):
        answer = admin_browser.post(url, {**sent, "decision": "approve"})
        assert answer.status_code in {400, 409}, page
        assert messages(admin_browser, answer)
    approval.refresh_from_db()
    assert (approval.status, approval.decided_by) == ("denied", "linus")


def test_a_yes_to_what_was_not_shown_decides_nothing(admin_browser):
    ticket, approval = stories.incident()
    for url in (url_of(ticket, "decide"), decide_url(approval)):
        sent = {"request": str(approval.pk), "fingerprint": "0" * 64, "decision": "approve"}
        assert admin_browser.post(url, sent).status_code == 409
    assert act(admin_browser, ticket, "decide", decision="approve").status_code == 302


def test_a_preview_of_five_megabytes_is_cut_by_lines_and_read_whole_as_text(admin_browser):
    line = "+  key: value-0123456789\n"
    big = "diff --git a/x b/x\n" + line * (5_000_000 // len(line))
    ticket = builders.executing()
    approval = stories.asks_to_delete(ticket, big, content=big)
    for page in (page_of(ticket), approval_page(approval)):
        began = time.perf_counter()
        shown = text(admin_browser.get(page))
        assert time.perf_counter() - began < 30
        assert len(shown) < 300_000
        assert "All of it, as text" in shown
    whole = admin_browser.get(f"/admin/governance/approval/{approval.pk}/text/preview/")
    assert whole.content.decode() == big
    assert whole["Content-Type"].startswith("text/plain")
    assert whole["X-Content-Type-Options"] == "nosniff"
    arguments = admin_browser.get(f"/admin/governance/approval/{approval.pk}/text/arguments/")
    assert big in arguments.content.decode()


def test_whole_texts_are_for_those_who_may_look(admin_browser):
    ticket, approval = stories.incident()
    call = ToolExecution.objects.get(approval=approval)
    paths = {
        f"/admin/governance/approval/{approval.pk}/text/preview/": 200,
        f"/admin/governance/approval/{approval.pk}/text/nothing/": 404,
        f"/admin/tickets/ticket/{ticket.pk}/text/{call.pk}/arguments/": 200,
        f"/admin/tickets/ticket/{ticket.pk}/text/{call.pk}/nothing/": 404,
        f"/admin/tickets/ticket/{builders.new_ticket().pk}/text/{call.pk}/arguments/": 404,
        f"/admin/tickets/ticket/{ticket.pk}/conversation/": 200,
    }
    nobody = browser_of(staff("nobody"))
    for path, status in paths.items():
        assert admin_browser.get(path).status_code == status, path
        assert nobody.get(path).status_code == 403, path


# --- the ticket's story ---


def test_a_ticket_shows_alerts_findings_with_proof_and_what_a_commit_changed(admin_browser):
    ticket, _ = stories.incident()
    shown = words(admin_browser.get(page_of(ticket)))
    for part in (
        "KubePodCrashLooping firing",
        "restarting 14 times",
        "Deployment shop/web : the container runs out of memory 95 % sure",
        "E1 pod status lastState: OOMKilled, exit 137",
        "Raise the memory limit",
        "Not enough data: metrics of node k3s-2",
        "committed ab12cd3: Three replicas",
        "1 of 2 steps",
    ):
        assert part in shown
    assert re.search(
        r'<span class="is-added">\+  replicas: 3\n', text(admin_browser.get(page_of(ticket)))
    )


def test_a_triage_of_another_shape_is_shown_in_its_own_words(admin_browser):
    ticket = builders.executing()
    stories.triaged(ticket, data={"roots": "none"}, content="I found nothing odd")
    assert "I found nothing odd" in words(admin_browser.get(page_of(ticket)))


def test_the_conversation_tells_every_turn_call_and_answer(admin_browser):
    ticket, _ = stories.incident()
    shown = words(admin_browser.get(f"/admin/tickets/ticket/{ticket.pk}/conversation/"))
    for part in (
        "I look first",
        "triage_namespace",
        '"namespace": "shop"',
        "I commit it",
        "waiting",
    ):
        assert part in shown
    for odd in ("0", "99", "x"):
        url = f"/admin/tickets/ticket/{ticket.pk}/conversation/?page={odd}"
        assert admin_browser.get(url).status_code == 200


def test_evil_text_in_every_new_field_is_inert(admin_browser):
    ticket = builders.executing()
    alert = {"name": EVIL, "labels": {EVIL: EVIL}, "annotations": {EVIL: EVIL}, "link": EVIL}
    stories.alert_of(ticket, **alert, source="x")
    root = stories.TRIAGE["roots"][0] | {
        "title": EVIL,
        "object": EVIL,
        "severity": EVIL,
        "summary": EVIL,
        "evidence": [{"id": EVIL, "source": EVIL, "line": EVIL}],
        "symptoms": [{"object": EVIL, "title": EVIL}],
        "remedy": {"text": EVIL},
    }
    stories.triaged(
        ticket, data=stories.TRIAGE | {"about": EVIL, "roots": [root], "missing": [EVIL]}
    )
    claims.queue(builders.run_of(ticket).pk)
    stories.committed(ticket, diff=f"diff --git a/x b/x\n+{EVIL}", sha="abc")
    claims.queue(builders.run_of(ticket).pk)
    approval = stories.asks_to_delete(ticket, EVIL, extra=EVIL)
    ToolExecution.objects.filter(approval=approval).update(
        decision={"tags": [EVIL], "sensitivity": [EVIL], "conditions": [EVIL]},
        inspection={"impact": {}, "plan": "", "preconditions": {}, "place": EVIL},
        wait_detail={"message": EVIL},
    )
    stories.earlier(approval, decision_reason=EVIL, decided_by=EVIL)
    for page in (
        page_of(ticket),
        approval_page(approval),
        f"/admin/tickets/ticket/{ticket.pk}/conversation/",
    ):
        shown = text(admin_browser.get(page))
        assert SEEN in shown
        assert "<script>alert" not in shown
        assert not re.search("[\u202e\u200b\x1b]", shown)


def test_the_pages_ask_the_database_at_most_so_often(admin_browser, django_assert_max_num_queries):
    ticket, approval = stories.incident()
    for number in range(5):
        stories.alert_of(ticket, name=f"Alert {number}")
        stories.earlier(approval)
    for page in (
        page_of(ticket),
        approval_page(approval),
        f"/admin/tickets/ticket/{ticket.pk}/conversation/",
    ):
        with django_assert_max_num_queries(25):
            assert admin_browser.get(page).status_code == 200
