"""JSON-RPC on the agents' ports: both protocols, over real HTTP."""

from __future__ import annotations

import time

import httpx
import pytest

from agents.models import HelpdeskTask
from governance import approvals
from governance.models import AuditEvent
from governance.types import ActorKind, Principal, Role
from tests.agents.a2a.conftest import new, old
from tests.agents.standin import gate
from tests.people import headers_of, person

pytestmark = pytest.mark.django_db(transaction=True)

ADA = Principal(kind=ActorKind.USER, name="ada", roles=frozenset({"approver"}))
DOCUMENTED = """{
    "jsonrpc": "2.0",
    "id": "req-1",
    "method": "message/send",
    "params": {
      "message": {
        "role": "user",
        "parts": [{"type": "text", "text": "Check replication lag on prod-db"}]
      }
    }
  }"""


@pytest.fixture(autouse=True)
def closed_gate():
    gate.entered.clear()
    gate.opened.clear()
    yield
    gate.opened.set()


def awaited(check, seconds=60.0):
    end = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)
    return found


def bearer(user):
    return {"Authorization": headers_of(user)["HTTP_AUTHORIZATION"]}


def test_the_documents_curl_is_answered_as_typed(client):
    assert client.post(DOCUMENTED, path="/invoke").json()["result"]["kind"] == "task"
    answer = client.post(DOCUMENTED)
    body = answer.json()
    task = body["result"]
    assert (answer.status_code, body["id"], task["kind"]) == (200, "req-1", "task")
    assert task["status"]["state"] == "completed"
    assert "message" not in task["status"]
    assert task["artifacts"][0]["parts"][0]["text"].startswith("echo: Check replication lag")
    assert task["artifacts"][1]["parts"] == [
        {"kind": "data", "data": {"said": "Check replication lag on prod-db"}}
    ]
    assert answer.headers["x-trace-id"] == task["metadata"]["traceId"]


def test_protocol_1_has_its_own_words(client):
    params = {"message": new(), "configuration": {"history_length": 1}}
    task = client.call("SendMessage", params, version="1.0")["result"]["task"]
    assert task["status"]["state"] == "TASK_STATE_COMPLETED"
    assert task["artifacts"][0]["parts"] == [{"text": "echo: hello"}]
    (said,) = task["history"]
    assert (said["role"], said["messageId"], said["taskId"]) == ("ROLE_USER", "m-1", task["id"])
    found = client.call("GetTask", {"id": task["id"], "historyLength": 0}, version="1.0")
    assert "history" not in found["result"]


REFUSED = [
    (b'{"jsonrpc": "2.0", "method": ', "", -32700),
    (b'{"jsonrpc": "2.0", "id": NaN}', "", -32700),
    ([], "", -32600),
    ({"jsonrpc": "1.0", "id": 1, "method": "tasks/get"}, "", -32600),
    ({"jsonrpc": "2.0", "id": {"a": 1}, "method": "tasks/get"}, "", -32600),
    ({"jsonrpc": "2.0", "id": 1}, "", -32600),
    ({"jsonrpc": "2.0", "id": 1, "method": "tasks/forget"}, "", -32601),
    ({"jsonrpc": "2.0", "id": 1, "method": "SendMessage"}, "", -32601),
    ({"jsonrpc": "2.0", "id": 1, "method": "message/send"}, "1.0", -32601),
    ({"jsonrpc": "2.0", "id": 1, "method": "tasks/get", "params": []}, "", -32602),
    ({"jsonrpc": "2.0", "id": 1, "method": "tasks/get"}, "2.0", -32009),
    ({"jsonrpc": "2.0", "id": 1, "method": "agent/getAuthenticatedExtendedCard"}, "", -32007),
    ({"jsonrpc": "2.0", "id": 1, "method": "GetExtendedAgentCard"}, "1.0", -32004),
]


def test_a_bad_request_gets_the_code_of_its_fault(client):
    for content, version, code in REFUSED:
        answer = client.post(content, version=version)
        assert (answer.status_code, answer.json()["error"]["code"]) == (200, code), content
    assert client.post("x", **{"Content-Type": "text/plain"}).json()["error"]["code"] == -32005
    assert httpx.get(client.url).json()["error"]["code"] == -32600
    assert client.post(b" " * (2 * 1024 * 1024)).status_code == 413
    assert httpx.get(client.url + "/nothing").status_code == 404


