"""Push notifications: a client's URL is told how its task stands."""

from __future__ import annotations

import json
from ipaddress import ip_network

import pytest
from django.db.models.functions import Now
from standardwebhooks import Webhook

from agents.a2a import push
from agents.a2a.errors import InvalidParams, TaskNotFound
from agents.external.protocol import Protocol
from agents.helpdesk import news, tasks
from agents.models import PushConfig
from governance.approvals import callbacks
from governance.types import ActorKind, Principal
from tests.agents import standin
from tests.stubs.receiver import answer, receiving

pytestmark = pytest.mark.django_db

OLGA = Principal(kind=ActorKind.USER, name="olga")
OLD, NEW = Protocol.OLD, Protocol.NEW


@pytest.fixture(autouse=True)
def nobody_works(monkeypatch, settings):
    standin.in_place(monkeypatch)
    monkeypatch.setattr(news, "wake_now", lambda key: None)
    monkeypatch.setattr(push.hands, "wake", lambda: None)
    networks = (ip_network("127.0.0.1/32"),)
    settings.AURA = settings.AURA.model_copy(update={"outbound_allow": networks})


def asked():
    return tasks.ask(standin.NAMES[0], "hello", by=OLGA)


def told(task, url, protocol=NEW, **more):
    return push.keep(task, push.wanted({"url": url, **more}, protocol))


def due_now():
    PushConfig.objects.exclude(next_at=None).update(next_at=Now())


def test_the_end_of_a_task_is_told_once_signed_and_with_the_clients_own_secrets():
    task = asked()
    with receiving() as receiver:
        told(
            task,
            receiver.url(),
            token="its-token",
            authentication={"scheme": "Bearer", "credentials": "its-credentials"},
        )
        push.pump()
        assert receiver.got == []  # the client knows how its task began
        tasks.cancel(task.key, by=OLGA)
        push.pump()
        push.pump()
    (got,) = receiver.got
    body = Webhook(callbacks.secrets()[0]).verify(got.body, got.headers)
    assert body["task"]["id"] == task.key
    assert body["task"]["status"]["state"] == "TASK_STATE_CANCELED"
    assert got.headers["x-a2a-notification-token"] == "its-token"
    assert got.headers["authorization"] == "Bearer its-credentials"
    assert PushConfig.objects.get().next_at is None


def test_a_client_of_protocol_0_3_is_told_the_task_as_it_knows_it():
    task = asked()
    with receiving() as receiver:
        told(task, receiver.url(), OLD, authentication={"schemes": ["Basic"], "credentials": "x"})
        tasks.cancel(task.key, by=OLGA)
        push.pump()
    (got,) = receiver.got
    body = json.loads(got.body)
    assert (body["kind"], body["status"]["state"]) == ("task", "canceled")
    assert got.headers["authorization"] == "Basic x"


def test_a_receiver_that_is_away_is_told_later_and_one_that_is_gone_never_again():
    task = asked()
    with receiving() as receiver:
        receiver.answers = [answer(503, b"later"), answer(410), answer()]
        told(task, receiver.url())
        tasks.cancel(task.key, by=OLGA)
        push.pump()
        config = PushConfig.objects.get()
        assert (config.status_code, config.error, config.attempts) == (503, "later", 1)
        assert config.next_at is not None
        due_now()
        push.pump()
        assert PushConfig.objects.get().next_at is None
        assert len(receiver.got) == 2


def test_a_worker_that_dies_while_telling_leaves_it_to_the_next_one(monkeypatch):
    task = asked()
    with receiving() as receiver:
        told(task, receiver.url())
        tasks.cancel(task.key, by=OLGA)
        monkeypatch.setattr(push, "_finish", lambda *_, **__: None)
        push.pump()
        assert not push.due().exists()  # for as long as an attempt may take
        monkeypatch.undo()
        monkeypatch.setattr(push.hands, "wake", lambda: None)
        due_now()
        push.pump()
        assert len(receiver.got) == 2


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "https://169.254.169.254/latest",
        "https://10.0.0.1/",
        "https://[::1]/",
        "https://example.com:22/",
        "ftp://example.com/",
        "https://user:pw@example.com/",
        "",
        None,
        7,
    ],
)
def test_a_url_that_may_not_be_asked_is_refused_at_once(url, settings):
    settings.AURA = settings.AURA.model_copy(update={"outbound_allow": ()})
    with pytest.raises(InvalidParams):
        push.wanted({"url": url}, NEW)


@pytest.mark.parametrize(
    "more",
    [
        {"token": "line\nbreak"},
        {"token": "ü"},
        {"token": 7},
        {"authentication": "Bearer x"},
        {"authentication": {"scheme": "Bearer\r\nX: y", "credentials": "x"}},
        {"authentication": {"credentials": "x"}},
        {"id": "x" * 200},
    ],
)
def test_what_would_break_a_header_is_refused(more):
    with pytest.raises(InvalidParams):
        push.wanted({"url": "https://example.com/", **more}, NEW)


def test_secrets_are_sealed_and_shown_to_nobody():
    task = asked()
    config = told(
        task,
        "https://example.com/hook",
        OLD,
        token="its-token",
        authentication={"schemes": ["Bearer"], "credentials": "its-credentials"},
    )
    row = str(PushConfig.objects.values().get())
    shown = str(push.shown(config, OLD)) + str(push.shown(config, NEW))
    assert "its-" not in row + shown
    assert push.shown(config, OLD) == {
        "taskId": task.key,
        "pushNotificationConfig": {
            "id": "default",
            "url": "https://example.com/hook",
            "authentication": {"schemes": ["Bearer"]},
        },
    }


def test_a_configuration_is_replaced_by_its_id_and_there_are_few():
    task = asked()
    for url in ("https://example.com/a", "https://example.com/b"):
        told(task, url, id="one")
    assert push.find(task, "one").url == "https://example.com/b"
    with pytest.raises(TaskNotFound):
        push.find(task, "other")
    for number in range(push.MOST - 1):
        told(task, "https://example.com/", id=str(number))
    with pytest.raises(InvalidParams, match="at most 10"):
        told(task, "https://example.com/", id="more")


@pytest.mark.django_db(transaction=True)
def test_configurations_are_set_read_listed_and_deleted_in_both_protocols(client):
    url = "https://example.com/hook"
    task = client.ask(configuration={"pushNotificationConfig": {"url": url}})
    about = {"id": task["id"], "pushNotificationConfigId": "two"}

    def old(verb, params):
        return client.call(f"tasks/pushNotificationConfig/{verb}", params)

    def new(verb, **params):
        return client.call(f"{verb}TaskPushNotificationConfig", params, version="1.0")

    set_two = old(
        "set", {"taskId": task["id"], "pushNotificationConfig": {"id": "two", "url": url}}
    )
    assert set_two["result"]["pushNotificationConfig"] == {"id": "two", "url": url}
    assert old("get", about)["result"] == set_two["result"]
    assert len(old("list", {"id": task["id"]})["result"]) == 2
    answer = old("delete", about)
    assert ("result" in answer, answer["result"]) == (True, None)
    assert old("get", about)["error"]["code"] == -32001
    assert new("Get", taskId=task["id"], id="default")["result"] == {
        "id": "default",
        "taskId": task["id"],
        "url": url,
    }
    assert new("Delete", taskId=task["id"], id="default")["result"] == {}
    listed = client.call("ListTaskPushNotificationConfigs", {"taskId": task["id"]}, version="1.0")
    assert listed["result"] == {"configs": [], "nextPageToken": ""}
    refused = new("Create", taskId=task["id"], url="http://127.0.0.2/")
    assert refused["error"]["code"] == -32602
