"""A request's own page: how far it has come, who may, and what else can be done with it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from governance import approvals
from governance.admin.approvals import VERBS
from governance.models import Approval, EmergencyReview
from governance.types import Action, ActionClass, ActorKind, Principal, Resource, Role
from tests import builders
from tests.admin.conftest import browser_of
from tests.admin.pages import (
    APPROVALS,
    INDEX,
    approval_page,
    decide_url,
    forms_on,
    messages,
    submit,
    text,
)
from tests.people import person
from tickets.models import Ticket

pytestmark = pytest.mark.django_db

ADA = Principal(kind=ActorKind.USER, name="ada", roles=frozenset({"approver"}))
ACTION = Action(
    tool="restart",
    arguments={"name": "db\u202egnp.exe\u200b\x07"},
    action_class=ActionClass.DESTRUCTIVE,
    resource=Resource(type="database", name="orders"),
    principal=Principal(kind=ActorKind.AGENT, name="dba"),
    trace_id="tr_1",
)
REVIEWS = "/admin/governance/emergencyreview/"


@pytest.fixture(autouse=True)
def authentication(settings):
    settings.AURA = settings.AURA.model_copy(update={"auth": "on"})


def ask(**terms):
    return approvals.request(ACTION, policy="p", on_behalf_of=ADA, **terms)


def url_of(approval: Approval, verb: str) -> str:
    return f"{APPROVALS}{approval.pk}/{verb}/"


def status_of(approval: Approval) -> str:
    return Approval.objects.get(pk=approval.pk).status


def test_the_page_shows_progress_who_may_when_it_ends_and_what_cannot_be_seen(admin_browser):
    person("linus", Role.APPROVER)
    person("olga", Role.OPERATOR)
    person("ada", Role.APPROVER)
    approval = ask(quorum=2)
    approvals.approve(approval.pk, by=Principal(**_named("grace")))
    page = text(admin_browser.get(approval_page(approval)))
    assert "1 of 2: grace" in " ".join(page.split())
    may = page[page.index("Who may approve") :][:300]
    assert "linus" in may
    assert not any(name in may for name in ("ada", "olga", "grace"))
    assert "in 59\xa0minutes" in page or "in 1\xa0hour" in page
    for hidden in ("⟨U+202E⟩", "⟨U+200B⟩", "\\u0007"):
        assert hidden in page


def _named(name):
    return {"kind": ActorKind.USER, "name": name, "roles": frozenset({"admin"})}


def test_nobody_who_could_approve_is_said_so(admin_browser, grace: User):
    approval = approvals.request(
        ACTION, policy="p", on_behalf_of=Principal(kind=ActorKind.USER, name=grace.username)
    )
    assert "nobody at the moment" in text(admin_browser.get(approval_page(approval)))
    response = submit(
        admin_browser, approval_page(approval), decide_url(approval), decision="approve"
    )
    assert response.status_code == 403
    assert "Grace asked for this" in messages(admin_browser, response)
    assert status_of(approval) == "pending"


def test_a_plan_is_called_a_plan(admin_browser):
    builders.pending_plan_approval()
    assert '<td class="field-kind_of">plan</td>' in text(admin_browser.get(APPROVALS))


def test_a_form_that_does_not_say_what_it_showed_decides_nothing(admin_browser):
    approval = ask()
    response = admin_browser.post(decide_url(approval), {"decision": "approve"})
    assert response.status_code == 409
    assert status_of(approval) == "pending"


def test_a_first_of_two_says_that_it_counts(admin_browser):
    approval = ask(quorum=2)
    response = submit(
        admin_browser, approval_page(approval), decide_url(approval), decision="approve"
    )
    assert "1 of 2" in messages(admin_browser, response)
    again = submit(admin_browser, approval_page(approval), decide_url(approval), decision="approve")
    assert again.status_code == 409


def test_a_window_can_be_stated_and_taken_back(admin_browser):
    approval = ask()
    page = approval_page(approval)
    submit(admin_browser, page, decide_url(approval), decision="approve", valid_minutes="30")
    approval.refresh_from_db()
    assert (approval.valid_until - approval.decided_at).total_seconds() == 30 * 60
    assert decide_url(approval) not in forms_on(admin_browser, page)
    silent = submit(admin_browser, page, url_of(approval, "revoke"))
    assert silent.status_code == 200
    assert "errorlist" in text(silent)
    submit(admin_browser, page, url_of(approval, "revoke"), reason="a freeze began")
    assert status_of(approval) == "revoked"
    assert url_of(approval, "revoke") not in forms_on(admin_browser, page)


def test_breaking_the_glass_leaves_a_review_that_another_person_closes(admin_browser):
    approval = ask(quorum=2)
    page, url = approval_page(approval), url_of(approval, "break_glass")
    refused = submit(admin_browser, page, url, purpose="curiosity", reason="why not")
    assert refused.status_code == 400
    submit(admin_browser, page, url, purpose="emergency", reason="the site is down")
    assert status_of(approval) == "approved"
    review = EmergencyReview.objects.get()
    assert "Released in an emergency: restart" in text(admin_browser.get(INDEX))
    page, closing = f"{REVIEWS}{review.pk}/change/", f"{REVIEWS}{review.pk}/close/"
    own = submit(admin_browser, page, closing, finding="I was right")
    assert own.status_code == 403
    other = browser_of(person("linus", Role.APPROVER))
    assert "the site is down" in text(other.get(page))
    assert submit(other, page, closing, finding="It was needed").status_code == 302
    review.refresh_from_db()
    assert (review.closed_by, review.finding) == ("linus", "It was needed")
    assert "break-glass use" not in text(admin_browser.get(INDEX))
    assert "closed by linus" in text(admin_browser.get(REVIEWS))


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.APPROVER])
def test_who_may_not_break_the_glass_is_offered_none(role):
    browser, approval = browser_of(person("linus", role)), ask()
    assert url_of(approval, "break_glass") not in forms_on(browser, approval_page(approval))
    sent = {"purpose": "emergency", "reason": "x", "fingerprint": approval.fingerprint}
    assert browser.post(url_of(approval, "break_glass"), sent).status_code == 403
    if role is not Role.APPROVER:
        assert browser.post(decide_url(approval), sent | {"decision": "deny"}).status_code == 403
        assert browser.post(url_of(approval, "revoke"), sent).status_code == 403
    assert status_of(approval) == "pending"


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_one_who_may_only_look_can_do_nothing_with_a_request(verb):
    approval = ask()
    browser = browser_of(person("vera", Role.VIEWER))
    assert decide_url(approval) not in forms_on(browser, approval_page(approval))
    sent = {"decision": "approve", "reason": "x", "request": approval.pk}
    answer = browser.post(
        url_of(approval, verb), {**sent, "fingerprint": approval.fingerprint, "purpose": "x"}
    )
    assert answer.status_code == 403
    assert status_of(approval) == "pending"


def test_a_request_of_a_call_outside_of_tickets_says_what_its_task_has_cost(admin_browser):
    ticket = builders.pending_approval()
    Ticket.objects.filter(pk=ticket.pk).update(run=None)
    approval = Approval.objects.get(trace_id=str(ticket.pk), status="pending")
    Approval.objects.filter(pk=approval.pk).update(trace_id="tr_direct")
    assert "tokens" in text(admin_browser.get(approval_page(approval)))