MESSAGES = [
    (None, -32602),
    ({"role": "user", "messageId": "m"}, -32602),
    ({"role": "agent", "messageId": "m", "parts": [{"kind": "text", "text": "x"}]}, -32602),
    ({"role": "user", "messageId": "m", "parts": []}, -32602),
    ({"role": "user", "messageId": "m", "parts": [{"kind": "text", "text": 7}]}, -32602),
    ({"role": "user", "parts": [{"kind": "text", "text": "no id"}]}, -32602),
    ({"role": "user", "messageId": "m" * 200, "parts": [{"kind": "text", "text": ""}]}, -32602),
    (old(metadata="x"), -32602),
    (old(parts=[{"kind": "file", "file": {"uri": "https://example.com"}}]), -32005),
    (old(parts=[{"kind": "data", "data": {"skill": "fly"}}]), -32602),
    (old(parts=[{"kind": "data", "data": {"skill": "echo", "arguments": 3}}]), -32602),
    (old(taskId="task-none"), -32001),
]


def test_a_bad_message_makes_no_task(client):
    for message, code in MESSAGES:
        error = client.call("message/send", {"message": message})["error"]
        assert (error["code"], error["data"]["error"]) == (code, error["message"]), message
    assert not HelpdeskTask.objects.exists()


def test_errors_of_protocol_1_say_their_reason(client):
    error = client.call("GetTask", {"id": "task-x"}, version="1.0")["error"]
    (detail,) = error["data"]
    assert (error["code"], detail["reason"]) == (-32001, "TASK_NOT_FOUND")
    assert detail["metadata"] == {"taskId": "task-x"}


def test_who_does_not_wait_is_answered_at_once(client):
    task = client.ask("wait", configuration={"blocking": False})
    assert task["status"]["state"] == "submitted"
    assert gate.entered.wait(60)
    gate.opened.set()
    awaited(
        lambda: (
            client.call("tasks/get", {"id": task["id"]})["result"]["status"]["state"] == "completed"
        )
    )


def test_who_waits_longer_than_the_limit_gets_the_task_as_it_stands(client, settings):
    settings.AURA = settings.AURA.model_copy(update={"agent_wait_s": 0.3})
    assert client.ask("wait")["status"]["state"] in {"submitted", "working"}
    gate.opened.set()


def test_a_skill_is_called_directly_by_its_id(client):
    task = client.skill("echo", text="hi")
    assert task["artifacts"][0]["parts"] == [{"kind": "text", "text": "echo: hi"}]
    assert HelpdeskTask.objects.get().tool == "echo"
    failed = client.skill("fail", text="db-1")
    assert failed["status"]["state"] == "failed"
    assert "ERROR — fail failed for db-1" in failed["status"]["message"]["parts"][0]["text"]


def test_a_stream_tells_what_happens_in_order(client):
    frames = [one["result"] for one in client.stream("message/stream", {"message": old()})]
    assert [one["kind"] for one in frames[:2]] == ["task", "status-update"]
    kinds = [one["kind"] for one in frames]
    assert kinds.index("artifact-update") < len(kinds) - 1
    assert (kinds[-1], frames[-1]["final"]) == ("status-update", True)
    assert frames[-1]["status"]["state"] == "completed"
    assert not any(one.get("final") for one in frames[:-1])


