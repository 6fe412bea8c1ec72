"""Sealed secrets from a person's form to the Secret in the cluster, and where values never are."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.db import connection
from django.utils.timezone import now

from agents.models import ToolExecution
from governance.models import AuditEvent
from governance.types import Role
from tests.admin.conftest import admin_browser, grace
from tests.agents.sandbox.running import Running, sandbox
from tests.contract.wire import at, invalid, ok, refused
from tests.fakes import ScriptedModel, call, git, plan, says
from tests.people import headers_of, person
from tests.tickets.conftest import OPS, Desk
from tickets import secretvalues, services
from tickets.models import SecretValue, Status, Ticket

pytestmark = pytest.mark.django_db
__all__ = ["admin_browser", "grace"]

PATH = "apps/shop/db-secret.yaml"
VALUES = {"password": "correct horse / battery: staple", "tls.key": "-----BEGIN X-----\nabc=\n"}
WISH: dict[str, Any] = {"name": "db", "namespace": "shop", "keys": list(VALUES), "path": PATH}
STEPS = (
    {"description": "Seal", "tool": "sealed_secret_create", "path": PATH},
    {"description": "Commit", "tool": "git_commit"},
    {"description": "Push", "tool": "git_push"},
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Running]:
    with sandbox() as running:
        running.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        yield running


class Story:
    """One ticket that seals, told by a scripted model."""

    def __init__(self, desk: Desk, cluster: Running) -> None:
        self.desk, self.cluster = desk, cluster
        self.models: list[ScriptedModel] = []
        self.ticket = desk.open("Give shop its database password")

    def advance(self, *script: Any) -> Any:
        self.models.append(
            self.desk.advance(self.ticket, *script, kubeconfig=str(self.cluster.kubeconfig))
        )

    def planned(self, *steps: dict[str, str]) -> None:
        self.advance(says(plan(*(steps or STEPS), summary="Seal the password")))
        services.approve_plan(self.ticket, actor=OPS)

    def asked(self) -> ToolExecution:
        """Planned, and the values are waited for."""
        self.planned()
        self.advance(says(call("sealed_secret_create", **WISH)))
        return ToolExecution.objects.get(run=self.ticket.run, state="waiting")

    def file(self) -> str:
        return (self.desk.root / "work" / "tickets" / str(self.ticket.pk) / PATH).read_text()


@pytest.fixture
def story(desk: Desk, cluster: Running) -> Story:
    return Story(desk, cluster)


def put(api: Any, ticket: Ticket, values: dict[str, str], **more: Any) -> Any:
    body = {"namespace": "shop", "values": values}
    return api.put(at(ticket, "/secrets/db"), body, format="json", **more)


def clear(secret: dict[str, Any]) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


# --- the whole way ---


def test_values_go_from_a_person_into_a_secret_of_the_cluster_and_are_nowhere_else(
    story, cluster, api, caplog
):
    caplog.set_level(logging.DEBUG)
    waiting = story.asked()
    assert story.ticket.status == Status.PENDING_INPUT
    asked = ok(api.get(at(story.ticket)))["pendingQuestion"]
    assert asked["secret"] == {"namespace": "shop", "name": "db", "keys": list(VALUES)}
    assert f"/api/tickets/{story.ticket.pk}/secrets/db" in asked["question"]

    one = ok(put(api, story.ticket, {"password": VALUES["password"]}))
    assert (one["keys"], one["status"]) == (["password"], "pending_input")
    rest = ok(put(api, story.ticket, {"tls.key": VALUES["tls.key"]}))
    assert rest["status"] == "executing"
    assert VALUES["password"] not in everything_stored()

    story.advance(
        says(call("git_stage", files=["."])),
        says(call("git_commit", message="Seal the password of shop")),
        says(call("git_push")),
        says(call("resolve", summary="sealed")),
    )
    assert story.ticket.status == Status.RESOLVED
    waiting.refresh_from_db()
    assert (waiting.state, waiting.failed) == ("done", False)
    merged = git(story.desk.repository, "show", f"main:{PATH}")
    cluster.apply(merged)
    assert clear(cluster.until(lambda: cluster.get("Secret", "db", "shop"))) == VALUES

    told = json.dumps([str(r) for model in story.models for r in model.requests])
    history = git(story.desk.repository, "log", "-p", "--all")
    for place in (told, history, everything_stored(), caplog.text):
        for value in VALUES.values():
            assert value not in place
            assert value.strip().splitlines()[-1] not in place
    assert not SecretValue.objects.exclude(value="").exists()
    secretvalues.forget_old()
    assert not SecretValue.objects.exists()


def everything_stored() -> str:
    """All rows of all tables, as a dump of the database has them, and the bytes of the log."""
    dumped = StringIO()
    call_command("dumpdata", "tickets", "agents", "governance", stdout=dumped)
    with connection.cursor() as cursor:
        cursor.execute("SELECT convert_from(body, 'UTF8') FROM governance_auditevent")
        return dumped.getvalue() + "".join(row[0] for row in cursor.fetchall())


def test_the_console_asks_for_each_key_and_never_shows_what_was_typed(story, admin_browser):
    waiting = story.asked()
    page = f"/admin/tickets/ticket/{story.ticket.pk}"
    shown = admin_browser.get(f"{page}/change/").content.decode()
    assert "value_0" in shown
    assert "value_1" in shown
    assert f"{page}/do/answer/" not in shown

    half = {"request": str(waiting.pk), "value_0": VALUES["password"], "value_1": ""}
    again = admin_browser.post(f"{page}/do/secrets/", half)
    assert again.status_code == 200
    assert VALUES["password"] not in again.content.decode()

    typed = {**half, "value_1": VALUES["tls.key"].replace("\n", "\r\n")}
    stale = admin_browser.post(f"{page}/do/secrets/", {**typed, "request": str(story.ticket.pk)})
    assert stale.status_code == 409
    assert VALUES["password"] not in stale.content.decode()
    assert not SecretValue.objects.exists()

    assert admin_browser.post(f"{page}/do/secrets/", typed).status_code == 302
    story.ticket.refresh_from_db()
    assert story.ticket.status == Status.EXECUTING
    story.advance(says(call("resolve", summary="sealed")))
    kept = secretvalues.TicketVault(story.ticket)
    assert kept.sealed_by(waiting.pk.hex) == set(VALUES)


def test_an_answer_that_may_be_a_value_is_refused_and_a_person_can_decline(story, api):
    waiting = story.asked()
    typed = api.post(at(story.ticket, "/answer"), {"answer": VALUES["password"]}, format="json")
    invalid(typed, "answer")
    assert VALUES["password"] not in typed.content.decode()
    ok(api.post(at(story.ticket, "/answer"), {"answer": "decline"}, format="json"))
    waiting.refresh_from_db()
    assert waiting.failed
    assert "declined" in waiting.result
    story.advance(says(call("give_up", reason="no values")))
    assert "declined" in str(story.models[-1].requests[0].messages[-1].content)


def test_values_may_be_entered_before_they_are_asked_for(story, api):
    story.planned()
    assert ok(put(api, story.ticket, VALUES))["status"] == "executing"
    story.advance(says(call("sealed_secret_create", **WISH)), says(call("resolve", summary="x")))
    assert yaml.safe_load(story.file())["spec"]["encryptedData"].keys() == VALUES.keys()


def test_expired_values_are_asked_for_again(story, api):
    story.planned()
    ok(put(api, story.ticket, VALUES))
    SecretValue.objects.update(expires_at=now() - timedelta(seconds=1))
    story.advance(says(call("sealed_secret_create", **WISH)))
    assert story.ticket.status == Status.PENDING_INPUT
    secretvalues.forget_old()
    assert not SecretValue.objects.exists()


def test_the_log_says_who_entered_which_keys(story, api):
    ok(put(api, story.ticket, VALUES))
    (event,) = AuditEvent.objects.filter(type="secret_values_given")
    told = json.loads(bytes(event.body))["data"]["payload"]
    assert told == {"namespace": "shop", "name": "db", "keys": sorted(VALUES)}


# --- changing one ---


def test_an_update_needs_an_approval_of_its_own_and_keeps_comments_and_other_keys(
    story, cluster, api
):
    story.asked()
    ok(put(api, story.ticket, VALUES))
    script = [
        says(call("git_stage", files=["."])),
        says(call("git_commit", message="Seal")),
        says(call("sealed_secret_update", **WISH | {"keys": ["password", "user"]})),
    ]
    story.advance(*script)
    assert story.ticket.status == Status.PENDING_APPROVAL
    file = story.desk.root / "work" / "tickets" / str(story.ticket.pk) / PATH
    before = yaml.safe_load(file.read_text())["spec"]["encryptedData"]
    file.write_text("# of the shop\n" + story.file().replace("spec:", "spec:  # sealed"))
    approval = ToolExecution.objects.get(run=story.ticket.run, state="waiting").approval
    assert approval is not None
    assert "values replaced, for good: password" in approval.context["preview"]
    services.decide_action(story.ticket, approved=True, actor=OPS)
    story.advance()
    assert story.ticket.status == Status.PENDING_INPUT  # the old value was erased
    ok(put(api, story.ticket, {"password": "new", "user": "shop"}))
    story.advance(says(call("ask_question", question="Good?")))
    text = story.file()
    assert text.startswith("# of the shop\n")
    assert "spec:  # sealed" in text
    after = yaml.safe_load(text)["spec"]["encryptedData"]
    assert list(after) == ["password", "tls.key", "user"]
    assert after["tls.key"] == before["tls.key"]
    cluster.apply(text)
    opened = cluster.until(
        lambda: (s := cluster.get("Secret", "db", "shop")) and "user" in s["data"] and s
    )
    assert clear(opened) == {**VALUES, "password": "new", "user": "shop"}


def test_creating_over_a_committed_file_is_refused(story, api):
    story.planned({"description": "x", "tool": "sealed_secret_create", "path": "README.md.yaml"})
    ok(put(api, story.ticket, VALUES))
    wish = WISH | {"path": "README.md"}
    story.advance(
        says(call("sealed_secret_create", **wish)), says(call("give_up", reason="refused"))
    )
    refusal = ToolExecution.objects.get(run=story.ticket.run, tool="sealed_secret_create")
    assert "is no YAML file" in refusal.result


# --- who may, and what fits ---


def test_a_viewer_may_not_enter_values_and_an_operator_may(story, api, settings):
    settings.AURA = settings.AURA.model_copy(update={"auth": "on"})
    viewer = headers_of(person("vera", Role.VIEWER))
    refused(put(api, story.ticket, VALUES, **viewer), 403, "FORBIDDEN")
    ok(put(api, story.ticket, VALUES, **headers_of(person("otto", Role.OPERATOR))))
    assert SecretValue.objects.first().given_by == "otto"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"namespace": "shop"}, "values"),
        ({"namespace": "shop", "values": {}}, "values"),
        ({"namespace": "shop", "values": {"a/b": "secret-value"}}, "values"),
        ({"namespace": "shop", "values": {"a": 5}}, "values"),
        ({"namespace": "shop", "values": {"a": "x" * 70_000}}, "values"),
        ({"namespace": "../shop", "values": {"a": "secret-value"}}, "namespace"),
        ({"values": {"a": "secret-value"}}, "namespace"),
    ],
)
def test_what_does_not_fit_is_refused_without_its_value(story, api, body, field):
    answer = api.put(at(story.ticket, "/secrets/db"), body, format="json")
    invalid(answer, field)
    assert "secret-value" not in answer.content.decode()
    assert not SecretValue.objects.exists()


def test_a_ticket_that_is_over_takes_none(story, api):
    services.cancel_ticket(story.ticket, actor=OPS)
    refused(put(api, story.ticket, VALUES), 400, "INVALID_TRANSITION")
    refused(api.put(at(story.ticket, "/secrets/A_B"), {}, format="json"), 400, "VALIDATION_ERROR")
