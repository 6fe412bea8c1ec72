"""Forgeries and races on requests for approval, on a real database, with authentication on."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import chain
from typing import Any

import pytest
from django.db import connection
from django.utils.timezone import now

from aura.kernel.errors import Forbidden, Problem, ValidationFailed
from governance import approvals
from governance.access import give_role
from governance.approvals import (
    AlreadyVoted,
    ApprovalNotPending,
    ReasonRequired,
    Seen,
    ShownIsStale,
)
from governance.audit.record import data_of
from governance.identity import decider
from governance.models import Approval, AuditEvent, EmergencyReview
from governance.policy import current
from governance.types import SYSTEM, Action, ActionClass, ActorKind, Principal, Resource, Role
from tests.people import person

pytestmark = pytest.mark.django_db

AGENT = Principal(kind=ActorKind.AGENT, name="aura")
WANTED_BY = Principal(kind=ActorKind.USER, name="requester", roles=frozenset({"approver"}))
ACTION = Action(
    tool="run_sql",
    arguments={"sql": "DELETE FROM a", "options": {"limit": 10, "force": False}, "hosts": ["x", 1]},
    action_class=ActionClass.DESTRUCTIVE,
    resource=Resource(type="database", name="orders", namespace="prod"),
    principal=AGENT,
    trace_id="tr_1",
    preconditions={"rows": 5},
)


@pytest.fixture(autouse=True)
def authentication(settings):
    settings.AURA = settings.AURA.model_copy(update={"auth": "on"})


@pytest.fixture
def rounds(request):
    return request.config.getoption("--approval-rounds")


def somebody(name, role=Role.APPROVER):
    """A user with this role, as their credential tells."""
    return decider(person(name, role))


def ask(action=ACTION, **terms):
    given: dict[str, Any] = {"policy": "p", "on_behalf_of": WANTED_BY, "agent": "aura"} | terms
    return approvals.request(action, **given)


def lasts(approval):
    """From the decision to the last moment at which it may be used."""
    assert approval.decided_at is not None
    assert approval.use_by is not None
    return approval.use_by - approval.decided_at


def status_of(approval):
    return Approval.objects.get(pk=approval.pk).status


def told(event_type):
    rows = AuditEvent.objects.filter(type=event_type).order_by("pk")
    return [data_of(event.body)["data"]["payload"] for event in rows]


def at_once(*jobs):
    """What came of each: its value, or the name of its problem. All start together."""
    gate = threading.Barrier(len(jobs))

    def run(job):
        gate.wait()
        try:
            return job()
        except Problem as problem:
            return problem.code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


# --- who ---


def test_who_asked_does_not_approve_and_is_told_who_may():
    grace = somebody("grace")
    requester = somebody("requester")
    approval = ask()
    with pytest.raises(Forbidden) as refusal:
        approvals.approve(approval.pk, by=requester)
    assert "requester asked for this" in refusal.value.message
    assert "role approver or above other than who asked" in refusal.value.message
    assert "(grace)" in refusal.value.message
    assert approvals.approve(approval.pk, by=grace).status == "approved"


@pytest.mark.parametrize("spelt", ["Requester", " requester ", "\uff52equester"])
def test_another_spelling_of_the_same_name_is_the_same_person(spelt):
    with pytest.raises(Forbidden):
        approvals.approve(ask().pk, by=replace(WANTED_BY, name=spelt))


def test_who_asked_may_refuse_and_a_rule_may_let_them_approve():
    requester = somebody("requester")
    assert approvals.deny(ask().pk, by=requester, reason="not any more").status == "denied"
    assert approvals.approve(ask(four_eyes=False).pk, by=requester).status == "approved"


def test_a_person_who_acts_themself_is_who_asked():
    own = replace(ACTION, principal=Principal(kind=ActorKind.USER, name="grace"))
    with pytest.raises(Forbidden):
        approvals.approve(ask(own, on_behalf_of=None).pk, by=somebody("grace"))


@pytest.mark.parametrize("who", [AGENT, SYSTEM, replace(WANTED_BY, name=" ")], ids=str)
def test_neither_agents_nor_the_product_nor_nobody_decide(who):
    approval = ask()
    with pytest.raises(Forbidden):
        approvals.approve(approval.pk, by=replace(who, roles=frozenset({"admin"})))
    with pytest.raises(Forbidden):
        approvals.deny(approval.pk, by=replace(who, roles=frozenset({"admin"})), reason="no")
    assert status_of(approval) == "pending"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, None])
def test_who_has_not_the_role_does_not_decide(role):
    with pytest.raises(Forbidden):
        approvals.approve(ask().pk, by=somebody("otto", role))


def test_a_request_may_want_more_than_an_approver():
    approval = ask(approver_role=Role.ADMIN)
    with pytest.raises(Forbidden):
        approvals.approve(approval.pk, by=somebody("grace"))
    assert approvals.approve(approval.pk, by=somebody("root", Role.ADMIN)).status == "approved"


def test_a_name_that_is_only_claimed_decides_nothing():
    person("grace", Role.APPROVER)
    with pytest.raises(Forbidden):
        approvals.approve(ask().pk, by=Principal(kind=ActorKind.USER, name="grace"))


def test_without_authentication_a_name_cannot_approve_for_itself(settings):
    settings.AURA = settings.AURA.model_copy(update={"auth": "off"})
    ops = Principal(kind=ActorKind.USER, name="ops")
    with pytest.raises(Forbidden):
        approvals.approve(ask(on_behalf_of=ops).pk, by=ops)
    nobody = Principal(kind=ActorKind.USER, name="anonymous")
    assert approvals.approve(ask(on_behalf_of=nobody).pk, by=nobody).status == "approved"


# --- how many ---


def test_a_quorum_takes_different_people():
    approval = ask(quorum=2)
    grace, linus = somebody("grace"), somebody("linus")
    assert approvals.approve(approval.pk, by=grace).status == "pending"
    assert not approvals.consume(approval.pk, action=ACTION)
    with pytest.raises(AlreadyVoted):
        approvals.approve(approval.pk, by=grace)
    assert approvals.approve(approval.pk, by=linus).status == "approved"
    assert [vote["votes"] for vote in told("approval_voted")] == [1]
    assert told("approval_granted")[0]["voters"] == ["grace", "linus"]


@pytest.mark.parametrize("lost", ["role", "login"])
def test_a_vote_of_somebody_who_lost_the_role_since_does_not_count(lost):
    approval = ask(quorum=2)
    grace = person("grace", Role.APPROVER)
    approvals.approve(approval.pk, by=decider(grace))
    if lost == "role":
        give_role(grace, Role.OPERATOR)
    else:
        grace.is_active = False
        grace.save()
    assert approvals.approve(approval.pk, by=somebody("linus")).status == "pending"
    assert approvals.standing(approval) == ["linus"]
    assert approvals.approve(approval.pk, by=somebody("margaret")).status == "approved"


def test_a_no_wins_over_every_yes_also_of_who_said_yes():
    approval = ask(quorum=3)
    grace = somebody("grace")
    approvals.approve(approval.pk, by=grace)
    approvals.approve(approval.pk, by=somebody("linus"))
    assert approvals.deny(approval.pk, by=grace, reason="I misread it").status == "denied"
    with pytest.raises(ApprovalNotPending):
        approvals.approve(approval.pk, by=somebody("margaret"))


@pytest.mark.django_db(transaction=True)
def test_twelve_voters_at_once_among_them_the_requester_and_double_voters(rounds):
    people = [somebody(f"p{number}") for number in range(4)]
    requester = somebody("requester")
    for _ in range(rounds):
        approval = ask(quorum=2)
        voters = [*people, requester, *people[:2] * 3, requester]

        def vote(by, key=approval.pk):
            return approvals.approve(key, by=by).status

        outcomes = at_once(*(lambda by=by: vote(by) for by in voters))
        assert outcomes.count("approved") == 1
        assert outcomes.count("pending") == 1
        assert outcomes.count("FORBIDDEN") >= 2 - outcomes.count("APPROVAL_NOT_PENDING")
        names = approvals.standing(Approval.objects.get(pk=approval.pk))
        assert len(set(names)) == 2
        assert "requester" not in names


@pytest.mark.django_db(transaction=True)
def test_yes_and_no_at_once_have_one_end(rounds):
    grace, linus = somebody("grace"), somebody("linus")
    for _ in range(rounds):
        approval = ask()

        def yes(key=approval.pk):
            return approvals.approve(key, by=grace).status

        def no(key=approval.pk):
            return approvals.deny(key, by=linus, reason="no").status

        outcomes = at_once(yes, no, yes, no)
        assert outcomes.count("APPROVAL_NOT_PENDING") == 3
        assert set(outcomes) - {"APPROVAL_NOT_PENDING"} == {status_of(approval)}


# --- for what ---


def leaves(value, path=()):
    """Every path to a leaf of JSON."""
    if not isinstance(value, dict | list):
        return [path]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return list(chain.from_iterable(leaves(item, (*path, key)) for key, item in items))


def changed(value, path):
    """`value` with the leaf at `path` changed a little."""
    if not path:
        return (
            value + "x" if isinstance(value, str) else (not value if value is False else value + 1)
        )
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(copy[path[0]], path[1:])
    return copy


CHANGED = [
    *(replace(ACTION, arguments=changed(ACTION.arguments, p)) for p in leaves(ACTION.arguments)),
    replace(ACTION, tool="run_sqI"),
    replace(ACTION, resource=replace(ACTION.resource, name="order")),
    replace(ACTION, resource=replace(ACTION.resource, type="cluster")),
    replace(ACTION, resource=replace(ACTION.resource, namespace="staging")),
    replace(ACTION, principal=replace(AGENT, name="Aura")),
    replace(ACTION, principal=replace(AGENT, kind=ActorKind.USER)),
    replace(ACTION, preconditions={"rows": 6}),
]


@pytest.mark.parametrize("other", CHANGED, ids=lambda action: str(action)[:70])
def test_a_changed_leaf_is_not_released(other):
    approval = approvals.approve(ask().pk, by=somebody("grace"))
    assert not approvals.consume(approval.pk, action=other)
    assert approvals.consume(approval.pk, action=ACTION)


def test_another_policy_voids_what_was_approved(monkeypatch):
    approval = approvals.approve(ask().pk, by=somebody("grace"))
    monkeypatch.setattr(current, "version", lambda: "another")
    assert not approvals.consume(approval.pk, action=ACTION)


@pytest.mark.parametrize(
    "seen",
    [Seen(fingerprint="0" * 64), Seen(request="apr_000000000000"), Seen(request="x" * 36)],
    ids=str,
)
def test_what_was_not_read_is_not_decided(seen):
    approval, grace = ask(), somebody("grace")
    with pytest.raises(ShownIsStale):
        approvals.approve(approval.pk, by=grace, seen=seen)
    with pytest.raises(ShownIsStale):
        approvals.deny(approval.pk, by=grace, reason="no", seen=seen)
    good = Seen(request=approval.key, fingerprint=approval.fingerprint)
    assert approvals.approve(approval.key, by=grace, seen=good).status == "approved"


# --- until when ---


def test_what_expired_is_not_decided_even_before_anybody_swept():
    approval = ask(expires_in=timedelta(milliseconds=1))
    grace = somebody("grace")
    with pytest.raises(ApprovalNotPending, match="expired"):
        approvals.approve(approval.pk, by=grace)
    assert approvals.expire_due() == 1
    assert approvals.expire_due() == 0
    assert status_of(approval) == "expired"
    assert [e["decidedBy"] for e in told("approval_expired")] == ["system"]


def test_what_was_approved_and_not_used_in_time_is_void():
    grace = somebody("grace")
    approval = approvals.approve(ask(valid_minutes=5).pk, by=grace)
    assert lasts(approval) == timedelta(minutes=5)
    Approval.objects.update(use_by=now() - timedelta(seconds=1))
    assert not approvals.consume(approval.pk, action=ACTION)
    approvals.expire_due()
    assert status_of(approval) == "expired"


def test_a_stated_window_lets_the_same_action_be_repeated_until_it_ends():
    grace = somebody("grace")
    approval = approvals.approve(ask().pk, by=grace, valid_for=timedelta(minutes=5))
    assert approvals.reusable(ACTION, on_behalf_of=WANTED_BY) == approval
    assert [approvals.consume(approval.pk, action=ACTION) for _ in range(3)] == [True] * 3
    assert approvals.reusable(CHANGED[0], on_behalf_of=WANTED_BY) is None
    assert approvals.reusable(replace(ACTION, trace_id="tr_2"), on_behalf_of=WANTED_BY) is None
    assert approvals.reusable(ACTION, on_behalf_of=grace) is None
    assert not approvals.consume(approval.pk, action=CHANGED[0])
    past = now() - timedelta(seconds=1)
    Approval.objects.update(use_by=past, valid_until=past)
    assert approvals.reusable(ACTION, on_behalf_of=WANTED_BY) is None
    assert not approvals.consume(approval.pk, action=ACTION)
    approvals.expire_due()
    assert status_of(approval) == "consumed"
    assert [used["uses"] for used in told("approval_used")] == [1, 2, 3]


def test_the_policy_bounds_the_window():
    long = timedelta(days=1)
    approval = approvals.approve(ask(valid_minutes=5).pk, by=somebody("grace"), valid_for=long)
    assert lasts(approval) == timedelta(minutes=5)


def test_what_was_taken_back_is_not_used():
    grace = somebody("grace")
    approval = approvals.approve(ask().pk, by=grace)
    with pytest.raises(ReasonRequired):
        approvals.revoke(approval.pk, by=grace, reason=" ")
    with pytest.raises(Forbidden):
        approvals.revoke(approval.pk, by=AGENT, reason="no")
    assert approvals.revoke(approval.pk, by=grace, reason="a freeze began").status == "revoked"
    assert not approvals.consume(approval.pk, action=ACTION)
    used = approvals.approve(ask().pk, by=grace)
    approvals.consume(used.pk, action=ACTION)
    with pytest.raises(ApprovalNotPending):
        approvals.revoke(used.pk, by=grace, reason="too late")


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_who_use_it_at_once_one_does(rounds):
    grace = somebody("grace")
    for _ in range(rounds):
        approval = approvals.approve(ask().pk, by=grace)
        connection.close()  # as after a restart: nothing of it is in memory

        def use(key=approval.pk):
            return approvals.consume(key, action=ACTION)

        assert at_once(*[use] * 16).count(True) == 1
        assert Approval.objects.get(pk=approval.pk).uses == 1
        assert len(told("approval_used")) == Approval.objects.filter(status="consumed").count()


@pytest.mark.django_db(transaction=True)
def test_taking_back_and_using_at_once_have_one_winner(rounds):
    grace = somebody("grace")
    for _ in range(rounds):
        approval = approvals.approve(ask().pk, by=grace)

        def use(key=approval.pk):
            return approvals.consume(key, action=ACTION)

        def revoke(key=approval.pk):
            return approvals.revoke(key, by=grace, reason="no").status

        used, taken_back = at_once(use, revoke)
        assert (used, taken_back) in {(True, "APPROVAL_NOT_PENDING"), (False, "revoked")}


# --- why ---


@pytest.mark.parametrize("reason", ["", "  ", "\n"])
def test_a_no_wants_a_reason_and_a_yes_where_the_policy_says(reason):
    approval, grace = ask(reason_required=True), somebody("grace")
    with pytest.raises(ReasonRequired):
        approvals.deny(approval.pk, by=grace, reason=reason)
    with pytest.raises(ReasonRequired):
        approvals.approve(approval.pk, by=grace, reason=reason)
    assert approvals.approve(approval.pk, by=grace, reason="agreed").status == "approved"


# --- break-glass ---


def test_breaking_the_glass_releases_alone_briefly_and_leaves_an_open_review():
    root = somebody("requester", Role.ADMIN)
    approval = approvals.break_glass(
        ask(quorum=3).pk, by=root, purpose="emergency", reason="the site is down"
    )
    assert (approval.status, approval.broke_glass) == ("approved", True)
    assert lasts(approval) <= timedelta(minutes=15)
    assert told("break_glass_used")[0]["purpose"] == "emergency"
    assert approvals.consume(approval.pk, action=ACTION)
    assert not approvals.consume(approval.pk, action=ACTION)
    review = EmergencyReview.objects.get()
    with pytest.raises(Forbidden):
        approvals.close_review(review.pk, by=root, finding="I was right")
    with pytest.raises(ReasonRequired):
        approvals.close_review(review.pk, by=somebody("linus"), finding="")
    closed = approvals.close_review(review.pk, by=somebody("grace"), finding="it was right")
    assert (closed.closed_by, closed.finding) == ("grace", "it was right")
    with pytest.raises(ApprovalNotPending):
        approvals.close_review(review.pk, by=somebody("margaret"), finding="again")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"purpose": "maintenance"}, ValidationFailed),
        ({"reason": ""}, ReasonRequired),
        ({"by": Principal(kind=ActorKind.USER, name="root")}, Forbidden),
        ({"by": AGENT}, Forbidden),
    ],
    ids=str,
)
def test_the_glass_does_not_break_by_itself(given, problem):
    root = somebody("root", Role.ADMIN)
    approval = ask()
    with pytest.raises(problem):
        approvals.break_glass(
            approval.pk, **({"by": root, "purpose": "emergency", "reason": "down"} | given)
        )
    assert status_of(approval) == "pending"
    assert not EmergencyReview.objects.exists()


def test_an_approver_does_not_break_the_glass():
    with pytest.raises(Forbidden):
        approvals.break_glass(ask().pk, by=somebody("grace"), purpose="emergency", reason="down")