def test_who_subscribes_to_what_waits_for_an_approval_sees_what_comes_of_it(client):
    task = client.skill("burn", text="x")
    assert task["status"]["state"] == "input-required"
    approval = task["metadata"]["approvalId"]
    assert approval in task["status"]["message"]["parts"][0]["text"]
    frames = client.stream("SubscribeToTask", {"id": task["id"]}, version="1.0")
    assert next(frames)["result"]["task"]["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    approvals.approve(approval, by=ADA, reason="it may burn")
    states = [
        one["result"]["statusUpdate"]["status"]["state"]
        for one in frames
        if "statusUpdate" in one["result"]
    ]
    assert (states[0], states[-1]) == ("TASK_STATE_WORKING", "TASK_STATE_COMPLETED")
    refused = client.call("SubscribeToTask", {"id": task["id"]}, version="1.0")
    assert refused["error"]["code"] == -32004
    (refused,) = client.stream("tasks/resubscribe", {"id": task["id"]})
    assert refused["error"]["code"] == -32004


def test_a_task_is_canceled_once(client):
    task = client.skill("burn", text="x")
    canceled = client.call("tasks/cancel", {"id": task["id"]})["result"]
    assert canceled["status"]["state"] == "canceled"
    assert client.call("tasks/cancel", {"id": task["id"]})["error"]["code"] == -32002
    assert client.call("tasks/cancel", {"id": "task-x"})["error"]["code"] == -32001


def test_a_further_message_is_kept_with_a_task_that_has_not_ended(client):
    task = client.skill("burn", text="x")
    again = client.ask("any news?", messageId="m-2", taskId=task["id"])
    assert (again["id"], again["contextId"]) == (task["id"], task["contextId"])
    assert again["status"]["state"] == "input-required"
    assert [one["messageId"] for one in again["history"]] == ["m-1", "m-2"]
    assert client.ask("a\0b\ud800c", taskId=task["id"])["history"][-1]["parts"] == [
        {"kind": "text", "text": "a�b�c"}
    ]
    newest = client.call("tasks/get", {"id": task["id"], "historyLength": 1})["result"]
    assert [one["messageId"] for one in newest["history"]] == ["m-1"]
    elsewhere = old(taskId=task["id"], contextId="ctx-other")
    assert client.call("message/send", {"message": elsewhere})["error"]["code"] == -32602


def test_a_task_that_has_ended_takes_no_message_and_its_context_does(client):
    task = client.ask()
    late = client.call("message/send", {"message": old(taskId=task["id"])})
    assert late["error"]["code"] == -32004
    again = client.ask("and now?", contextId=task["contextId"])
    assert again["contextId"] == task["contextId"]
    assert again["id"] != task["id"]


def test_a_trace_that_is_pinned_is_that_of_every_event(client):
    task = client.ask(metadata={"trace_id": "tr_mine-1", "purpose": "incident"})
    assert task["metadata"]["traceId"] == "tr_mine-1"
    assert HelpdeskTask.objects.get().purpose == "incident"
    assert AuditEvent.objects.filter(trace_id="tr_mine-1").exists()
    request = {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {"message": old()}}
    answer = client.post(request, **{"X-Trace-ID": "tr_mine-2"})
    assert answer.json()["result"]["metadata"]["traceId"] == "tr_mine-2"


def test_tasks_are_listed_newest_first_in_pages(client):
    keys = [client.ask(contextId="ctx-a")["id"] for _ in range(3)]
    client.ask(contextId="ctx-b")

    def page(**params):
        return client.call("ListTasks", params, version="1.0")["result"]

    first = page(contextId="ctx-a", pageSize=2)
    assert [one["id"] for one in first["tasks"]] == keys[:0:-1]
    assert (first["totalSize"], first["pageSize"]) == (3, 2)
    assert "artifacts" not in first["tasks"][0]
    rest = page(contextId="ctx-a", pageSize=2, pageToken=first["nextPageToken"])
    assert [one["id"] for one in rest["tasks"]] == keys[:1]
    assert rest["nextPageToken"] == ""
    assert page(includeArtifacts=True, pageSize=1)["tasks"][0]["artifacts"]
    assert page(status="TASK_STATE_WORKING")["tasks"] == []
    assert page(statusTimestampAfter="2999-01-01T00:00:00Z")["tasks"] == []
    for params in NO_LISTS:
        assert client.call("ListTasks", params, version="1.0")["error"]["code"] == -32602, params


NO_LISTS = [
    {"pageSize": 0},
    {"pageSize": 1000},
    {"pageSize": "2"},
    {"pageToken": "x"},
    {"pageToken": "WzFd"},
    {"status": "completed"},
    {"statusTimestampAfter": "yesterday"},
    {"historyLength": -1},
]


def test_only_operators_ask_and_see_their_own_tasks_alone(client, login_required):
    request = {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {"message": old()}}
    viewer = client.post(request, **bearer(person("vera", Role.VIEWER)))
    assert viewer.status_code == 403
    assert "agents.ask_agents" in viewer.json()["error"]["message"]
    assert client.post(request, Authorization="Bearer aura_no").status_code == 401
    olga, otto = bearer(person("olga", Role.OPERATOR)), bearer(person("otto", Role.OPERATOR))
    task = client.post(request, **olga).json()["result"]
    assert task["status"]["state"] == "completed"
    assert HelpdeskTask.objects.get().asked_by == "olga"
    for method in ("tasks/get", "tasks/cancel", "tasks/resubscribe"):
        answer = client.call(method, {"id": task["id"]}, **otto)
        assert answer["error"]["code"] == -32001
    assert client.call("ListTasks", version="1.0", **otto)["result"]["tasks"] == []
    assert client.call("tasks/get", {"id": task["id"]}, **olga)["result"]["id"] == task["id"]


def test_other_hosts_and_pages_of_other_sites_are_refused(client):
    request = {"jsonrpc": "2.0", "id": 1, "method": "tasks/get", "params": {"id": "x"}}
    assert client.post(request, Host="evil.example").status_code == 400
    assert client.post(request, Origin="https://evil.example").status_code == 403
